"""Makes the engines that the configuration names; the only place that knows them all."""

import os
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from services.ingest.engines.base import Engine
from services.ingest.engines.checked import Checked, Detect, DetectSpeech
from services.ingest.engines.fallback import Fallback
from services.ingest.engines.parallel import Parallel
from services.ingest.engines.reconnecting import Deadlines, Reconnecting
from services.ingest.engines.scripted import ScriptedEngine
from services.ingest.engines.whisper.engine import Models, WhisperEngine
from services.ingest.engines.whisper.recogniser import WhisperModel
from shared.config import Config
from shared.errors import SetupError
from shared.ports import Clock
from shared.speech_detector import VoiceNetwork

WORKERS_MAX: Final = 8

REHEARSAL_KEY: Final = "rehearsal"
"""For a vendor's server on this machine; the configuration asks for a real key anywhere else."""


VENDORS: Final = ("deepgram", "speechmatics")

ALONE: Final = Deadlines()
NEXT_IS_WAITING: Final = Deadlines(give_up_ms=5_000)
"""Where another engine stands ready, a speaker need not wait long for this one to return."""


def build_engine(config: Config, clock: Clock) -> Engine:
    """The engines named. Nothing is loaded yet: `check` does that. Raises SetupError."""
    engines = [_named(name, config, clock) for name in config.engines]
    return compose(engines, clock, Random().random, DetectSpeech(VoiceNetwork))


def compose(engines: Sequence[Engine], clock: Clock, draw: Callable[[], float], detect: Detect) -> Engine:
    """One engine of several, in the order in which to fall back, each of which mends its own streams.

    `draw` gives a number from 0 to below 1 for the jitter.
    """
    deadlines = ALONE if len(engines) == 1 else NEXT_IS_WAITING
    mended: list[Engine] = [Reconnecting(engine, clock, draw, deadlines) for engine in engines]
    ready = _catching_up(_checked(mended, detect))
    return ready[0] if len(ready) == 1 else Fallback(ready, clock, draw)


def _checked(engines: Sequence[Engine], detect: Detect) -> list[Engine]:
    """A vendor's silence is checked by our own detector; `local` has it built in, and `scripted` has no silence.

    What one had no words for is tried on the next in the order, or again on the same where there is no other.
    """
    return [
        Checked(engine, engines[(at + 1) % len(engines)], detect)
        if engine.capabilities.name in VENDORS
        else engine
        for at, engine in enumerate(engines)
    ]


def _catching_up(engines: Sequence[Engine]) -> list[Engine]:
    """Inside a fallback, not around it: each of several streams would find out anew which engine is down.

    More streams of `local` would only share the processors that one already uses.
    """
    return [engine if engine.capabilities.name == "local" else Parallel(engine) for engine in engines]


def _named(name: str, config: Config, clock: Clock) -> Engine:
    match name:
        case "local":
            return _local(config)
        case "scripted":
            return ScriptedEngine(clock)
        case "deepgram":
            return _deepgram(config, clock)
        case "speechmatics":
            return _speechmatics(config, clock)
        case _:
            raise SetupError(f"there is no speech engine {name!r} in this version")


def _local(config: Config) -> WhisperEngine:
    workers = max(1, min(os.cpu_count() or 1, WORKERS_MAX))
    return WhisperEngine(
        lambda: Models(WhisperModel(config.model_dir, workers), VoiceNetwork()),
        workers,
    )


# Vendors' SDKs are imported where they are used: other engines should not start later, and bigger, for them.


def _deepgram(config: Config, clock: Clock) -> Engine:
    from services.ingest.engines.deepgram import DEFAULT_URL, DeepgramEngine

    url = config.provider_urls.get("deepgram", DEFAULT_URL)
    return DeepgramEngine(url, config.deepgram_key or REHEARSAL_KEY, clock)


def _speechmatics(config: Config, clock: Clock) -> Engine:
    from services.ingest.engines.speechmatics import DEFAULT_URL, SpeechmaticsEngine

    url = config.provider_urls.get("speechmatics", DEFAULT_URL)
    return SpeechmaticsEngine(url, config.speechmatics_key or REHEARSAL_KEY, clock)
