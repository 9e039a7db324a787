"""The engines that `test_engines.py` holds to the contract, the audio it plays to them, and how it plays it."""

import asyncio
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from services.ingest.engines.base import Engine, EngineStream, Final, Health, Hypothesis, Through, Wordless
from services.ingest.engines.deepgram import DeepgramEngine
from services.ingest.engines.fallback import Fallback
from services.ingest.engines.parallel import Parallel
from services.ingest.engines.reconnecting import Reconnecting
from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.scripted import Faults, ScriptedEngine
from services.ingest.engines.speechmatics import SpeechmaticsEngine
from services.ingest.engines.whisper.engine import Models, WhisperEngine
from services.ingest.engines.whisper.recogniser import WhisperModel
from shared.adapters.clocks import SystemClock
from shared.config import load_config
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, samples
from shared.speech_detector import VoiceNetwork
from shared.tasks import stop
from tests.doubles.clock import ManualClock
from tests.providers.served import served

SPEECH = Path(__file__).parents[1] / "data" / "speech"
CHUNK = samples(0.1)

MakeEngine = Callable[[], Engine]


@cache
def _models() -> Models:
    """Loaded once for all tests: it takes a second."""
    return Models(WhisperModel(load_config().model_dir, 2), VoiceNetwork())


UNPACED = Limits(rate_max=10_000)
SERVED = ("--unpaced", "--interim-every", "0.1")

FAULTS = Faults(dies_at=(samples(0.6), samples(2.9), samples(5.2)), refuses=1)


def _mended(faults: Faults) -> Engine:
    clock = ManualClock()
    return Reconnecting(ScriptedEngine(clock, faults), clock, lambda: 0.0)


def _fallen_back() -> Engine:
    return Fallback([_mended(FAULTS), _mended(FAULTS)], ManualClock(), lambda: 0.0)


ENGINES: dict[str, MakeEngine] = {
    "scripted": lambda: ScriptedEngine(ManualClock()),
    "reconnecting": lambda: _mended(FAULTS),
    "fallback": _fallen_back,
    "parallel": lambda: Parallel(_fallen_back()),
    "local": lambda: WhisperEngine(_models, workers=2),
    "deepgram": lambda: DeepgramEngine(served("deepgram", *SERVED), "key", SystemClock(), UNPACED),
    "speechmatics": lambda: SpeechmaticsEngine(
        served("speechmatics", *SERVED), "key", SystemClock(), UNPACED
    ),
}


@cache
def speech() -> bytes:
    """6.3 s of a speaker who pauses twice, then silence: a converter's noise, and nothing at all."""
    with wave.open(str(SPEECH / "nat_jfk.wav")) as file:
        spoken: bytes = file.readframes(samples(6.3))
    noise = np.random.default_rng(1).integers(-3, 4, samples(1.0)).astype("<i2").tobytes()
    return spoken + noise + bytes(samples(0.8) * BYTES_PER_SAMPLE)


UNTIL = len(speech()) // BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class Part:
    """Audio without a hole, from sample `start` of the take."""

    start: int
    pcm: bytes

    @property
    def until(self) -> int:
        return self.start + len(self.pcm) // BYTES_PER_SAMPLE


def part(start: int, until: int) -> Part:
    return Part(start, speech()[start * BYTES_PER_SAMPLE : until * BYTES_PER_SAMPLE])


async def play(engine: Engine, parts: Sequence[Part], sizes: Iterator[int] | None = None) -> list[Hypothesis]:
    """All that a new stream says to these parts, each flushed at its end. `sizes` are of the chunks, in samples."""
    stream = await engine.open(SessionConfig(), parts[0].start)
    said: list[Hypothesis] = []
    feeding = asyncio.create_task(feed(stream, parts, sizes))
    try:
        async for hypothesis in stream.heard():
            if isinstance(hypothesis, Health):
                continue
            said.append(hypothesis)
            if isinstance(hypothesis, Through) and hypothesis.until == parts[-1].until:
                break
        await feeding
    finally:
        await stop(feeding)
        await stream.close()
    return said


async def feed(stream: EngineStream, parts: Sequence[Part], sizes: Iterator[int] | None = None) -> None:
    for each in parts:
        at = 0
        while at < len(each.pcm):
            chunk = each.pcm[at : at + (next(sizes) if sizes else CHUNK) * BYTES_PER_SAMPLE]
            await stream.feed(each.start + at // BYTES_PER_SAMPLE, chunk)
            at += len(chunk)
        await stream.flush(each.until)


def finals(said: Sequence[Hypothesis]) -> list[Final | Wordless]:
    return [each for each in said if isinstance(each, Final | Wordless)]


def throughs(said: Sequence[Hypothesis]) -> list[int]:
    return [each.until for each in said if isinstance(each, Through)]
