"""Makes the engine that the configuration names; the only place that knows them all."""

import os
from typing import Final

from services.ingest.engines.base import Engine
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


def build_engine(config: Config, clock: Clock) -> Engine:
    """Nothing is loaded yet: `check` does that. Raises SetupError."""
    if len(config.engines) != 1:
        raise SetupError("engines to fall back on are not part of this version yet; name one engine")
    match config.engines[0]:
        case "local":
            return _local(config)
        case "scripted":
            return ScriptedEngine(clock)
        case "deepgram":
            return _deepgram(config, clock)
        case "speechmatics":
            return _speechmatics(config, clock)
        case name:
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
