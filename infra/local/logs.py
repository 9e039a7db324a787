"""The children's log lines, on their way to stderr: each with its child's name before it.

A thread writes them. A terminal that is paused, or a pipe that nobody reads, then costs log lines, which are counted,
and never stops a child that waits to write one.
"""

import queue
import threading
from typing import Final, TextIO

LINES_MAX: Final = 1_000
LINE_BYTES_MAX: Final = 16_384
CLOSE_S_MAX: Final = 0.5

_COLOURS: Final = (36, 33, 35, 32, 34, 31, 96, 93, 95, 92, 94, 91)


class LogLines:
    """Takes bytes as they come from any number of children and writes whole lines."""

    def __init__(self, out: TextIO, *, lines_max: int = LINES_MAX) -> None:
        self._out = out
        self._coloured = out.isatty()
        self._lines: queue.Queue[str | None] = queue.Queue(lines_max)
        self._dropped = 0
        self._prefixes: dict[str, str] = {}
        self._parts: dict[str, bytes] = {}
        self._thread = threading.Thread(target=self._write, name="log-lines", daemon=True)
        self._thread.start()

    def feed(self, child: str, read: bytes) -> None:
        """Any cut of the child's output; what is no whole line yet waits for the rest."""
        *whole, rest = (self._parts.get(child, b"") + read).split(b"\n")
        for line in whole:
            self.say(child, line.decode("utf-8", "replace"))
        if len(rest) > LINE_BYTES_MAX:
            self.say(child, rest[:LINE_BYTES_MAX].decode("utf-8", "replace"))
            rest = b""
        self._parts[child] = rest

    def ended(self, child: str) -> None:
        """The child is gone; a last line without its end is written too."""
        rest = self._parts.pop(child, b"")
        if rest:
            self.say(child, rest.decode("utf-8", "replace"))

    def say(self, child: str, line: str) -> None:
        try:
            if self._dropped:
                self._lines.put_nowait(f"({self._dropped} log lines were dropped: nobody read them)")
                self._dropped = 0
            self._lines.put_nowait(self._prefix(child) + line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, for a moment at most."""
        try:
            self._lines.put(None, timeout=CLOSE_S_MAX)
        except queue.Full:
            return
        self._thread.join(CLOSE_S_MAX)

    def _prefix(self, child: str) -> str:
        if child not in self._prefixes:
            colour = _COLOURS[len(self._prefixes) % len(_COLOURS)]
            name = f"\x1b[{colour}m{child:<9}\x1b[0m" if self._coloured else child
            self._prefixes[child] = f"{name} | "
        return self._prefixes[child]

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (OSError, ValueError):
                # Nobody reads stderr any more; the children go on.
                continue
