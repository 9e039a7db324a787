"""Stage 6 of 13, around a vendor's engine: its silence is checked, not believed.

What it settles without a word is heard by our own detector. Speech of three seconds or more without words is not
settled, be it at once or in pieces since its last word: it is tried once on another stream, and what stays wordless
becomes a gap that the reader sees.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Final as Constant

import numpy as np

from services.ingest.engines.base import (
    Capabilities,
    Engine,
    EngineStream,
    Final,
    Health,
    Hypothesis,
    Through,
    Trouble,
    Wordless,
)
from services.ingest.engines.held import Audio
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, SAMPLES_PER_SECOND, Span, samples
from shared.errors import EngineUnavailable
from shared.speech_detector import Network, SpeechDetector, is_silent

Detect = Callable[[bytes], list[bool]]
"""For each whole DETECTOR_FRAME of audio, whether it is speech. Called on a thread."""

SPEECH_MAX: Constant = samples(3)
SPEECH_LEAST: Constant = samples(0.5)
"""What counts as words of an engine that has let so many pieces go that it must be deaf."""

QUIET: Constant = samples(1)
"""Shorter speech is let go once it is followed by this much quiet: until then it may be the beginning of more."""

SECOND_MS_MAX: Constant = 15_000

SOUND: Constant = np.tile(np.array([9_000, -9_000], "<i2"), DETECTOR_FRAME // 2).tobytes()


class DetectSpeech:
    """`Detect` by our voice-activity network, which is loaded when there is a first sound to judge."""

    def __init__(self, load: Callable[[], Network], threshold: float = 0.5) -> None:
        self._load = load
        self._threshold = threshold
        self._network: Network | None = None

    def __call__(self, pcm: bytes) -> list[bool]:
        heard = np.frombuffer(pcm, "<i2")
        frames = [
            heard[at : at + DETECTOR_FRAME]
            for at in range(0, len(heard) - DETECTOR_FRAME + 1, DETECTOR_FRAME)
        ]
        if all(is_silent(frame) for frame in frames):
            return [False] * len(frames)
        self._network = self._network or self._load()
        detector = SpeechDetector(self._network)
        return [detector.probability(frame) >= self._threshold for frame in frames]


class Checked:
    def __init__(self, engine: Engine, second: Engine, detect: Detect) -> None:
        """`second` hears what `engine` had no words for; it may be the same. Only `engine` is closed with this one."""
        self._engine = engine
        self._second = second
        self._detect = detect

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    async def open(self, config: SessionConfig, start: int) -> "CheckedStream":
        inner = await self._engine.open(config, start)
        return CheckedStream(inner, self._second, config, self._detect)

    async def check(self) -> None:
        await self._engine.check()
        # A detector that cannot be loaded is found out now, and not by the first clinician.
        await asyncio.to_thread(self._detect, SOUND)

    async def close(self) -> None:
        await self._engine.close()


class CheckedStream:
    def __init__(self, inner: EngineStream, second: Engine, config: SessionConfig, detect: Detect) -> None:
        self._inner = inner
        self._second = second
        self._config = config
        self._detect = detect
        self._held: deque[Audio] = deque()
        """Audio not settled: bounded by the credit window, as it is with whoever replays it."""
        self._flushes: set[int] = set()
        self._health = Health(None)
        """What the engine said of itself last."""
        self._let_go = 0
        """Samples of speech taken for a cough or the like since the engine last had a word: a deaf one is known by many."""
        self._trying: EngineStream | None = None

    async def feed(self, start: int, pcm: bytes) -> None:
        if pcm:
            self._held.append(Audio(start, pcm))
        await self._inner.feed(start, pcm)

    async def flush(self, at: int) -> None:
        self._flushes.add(at)
        await self._inner.flush(at)

    async def heard(self) -> AsyncIterator[Hypothesis]:
        async for hypothesis in self._inner.heard():
            match hypothesis:
                case Through(until=until):
                    async for each in self._settled(until):
                        yield each
                    continue
                case Final(span=span) | Wordless(span=span):
                    if self._held and span.start - self._held[0].start >= SPEECH_MAX:
                        async for each in self._settled(span.start, now=True):
                            yield each
                    self._release(span.until)
                    self._let_go = 0
                case Health():
                    self._health = hypothesis
            yield hypothesis

    async def close(self) -> None:
        self._held.clear()
        await self._inner.close()
        if self._trying is not None:
            await self._trying.close()

    # --- the check

    async def _settled(self, until: int, *, now: bool = False) -> AsyncIterator[Hypothesis]:
        """What may be said of everything before `until`: that it is silence, or what it was after all; else, unless
        it must be said `now`, nothing yet. One flush after the other: what lies on both sides of a hole is not one."""
        for at in sorted({*(at for at in self._flushes if at < until), until}):
            start, pcm = self._unsaid(at)
            frames = await asyncio.to_thread(self._detect, pcm)
            speech = sum(frames) * DETECTOR_FRAME
            if speech and self._let_go + speech >= SPEECH_MAX:
                yield Health(Trouble.UNHEARD)
                least = SPEECH_MAX if speech >= SPEECH_MAX else min(speech, SPEECH_LEAST)
                for each in _with_gaps(start, frames, await self._again(start, pcm), least):
                    yield each
                yield self._health
            elif speech and not (now or at in self._flushes) and any(frames[-(QUIET // DETECTOR_FRAME) :]):
                return
            self._let_go += speech
            self._release(at)
            yield Through(at)

    def _unsaid(self, until: int) -> tuple[int, bytes]:
        pieces = [piece for piece in self._held if piece.start < until]
        start = pieces[0].start if pieces else until
        return start, b"".join(piece.pcm for piece in pieces)[: (until - start) * BYTES_PER_SAMPLE]

    def _release(self, until: int) -> None:
        while self._held and self._held[0].until <= until:
            self._held.popleft()
        if self._held:
            self._held[0] = self._held[0].after(until)
        self._flushes = {at for at in self._flushes if at > until}

    async def _again(self, start: int, pcm: bytes) -> list[Final]:
        """What another stream has to say to it; where that one fails or is late, what it said until then."""
        finals: list[Final] = []
        spoken_s = len(pcm) / BYTES_PER_SAMPLE / SAMPLES_PER_SECOND
        hearing_s = spoken_s / (self._second.capabilities.ingest_rate_max or 1.0)
        try:
            async with asyncio.timeout(SECOND_MS_MAX / 1_000 + hearing_s):
                await self._hear_again(start, pcm, finals)
        except (EngineUnavailable, TimeoutError):
            pass
        return finals

    async def _hear_again(self, start: int, pcm: bytes, finals: list[Final]) -> None:
        until = start + len(pcm) // BYTES_PER_SAMPLE
        self._trying = stream = await self._second.open(self._config, start)
        try:
            await stream.feed(start, pcm)
            await stream.flush(until)
            async for hypothesis in stream.heard():
                if isinstance(hypothesis, Final):
                    name = hypothesis.engine or self._second.capabilities.name
                    finals.append(replace(hypothesis, engine=name))
                if hypothesis == Through(until):
                    return
        finally:
            self._trying = None
            await stream.close()


def _with_gaps(
    start: int, frames: Sequence[bool], finals: Sequence[Final], least: int
) -> list[Final | Wordless]:
    """The finals, and a Wordless for each stretch between them that still holds `least` samples of speech."""
    said: list[Final | Wordless] = []
    position = start
    end = start + len(frames) * DETECTOR_FRAME
    for final in (*finals, None):
        until = final.span.start if final is not None else end
        speech = [
            at
            for at in range((position - start) // DETECTOR_FRAME, (until - start) // DETECTOR_FRAME)
            if frames[at]
        ]
        if len(speech) * DETECTOR_FRAME >= least:
            first, last = start + speech[0] * DETECTOR_FRAME, start + (speech[-1] + 1) * DETECTOR_FRAME
            said.append(Wordless(Span(max(position, first), last)))
        if final is not None:
            said.append(final)
            position = final.span.until
    return said
