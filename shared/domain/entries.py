"""What a session's log is made of: segments and gaps, and the polished text over them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.domain.values import Span

ENTRIES_PER_COMMIT_MAX: Final = 16
"""Keeps a commit far below the 1 MB that every store takes in one request, and its latency even."""


class GapCause(StrEnum):
    """Why speech will never come."""

    ABANDONED = "abandoned"
    UNRECOGNISED = "unrecognised"
    LOST_AFTER_ACK = "lost_after_ack"
    TAPE_OVERFLOW = "tape_overflow"
    DEVICE_LOST = "device_lost"
    SUSPENDED = "suspended"


NEVER_CAPTURED = frozenset({GapCause.TAPE_OVERFLOW, GapCause.DEVICE_LOST, GapCause.SUSPENDED})
"""Causes whose span is empty, because no sample of that time exists; `wall_ms` says how long it was.
All other causes lose samples that were captured, and name them."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str = field(repr=False)
    span: Span


@dataclass(frozen=True, slots=True)
class Segment:
    """Final words for a span. The text is kept out of `repr`, so that no trace or log can show it."""

    take: int
    span: Span
    text: str = field(repr=False)
    words: tuple[Word, ...] = field(default=(), repr=False)
    engine: str = ""
    confidence: int | None = None
    """Per cent, 0..100, or None where the engine gives none."""
    utterance_end: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Speech that will never come. For the causes in NEVER_CAPTURED the span is empty."""

    take: int
    span: Span
    cause: GapCause
    wall_ms: int = 0

    def __post_init__(self) -> None:
        if self.cause in NEVER_CAPTURED:
            assert self.span.is_empty


Entry = Segment | Gap


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry at its place in the session's log."""

    index: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Polished:
    """The polished text of the entries `first..last`, inclusive, at its place in the polished log."""

    index: int
    first: int
    last: int
    text: str = field(repr=False)
    model: str = ""
    prompt_version: str = ""
    flags: tuple[str, ...] = ()
