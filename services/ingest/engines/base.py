"""Stage 6 of 13. The one interface of a speech recogniser: takes audio with its position, gives what was heard.

What every engine keeps, and `tests/contract/test_engines.py` holds each to:

- Finals are monotone, disjoint and inside the audio fed. Nothing is final twice.
- `Through(p)` comes after every Final and Wordless that ends at or before p; nothing before p follows it.
- `flush(at)` finalises everything fed so far, which ends at `at`; `Through(at)` follows. Audio after a flush may start
  beyond `at` (a hole that will never be filled): the engine starts afresh there.
- Recognition never runs on the event loop, and a stream that is closed leaves no task, thread, socket or process.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.domain.entries import Word
from shared.domain.session import SessionConfig
from shared.domain.values import Span


@dataclass(frozen=True, slots=True)
class Hint:
    """The latest interim words for everything after the last final; replaces the hint before it."""

    span: Span
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Final:
    """Words that will not change. The span may include silence around them."""

    span: Span
    text: str = field(repr=False)
    words: tuple[Word, ...] = field(default=(), repr=False)
    """Empty where the engine gives no word times."""
    confidence: int | None = None
    utterance_end: bool = False
    engine: str = ""
    """Who said it, where one stream speaks for several engines; else the engine's own name counts."""


@dataclass(frozen=True, slots=True)
class Wordless:
    """Speech was heard here by our own detector, and no words came of it."""

    span: Span


@dataclass(frozen=True, slots=True)
class Through:
    """Everything before `until` is final: said, or silence."""

    until: int


class Trouble(StrEnum):
    RECONNECTING = "reconnecting"
    FAILING_OVER = "failing_over"
    UNHEARD = "unheard"
    """Speech came to nothing, and is heard once more."""


@dataclass(frozen=True, slots=True)
class Health:
    """Why no words come at present, or, with None, that they come again. Only streams that mend themselves say it."""

    trouble: Trouble | None


Hypothesis = Hint | Final | Wordless | Through | Health


@dataclass(frozen=True, slots=True)
class Capabilities:
    name: str
    word_times: bool
    """Whether finals carry words with times. Without them, overlapping finals cannot be trimmed."""
    settles_in_ms: int
    """How long after the end of an utterance its final may take, on an idle machine; the credit window must exceed
    the longest utterance plus this."""
    utterance_ms_max: int
    streams_max: int
    """Streams one session may have open at once, for catching up."""
    ingest_rate_max: float | None = None
    """Seconds of audio the engine takes in a second; a stream keeps to it by itself. None: as fast as it can."""
    age_ms_max: int | None = None
    """A stream this old ends itself at the next rest, with a failure of the kind `rotate`."""


class EngineStream(Protocol):
    async def feed(self, start: int, pcm: bytes) -> None:
        """Audio from sample `start` of the take: the end of what was fed before, or beyond it right after a flush.

        s16le mono 16 kHz. May wait when the engine is behind. Raises EngineUnavailable when the stream is dead.
        """

    async def flush(self, at: int) -> None:
        """Finalise now what was fed, up to `at`, and say `Through(at)`. Does not wait for it."""

    def heard(self) -> AsyncIterator[Hypothesis]:
        """What was heard, in order, until `close`; iterate once. Raises EngineUnavailable when the stream dies."""

    async def close(self) -> None:
        """Stop at once, without finalising. Safe to call twice, and on a dead stream."""


class Engine(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    async def open(self, config: SessionConfig, start: int) -> EngineStream:
        """A new stream whose audio begins at sample `start` of its take. Raises EngineUnavailable."""

    async def check(self) -> None:
        """Load what must be loaded, before the first session needs it. Raises EngineUnavailable or SetupError."""

    async def close(self) -> None: ...
