"""Makes the engines that the configuration names; the only place that knows them all."""

import os
from collections.abc import Sequence
from random import Random
from typing import Final

from services.ingest.engines.base import Engine
from services.ingest.engines.checked import Checked, DetectSpeech
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
    """The engines named, each mending its own streams, in the order in which to fall back. Nothing is loaded yet:
    `check` does that. Raises SetupError."""
    draw = Random().random
    deadlines = ALONE if len(config.engines) == 1 else NEXT_IS_WAITING
    engines: list[Engine] = [
        Reconnecting(_named(name, config, clock), clock, draw, deadlines) for name in config.engines
    ]
    engines = _catching_up(config.engines, _checked(config.engines, engines))
    return engines[0] if len(engines) == 1 else Fallback(engines, clock, draw)


def _checked(names: Sequence[str], engines: Sequence[Engine]) -> list[Engine]:
    """A vendor's silence is checked by our own detector; `local` has it built in, and `scripted` has no silence.

    What one had no words for is tried on the next in the order, or again on the same where there is no other.
    """
    detect = DetectSpeech(VoiceNetwork)
    return [
        Checked(engine, engines[(at + 1) % len(engines)], detect) if name in VENDORS else engine
        for at, (name, engine) in enumerate(zip(names, engines, strict=True))
    ]


def _catching_up(names: Sequence[str], engines: Sequence[Engine]) -> list[Engine]:
    """Inside a fallback, not around it: each of several streams would find out anew which engine is down.

    More streams of `local` would only share the processors that one already uses.
    """
    return [
        engine if name == "local" else Parallel(engine) for name, engine in zip(names, engines, strict=True)
    ]


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
