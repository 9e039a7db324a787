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


def build_engine(config: Config, clock: Clock) -> Engine:
    """Nothing is loaded yet: `check` does that. Raises SetupError."""
    if len(config.engines) != 1:
        raise SetupError("engines to fall back on are not part of this version yet; name one engine")
    match config.engines[0]:
        case "local":
            return _local(config)
        case "scripted":
            return ScriptedEngine(clock)
        case name:
            raise SetupError(f"there is no speech engine {name!r} in this version")


def _local(config: Config) -> WhisperEngine:
    workers = max(1, min(os.cpu_count() or 1, WORKERS_MAX))
    return WhisperEngine(
        lambda: Models(WhisperModel(config.model_dir, workers), VoiceNetwork()),
        workers,
    )
