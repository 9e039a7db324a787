"""Stage 6 of 13, around a vendor's engine: its silence is checked, not believed.

What it settles without a word is heard by our own detector. Speech of three seconds or more without words is not
settled: it is tried once on another stream, and what stays wordless becomes a gap that the reader sees.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
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
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, Span, samples
from shared.errors import EngineUnavailable
from shared.speech_detector import Network, SpeechDetector, is_silent

Detect = Callable[[bytes], list[bool]]
"""For each whole DETECTOR_FRAME of audio, whether it is speech. Called on a thread."""

SPEECH_MAX: Constant = samples(3)
QUIET: Constant = samples(1)
"""Shorter speech is let go once it is followed by this much quiet: until then it may be the beginning of more."""

SECOND_MS_MAX: Constant = 15_000


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
                    for each in await self._settled(until, now=until in self._flushes):
                        yield each
                case Final(span=span) | Wordless(span=span):
                    if self._held and span.start - self._held[0].start >= SPEECH_MAX:
                        for each in await self._settled(span.start, now=True):
                            yield each
                    self._release(span.until)
                    yield hypothesis
                case _:
                    yield hypothesis

    async def close(self) -> None:
        self._held.clear()
        await self._inner.close()
        if self._trying is not None:
            await self._trying.close()

    # --- the check

    async def _settled(self, until: int, *, now: bool) -> list[Hypothesis]:
        """What may be said of everything before `until`: that it is silence, or what it was after all; else, unless
        it must be said now, nothing yet."""
        start, pcm = self._unsaid(until)
        frames = await asyncio.to_thread(self._detect, pcm)
        speech = sum(frames) * DETECTOR_FRAME
        said: list[Hypothesis] = []
        if speech >= SPEECH_MAX:
            said = await self._again(start, pcm, frames)
        elif speech and not now and any(frames[-(QUIET // DETECTOR_FRAME) :]):
            return []
        self._release(until)
        return [*said, Through(until)]

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

    async def _again(self, start: int, pcm: bytes, frames: list[bool]) -> list[Hypothesis]:
        until = start + len(pcm) // BYTES_PER_SAMPLE
        finals: list[Hypothesis] = []
        try:
            async with asyncio.timeout(SECOND_MS_MAX / 1_000):
                finals = await self._hear_again(start, pcm, until)
        except (EngineUnavailable, TimeoutError):
            pass
        if not finals:
            first, last = frames.index(True), len(frames) - frames[::-1].index(True)
            finals = [Wordless(Span(start + first * DETECTOR_FRAME, start + last * DETECTOR_FRAME))]
        return [Health(Trouble.RECONNECTING), *finals, Health(None)]

    async def _hear_again(self, start: int, pcm: bytes, until: int) -> list[Hypothesis]:
        said: list[Hypothesis] = []
        self._trying = stream = await self._second.open(self._config, start)
        try:
            await stream.feed(start, pcm)
            await stream.flush(until)
            async for hypothesis in stream.heard():
                if isinstance(hypothesis, Final):
                    name = hypothesis.engine or self._second.capabilities.name
                    said.append(replace(hypothesis, engine=name))
                if hypothesis == Through(until):
                    break
        finally:
            self._trying = None
            await stream.close()
        return said
