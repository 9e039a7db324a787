"""Stage 6 of 13, for tests and rehearsals: an engine whose words prove which audio it was given.

For every 250 ms cell of the take it says the cell's number and a hash of the cell's audio, so that a lost, repeated,
shifted or altered sample changes the text. It settles whole cells; part of a cell is said at a flush. It recognises
nothing, so it needs no thread, and it fails on demand.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final as Constant

from services.ingest.engines.base import Capabilities, Final, Hint, Hypothesis, Through, Wordless
from shared.domain.entries import Word
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, Span, milliseconds, samples
from shared.errors import EngineUnavailable
from shared.ports import Clock

CELL: Constant = samples(0.25)
CELLS_PER_UTTERANCE: Constant = 40
"""Every tenth second of a take ends an utterance, wherever the stream began."""

AHEAD_MAX: Constant = samples(60)
"""Audio fed but not yet heard back; beyond it `feed` waits. A few hundred words."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong. Positions are samples of the take; what happens at one happens once in an engine's life, so
    that whoever opens another stream is served."""

    delay_ms: int = 0
    """Every answer comes this late."""
    slow: float = 0.0
    """Milliseconds of work for each millisecond of audio; above 1 the engine falls behind a speaker."""
    mute_at: int | None = None
    """When audio reaches this sample, nothing is answered for `mute_ms`; then everything is."""
    mute_ms: int = 0
    dies_at: tuple[int, ...] = ()
    """The stream that hears one of these samples dies before it answers for it."""
    deaf: Span | None = None
    """Cells that touch this span are heard as speech without words; every time."""
    refuses: int = 0
    """So many streams are refused before one opens."""


NO_FAULTS: Constant = Faults()


class ScriptedEngine:
    def __init__(self, clock: Clock, faults: Faults = NO_FAULTS) -> None:
        self._clock = clock
        self._faults = faults
        self._to_come = _ToCome(faults)
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="scripted",
            word_times=True,
            settles_in_ms=milliseconds(CELL) + self._faults.delay_ms,
            utterance_ms_max=milliseconds(CELL),
            streams_max=4,
        )

    async def open(self, config: SessionConfig, start: int) -> "ScriptedStream":
        if self._closed:
            raise EngineUnavailable("the scripted engine is closed")
        if self._to_come.refuses():
            raise EngineUnavailable("the scripted engine refuses, as it was told to")
        return ScriptedStream(self._clock, self._faults, self._to_come, start)

    async def check(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        self._closed = True


class _ToCome:
    """The faults of an engine that happen once, and have not."""

    def __init__(self, faults: Faults) -> None:
        self._mute_at = faults.mute_at
        self._deaths = sorted(faults.dies_at)
        self._refusals = faults.refuses

    def refuses(self) -> bool:
        self._refusals -= 1
        return self._refusals >= 0

    def mutes(self, span: Span) -> bool:
        if self._mute_at is None or not span.start <= self._mute_at < span.until:
            return False
        self._mute_at = None
        return True

    def dies(self, span: Span) -> bool:
        for sample in self._deaths:
            if span.start <= sample < span.until:
                self._deaths.remove(sample)
                return True
        return False


@dataclass(frozen=True, slots=True)
class _Answer:
    due_ms: int
    answers: int
    """Samples fed to the stream in all when this was said."""
    hypothesis: Hypothesis


class ScriptedStream:
    def __init__(self, clock: Clock, faults: Faults, to_come: _ToCome, start: int) -> None:
        self._clock = clock
        self._faults = faults
        self._to_come = to_come
        self._position = start
        self._part = bytearray()
        """Audio of the open cell, up to `_position`."""
        self._fed = 0
        self._heard = 0
        """Of the samples fed in all, those whose answer was taken; positions would count holes as work."""
        self._answers: deque[_Answer] = deque()
        self._busy_until_ms = 0
        self._flushed = False
        self._closed = False
        self._dead = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    # --- what it is fed

    async def feed(self, start: int, pcm: bytes) -> None:
        while not self._gone and self._fed - self._heard > AHEAD_MAX:
            self._room.clear()
            await self._room.wait()
        self._check_alive()
        follows = start == self._position or (self._flushed and start > self._position)
        assert follows, "audio must follow what was fed"
        span = Span(start, start + len(pcm) // BYTES_PER_SAMPLE)
        if self._to_come.dies(span):
            self._end(dead=True)
            self._check_alive()
        self._flushed = False
        self._work(span)
        self._take(start, pcm)
        self._say_hint()

    async def flush(self, at: int) -> None:
        self._check_alive()
        assert at >= self._position
        if self._part:
            self._say_cell(utterance_end=True)
        self._position = at
        self._flushed = True
        self._say(Through(at))

    def _take(self, start: int, pcm: bytes) -> None:
        self._position = start
        at = 0
        while at < len(pcm):
            piece = pcm[at : at + (CELL - self._position % CELL) * BYTES_PER_SAMPLE]
            at += len(piece)
            self._part += piece
            self._position += len(piece) // BYTES_PER_SAMPLE
            self._fed += len(piece) // BYTES_PER_SAMPLE
            if self._position % CELL == 0:
                self._say_cell(utterance_end=self._position // CELL % CELLS_PER_UTTERANCE == 0)
                self._say(Through(self._position))

    def _work(self, span: Span) -> None:
        now_ms = self._clock.monotonic_ms()
        work_ms = round(milliseconds(span.length) * self._faults.slow)
        self._busy_until_ms = max(self._busy_until_ms, now_ms) + work_ms
        if self._to_come.mutes(span):
            self._busy_until_ms = max(self._busy_until_ms, now_ms + self._faults.mute_ms)

    # --- what it says

    @property
    def _open_cell(self) -> Span:
        return Span(self._position - len(self._part) // BYTES_PER_SAMPLE, self._position)

    def _say_cell(self, *, utterance_end: bool) -> None:
        span, text = self._open_cell, self._word()
        self._part.clear()
        deaf = self._faults.deaf
        if deaf is not None and span.start < deaf.until and deaf.start < span.until:
            self._say(Wordless(span))
        else:
            self._say(Final(span, text, (Word(text, span),), confidence=100, utterance_end=utterance_end))

    def _say_hint(self) -> None:
        if self._part:
            self._say(Hint(self._open_cell, self._word()))

    def _word(self) -> str:
        return f"{self._open_cell.start // CELL}:{hashlib.sha256(self._part).hexdigest()[:8]}"

    def _say(self, hypothesis: Hypothesis) -> None:
        if self._answers and isinstance(self._answers[-1].hypothesis, Hint):
            self._answers.pop()
        due_ms = max(self._busy_until_ms, self._clock.monotonic_ms()) + self._faults.delay_ms
        self._answers.append(_Answer(due_ms, self._fed, hypothesis))
        self._news.set()

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while True:
            while not self._answers and not self._gone:
                self._news.clear()
                await self._news.wait()
            self._check_alive(closed=False)
            if self._closed:
                return
            wait_ms = self._answers[0].due_ms - self._clock.monotonic_ms()
            if wait_ms > 0:
                await self._clock.sleep_ms(wait_ms)
                continue
            answer = self._answers.popleft()
            self._heard = answer.answers
            self._room.set()
            yield answer.hypothesis

    # --- how it ends

    @property
    def _gone(self) -> bool:
        return self._closed or self._dead

    def _check_alive(self, *, closed: bool = True) -> None:
        if self._dead:
            raise EngineUnavailable("the scripted engine died, as it was told to")
        if self._closed and closed:
            raise EngineUnavailable("this stream of the scripted engine is closed")

    async def close(self) -> None:
        self._end(dead=False)

    def _end(self, *, dead: bool) -> None:
        self._closed = self._closed or not dead
        self._dead = self._dead or dead
        self._answers.clear()
        self._part.clear()
        self._news.set()
        self._room.set()
