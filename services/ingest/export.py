"""A session as a file: plain text or Markdown to read, JSON with everything. Pure; `sessions.py` reads what it renders."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from services.ingest.follow import entry_message, polished_message
from services.ingest.remarks import remark_on
from services.ingest.summary import Summary
from shared.domain.entries import NEVER_CAPTURED, Gap, Logged, Polished
from shared.domain.takes import Take
from shared.domain.values import SAMPLES_PER_SECOND, LogId, milliseconds


class Format(StrEnum):
    TXT = "txt"
    JSON = "json"
    MD = "md"


MEDIA_TYPES: Final = {
    Format.TXT: "text/plain",
    Format.JSON: "application/json",
    Format.MD: "text/markdown",
}


@dataclass(frozen=True, slots=True)
class Note:
    """All of a session as it was at one moment: the log up to its document's `next_index`, and what is polished of it."""

    summary: Summary
    log_id: LogId
    takes: tuple[Take, ...]
    entries: list[Logged] = field(repr=False)
    """In log order, which within a take is sample order."""
    polished: list[Polished] = field(repr=False)


def render(note: Note, form: Format) -> bytes:
    match form:
        case Format.TXT:
            return _text(note).encode()
        case Format.MD:
            return _markdown(note).encode()
        case Format.JSON:
            return _json(note)


# --- for people


@dataclass(frozen=True, slots=True)
class _Mark:
    """What the reader must know and nobody said: a gap, or a tail that has not arrived."""

    text: str


@dataclass(frozen=True, slots=True)
class _Words:
    text: str = field(repr=False)
    remark: str = ""
    """What the reader should know of them."""


_Piece = _Words | _Mark


class _Footnotes:
    """Each remark once, by the number its marks have, in the order in which they are met."""

    def __init__(self, mark: str, line: str) -> None:
        """Both for `str.format`: of a number, and of a number and a remark."""
        self._mark = mark
        self._line = line
        self._numbers: dict[str, int] = {}

    def told(self, piece: _Piece, written: Callable[[str], str] = str) -> str:
        if isinstance(piece, _Mark):
            return piece.text
        if not piece.remark:
            return written(piece.text)
        number = self._numbers.setdefault(piece.remark, len(self._numbers) + 1)
        # Stripped first: a line that ends may be written with a sign that would swallow the mark.
        return written(piece.text.rstrip()) + self._mark.format(number)

    @property
    def lines(self) -> list[str]:
        return [self._line.format(number, remark) for remark, number in self._numbers.items()]


def _text(note: Note) -> str:
    parts = []
    footnotes = _Footnotes(" [note {}]", "[note {}] {}")
    for take, pieces in _read(note):
        heading = [f"Take {take}"] if len(note.takes) > 1 else []
        parts.append(heading + [footnotes.told(piece) for piece in pieces])
    if footnotes.lines:
        parts.append(footnotes.lines)
    return "\n".join("".join(f"{line}\n" for line in part) for part in parts)


def _markdown(note: Note) -> str:
    title = _escaped(" ".join(note.summary.label.split())).strip() or "Dictation"
    blocks = [f"# {title}"]
    footnotes = _Footnotes("[^{}]", "[^{}]: {}")
    for take, pieces in _read(note):
        if len(note.takes) > 1:
            blocks.append(f"## Take {take}")
        blocks += [footnotes.told(piece, _escaped) for piece in pieces]
    return "\n\n".join(blocks + footnotes.lines) + "\n"


def _read(note: Note) -> Iterator[tuple[int, list[_Piece]]]:
    """Each take that holds anything, with a piece for every utterance, gap and tail, in the order they happened."""
    polished = _polished_by_entry(note)
    for take in note.takes:
        pieces = list(_pieces([each for each in note.entries if each.entry.take == take.number], polished))
        if take.undelivered:
            pieces.append(_Mark(f"[{_seconds(take.undelivered)} s not yet delivered]"))
        if pieces:
            yield take.number, pieces


def _pieces(log: list[Logged], polished: dict[int, Polished]) -> Iterator[_Piece]:
    """Polished text where an utterance has one, the raw words where it has none yet, and gaps wherever they are."""
    raw: list[str] = []
    told: set[int] = set()
    for logged in log:
        entry, over = logged.entry, polished.get(logged.index)
        if raw and (isinstance(entry, Gap) or over):
            yield _Words(" ".join(raw))
            raw.clear()
        if isinstance(entry, Gap):
            yield _Mark(gap_text(entry))
        elif over is None:
            raw.append(entry.text)
            if entry.utterance_end:
                yield _Words(" ".join(raw))
                raw.clear()
        elif over.index not in told:
            told.add(over.index)
            if over.text:
                yield _Words(over.text, remark_on(over.flags))
    if raw:
        yield _Words(" ".join(raw))


def _polished_by_entry(note: Note) -> dict[int, Polished]:
    """For each entry the polished text that stands for it: the latest, and never two that say the same words."""
    by_entry: dict[int, Polished] = {}
    for each in reversed(note.polished):
        over = note.entries[each.first : each.last + 1]
        is_whole = len(over) == each.last + 1 - each.first and len({one.entry.take for one in over}) == 1
        if is_whole and not any(one.index in by_entry for one in over):
            by_entry.update((one.index, each) for one in over)
    return by_entry


def gap_text(gap: Gap) -> str:
    """Never shorter than the gap: its start is rounded down and its end up."""
    start, until = _time(gap.span.start // SAMPLES_PER_SECOND), _time(_seconds(gap.span.until))
    if gap.cause in NEVER_CAPTURED:
        return f"[gap {start}-{start}: {gap.cause}, {-(-gap.wall_ms // 1_000)} s not captured]"
    return f"[gap {start}-{until}: {gap.cause}]"


def _seconds(sample_count: int) -> int:
    """Rounded up: what is missing must never read as nothing."""
    return -(-sample_count // SAMPLES_PER_SECOND)


def _time(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_TURNING: Final = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Characters that nobody sees and that turn the direction of what follows: `12` after one is read as `21`."""

_LINE_START: Final = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]\s))", re.M)


def _escaped(text: str) -> str:
    """Words that Markdown shows exactly as they are: a dictated `#` is no heading, a dictated `<` no markup."""
    text = _SPECIAL.sub(r"\\\1", text.translate(_TURNING))
    text = _LINE_START.sub(lambda found: found[1] + _mark_escaped(found[2]), text)
    return re.sub(r"(?<!\n)\n(?!\n)", "\\\\\n", text)


def _mark_escaped(start: str) -> str:
    # Of "1. " the dot is what makes a list of it, and a backslash before a digit would be shown.
    return f"{start}\\" if start.isdigit() else f"\\{start}"


# --- for programs


def _json(note: Note) -> bytes:
    everything = {
        "session": note.summary,
        "log_id": note.log_id,
        "takes": [
            {
                "take": take.number,
                "covered_ms": milliseconds(take.covered),
                "undelivered_ms": milliseconds(take.undelivered),
            }
            for take in note.takes
        ],
        # Sorting is stable: within a take the log's order stays.
        "entries": [entry_message(each) for each in sorted(note.entries, key=lambda each: each.entry.take)],
        "polished": [polished_message(each) for each in note.polished],
    }
    return msgspec.json.encode(everything)
