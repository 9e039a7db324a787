"""What `steno stream` shows while it runs: the words as they come, one live line on a terminal, and honest trouble."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, TextIO

import msgspec
from msgspec import UNSET
from rich.cells import cell_len, set_cell_size

from client.cli.terminal import minutes, one_line, printable
from client.link_state import Link, Phase
from client.wanted import Watcher
from shared.wire.messages import EntrySent, HintSent, Notice, ServerMessage, Ticket, Welcome

TROUBLE_AFTER_MS: Final = 1_000
SILENCE_AFTER_MS: Final = 3_000
"""Most connections are there, or back, before a person could have read about it. Where nothing has failed yet, a slow
machine is likelier than a missing one."""

TROUBLE_AGAIN_MS: Final = 30_000

COLUMNS: Final = 80
_CONNECTED: Final = frozenset({Phase.LIVE, Phase.FINISHING, Phase.FINISHED})
_OVER: Final = frozenset({Phase.DONE, Phase.STOPPED})
_SAYS: Final = {
    Phase.LIVE: "listening",
    Phase.FINISHING: "finishing",
    Phase.FINISHED: "finished; waiting for the polished note",
}


class Display(Watcher):
    """What all ways of showing share: a connection that is missing is said on stderr, and when it is back.

    Nothing that is shown decides about a dictation: where it cannot be written, that is said, and the run goes on.
    """

    def __init__(self, out: TextIO, err: TextIO, now_ms: int) -> None:
        self.is_output_lost = False
        self._out = out
        self._err = err
        self._link: Link | None = None
        self._lost_at_ms: int | None = now_ms
        self._said_at_ms: int | None = None
        self._trouble: str | None = None

    def moved(self, link: Link) -> None:
        self._link = link

    def troubled(self, sentence: str) -> None:
        self._trouble = sentence

    def said(self, sentence: str) -> None:
        self.say(one_line(printable(sentence)))

    def tick(self, now_ms: int) -> None:
        """Called several times a second."""
        if self._link is None or self._link.phase in _OVER:
            return
        if self._link.phase in _CONNECTED:
            if self._said_at_ms is not None:
                self.say("connected again" if self._link.delivery.covered else "connected")
            self._lost_at_ms = self._said_at_ms = None
            self._trouble = None
            return
        if self._lost_at_ms is None:
            self._lost_at_ms = now_ms
        if now_ms >= self._due_ms(self._lost_at_ms):
            self._said_at_ms = now_ms
            trouble = printable(self._trouble or "no answer yet")
            self.say(f"no connection ({trouble}); trying again, nothing is lost")

    def _due_ms(self, lost_at_ms: int) -> int:
        if self._said_at_ms is not None:
            return self._said_at_ms + TROUBLE_AGAIN_MS
        return lost_at_ms + (SILENCE_AFTER_MS if self._trouble is None else TROUBLE_AFTER_MS)

    def say(self, line: str) -> None:
        self.tell(f"{line}\n")

    def tell(self, text: str) -> None:
        """On stderr. Who cannot be told there cannot be told at all."""
        with suppress(OSError):
            self._err.write(text)
            self._err.flush()

    def put(self, line: str) -> None:
        """A line of the result, on stdout. After the first that cannot be written there is no other: none is missing between."""
        if self.is_output_lost:
            return
        try:
            self._out.write(f"{line}\n")
            self._out.flush()
        except OSError as error:
            self.is_output_lost = True
            self.say(
                f"cannot write the output ({error.strerror}); the dictation goes on, and is stored all the same"
            )

    def close(self) -> None:
        """Leave the terminal as it was."""


class JsonLines(Display):
    """Every server message as one line of JSON on stdout, and lines of type `trouble` for what else must be known."""

    def heard(self, message: ServerMessage) -> None:
        if isinstance(message, Ticket):
            # A credential has no place in a file or a log, where such lines end up.
            self.write({"type": "ticket", "expires_in_ms": message.expires_in_ms})
        else:
            self.write(message)

    def said(self, sentence: str) -> None:
        super().said(sentence)
        self.write({"type": "trouble", "text": sentence})

    def write(self, line: ServerMessage | Mapping[str, object]) -> None:
        self.put(msgspec.json.encode(line).decode())


class Words(Display):
    """The words on stdout, each once, and a live line below them where stderr is a terminal."""

    def __init__(self, out: TextIO, err: TextIO, now_ms: int) -> None:
        super().__init__(out, err, now_ms)
        self._has_line = err.isatty()
        self._shown = 0
        self._hint = ""
        self._log_id = ""
        self._notice: Notice | None = None

    def heard(self, message: ServerMessage) -> None:
        match message:
            case Welcome(log_id=log_id):
                self._shown = self._shown if log_id == self._log_id else 0
                self._log_id = log_id
            case HintSent(text=text):
                self._hint = text
            case EntrySent(index=index) if index >= self._shown:
                self._shown = index + 1
                self._hint = ""
                self._clear()
                self.put(entry_line(message))
                self._draw()
            case Notice() if message != self._notice:
                self._notice = message
                self.say(printable(message.text))

    def tick(self, now_ms: int) -> None:
        super().tick(now_ms)
        self._draw()

    def say(self, line: str) -> None:
        self._clear()
        super().say(line)

    def close(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._has_line:
            self.tell("\r\x1b[K")

    def _draw(self) -> None:
        if self._has_line and self._link is not None:
            line = fitted(live_line(self._link, self._hint), columns_of(self._err) - 1)
            self.tell(f"\r\x1b[K{line}")


def live_line(link: Link, hint: str) -> str:
    delivery = link.delivery
    state = _SAYS.get(link.phase, "not connected, keeping everything")
    places = f"{minutes(delivery.captured_until)} captured, {minutes(delivery.covered)} stored"
    return f"{state} | {places}{f' | {hint}' if hint else ''}"


def fitted(line: str, columns: int) -> str:
    """On one line of the terminal; of a long one the end, where the newest words are."""
    line = printable(line).replace("\n", " ")
    if cell_len(line) <= columns:
        return line
    kept = line
    while kept and cell_len(kept) >= columns:
        kept = kept[1:]
    return set_cell_size("…" + kept, columns)


def entry_line(entry: EntrySent) -> str:
    take = f"take {entry.take} " if entry.take > 1 else ""
    if entry.cause is UNSET:
        words = "" if entry.text is UNSET else printable(entry.text).replace("\n", " ")
        return f"{take}{minutes(entry.start):>5}  {words}"
    if entry.start == entry.until:
        missed_s = (0 if entry.wall_ms is UNSET else entry.wall_ms) / 1_000
        return f"{take}[gap at {minutes(entry.start)}: {entry.cause}, {missed_s:.0f} s not recorded]"
    return f"{take}[gap {minutes(entry.start)}-{minutes(entry.until)}: {entry.cause}]"


def columns_of(stream: TextIO) -> int:
    """Of the terminal; one that does not know, as on a serial line, says 0."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (OSError, ValueError):
        return COLUMNS
