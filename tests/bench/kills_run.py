"""Runs for `kills.py`: one dictation to both vendors, while they are killed in turn."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

import numpy as np

from services.ingest.engines.base import Engine, EngineStream
from services.ingest.engines.build import compose
from services.ingest.engines.checked import DetectSpeech
from services.ingest.engines.scripted import CELL
from services.ingest.segmenter import Segmenter
from shared.domain.entries import Gap, Segment
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, samples
from shared.speech_detector import VoiceNetwork
from shared.tasks import together
from tests.doubles.fault_proxy import FaultProxy, Mode, proxying
from tests.providers.hurried import VENDORS, HurriedClock, engine_at, limits_of, serving
from tests.providers.session import Setting

CHUNK: Final = samples(0.1)
CREDIT: Final = samples(120)
"""A recorder sends no further than this beyond what is covered."""

RETRY_MS: Final = 100
JITTER: Final = 0.25
"""Kills come at even distances, give or take so much of one."""


@dataclass(frozen=True)
class Play:
    pcm: bytes = field(repr=False)
    kills_per_s: float
    """Of audio."""
    away_s: float
    speed: float
    seed: int

    def without_kills(self) -> "Play":
        return replace(self, kills_per_s=0.0)

    @property
    def until(self) -> int:
        return len(self.pcm) // BYTES_PER_SAMPLE

    def killed_at(self) -> list[int]:
        """In samples, in order."""
        draw = Random(self.seed)
        count = round(self.until / SAMPLES_PER_SECOND * self.kills_per_s)
        apart = self.until / count if count else 0
        return [round(apart * (each + 0.5 + draw.uniform(-JITTER, JITTER))) for each in range(count)]


@dataclass
class Heard:
    audio_s: float
    texts: list[str] = field(default_factory=list, repr=False)
    engines: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    """Each ended one or more connections."""
    connections: int = 0
    behind_s: list[float] = field(default_factory=lambda: [0.0])
    """The most audio that was waiting for its words: before the first kill, and after each of them."""
    wall_s: float = 0.0
    violations: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    @property
    def segments(self) -> int:
        return len(self.texts)


def noise(seed: int, length: int) -> bytes:
    """No two cells are the same, and every tenth or so is quiet enough to split a backlog at."""
    draw = np.random.default_rng(seed)
    audio = draw.integers(-9_000, 9_000, (length // CELL, CELL)).astype("<i2")
    audio[draw.random(len(audio)) < 0.1] //= 200
    return audio.tobytes()


def cells(pcm: bytes) -> list[str]:
    """What `scripted` says to it behind a vendor's server, which does not know the cells' numbers."""
    size = CELL * BYTES_PER_SAMPLE
    return [hashlib.sha256(pcm[at : at + size]).hexdigest()[:8] for at in range(0, len(pcm), size)]


async def dictate(play: Play, behind: Engine) -> Heard:
    """`behind` is what the vendors' servers hear with."""
    heard = Heard(play.until / SAMPLES_PER_SECOND)
    began = time.monotonic()
    settings = {vendor: Setting(behind, time_scale=play.speed) for vendor in VENDORS}
    async with _composed(play, settings) as (engine, proxies):
        stream = await engine.open(SessionConfig(), 0)
        try:
            await _Dictation(play, stream, proxies, heard).run()
        finally:
            await stream.close()
    heard.wall_s = time.monotonic() - began
    for vendor, setting in settings.items():
        heard.connections += len(setting.requests)
        heard.violations += [f"{vendor}: {violation}" for violation in setting.violations]
    return heard


@asynccontextmanager
async def _composed(
    play: Play, settings: Mapping[str, Setting]
) -> AsyncIterator[tuple[Engine, dict[str, FaultProxy]]]:
    proxies: dict[str, FaultProxy] = {}
    async with AsyncExitStack() as opened:
        engines = []
        for vendor, setting in settings.items():
            address = await opened.enter_async_context(serving(vendor, setting))
            proxies[vendor] = await opened.enter_async_context(proxying(address))
            engines.append(engine_at(vendor, proxies[vendor].address, limits_of(vendor, play.speed)))
        clock = HurriedClock(play.speed)
        engine = compose(engines, clock, Random(play.seed).random, DetectSpeech(VoiceNetwork))
        opened.push_async_callback(engine.close)
        yield engine, proxies


class _Dictation:
    def __init__(
        self, play: Play, stream: EngineStream, proxies: Mapping[str, FaultProxy], heard: Heard
    ) -> None:
        self._play = play
        self._stream = stream
        self._proxies = proxies
        self._heard = heard
        self._clock = HurriedClock(play.speed)
        self._segmenter = Segmenter(1, 0, 0, "composed")
        self._progress = asyncio.Event()
        self._due = play.killed_at()
        self._next = 0
        """Whose turn it is to die."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as returning:
            await together(self._listen(), self._speak(returning))

    async def _speak(self, returning: asyncio.TaskGroup) -> None:
        began_ms = self._clock.monotonic_ms()
        for at in range(0, self._play.until, CHUNK):
            until = min(at + CHUNK, self._play.until)
            spoken_ms = until * 1_000 // SAMPLES_PER_SECOND
            await self._clock.sleep_ms(max(0, began_ms + spoken_ms - self._clock.monotonic_ms()))
            while until - self._segmenter.settled > CREDIT:
                self._progress.clear()
                await self._progress.wait()
            await self._stream.feed(at, self._play.pcm[at * BYTES_PER_SAMPLE : until * BYTES_PER_SAMPLE])
            behind_s = (until - self._segmenter.settled) / SAMPLES_PER_SECOND
            self._heard.behind_s[-1] = max(self._heard.behind_s[-1], behind_s)
            if self._due and until >= self._due[0]:
                self._due.pop(0)
                returning.create_task(self._kill())
        await self._stream.flush(self._play.until)

    async def _kill(self) -> None:
        while (victim := self._reset_one()) is None:
            # On its way from one to the other; whoever takes it next dies at once.
            await self._clock.sleep_ms(RETRY_MS)
        self._heard.kills[victim] += 1
        self._heard.behind_s.append(0.0)
        self._next = 1 - VENDORS.index(victim)
        self._proxies[victim].mode = Mode.REFUSE
        await self._clock.sleep_ms(round(self._play.away_s * 1_000))
        self._proxies[victim].mode = Mode.PASS

    def _reset_one(self) -> str | None:
        """The vendor whose turn it is, or the other where the session is not there; None where it is at neither."""
        for vendor in (VENDORS[self._next], VENDORS[1 - self._next]):
            proxy = self._proxies[vendor]
            before = proxy.did["reset"]
            proxy.reset()
            if proxy.did["reset"] > before:
                return vendor
        return None

    async def _listen(self) -> None:
        async for hypothesis in self._stream.heard():
            for each in self._segmenter.hear(hypothesis):
                match each.entry:
                    case Segment(text=text, engine=engine):
                        self._heard.texts.append(text)
                        self._heard.engines[engine] += 1
                    case Gap():
                        self._heard.gaps += 1
            self._progress.set()
            if self._segmenter.settled >= self._play.until:
                return
