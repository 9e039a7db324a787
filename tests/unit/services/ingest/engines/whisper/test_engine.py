"""How the engine is loaded, opened and closed; what it says is `test_stream.py`'s and the contract's."""

import asyncio

import pytest

from services.ingest.engines.whisper.engine import Models, WhisperEngine
from shared.domain.session import SessionConfig
from shared.errors import EngineUnavailable, Refuse, SetupError
from tests.unit.services.ingest.engines.whisper.voices import AtOnce, ByHand, LoudIsSpeech


class Loading:
    """What `load` does: fails as often as told, then gives models; on whichever thread it is called."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.loads = 0

    def __call__(self) -> Models:
        self.loads += 1
        if self._failures:
            raise self._failures.pop(0)
        return Models(AtOnce(), LoudIsSpeech())


async def test_models_are_loaded_once_whoever_comes_first() -> None:
    loading = Loading()
    engine = WhisperEngine(loading, workers=1)
    streams = await asyncio.gather(engine.open(SessionConfig(), 0), engine.open(SessionConfig(), 0))
    await engine.check()
    assert loading.loads == 1
    assert len(set(streams)) == 2
    await engine.close()


async def test_what_is_wrong_with_the_machine_is_said_and_tried_again() -> None:
    loading = Loading(SetupError("there is no speech model; run `make setup`"), RuntimeError("no memory"))
    engine = WhisperEngine(loading, workers=1)
    with pytest.raises(SetupError, match="make setup"):
        await engine.check()
    with pytest.raises(EngineUnavailable):
        await engine.open(SessionConfig(), 0)
    await engine.check()
    await engine.close()


async def test_a_language_the_model_does_not_know_is_refused() -> None:
    engine = WhisperEngine(lambda: Models(ByHand(), LoudIsSpeech()), workers=1)
    with pytest.raises(Refuse):
        await engine.open(SessionConfig(language="tlh"), 0)
    await engine.close()


async def test_closing_the_engine_ends_its_streams() -> None:
    engine = WhisperEngine(Loading(), workers=1)
    stream = await engine.open(SessionConfig(), 0)
    hearing = asyncio.ensure_future(anext(stream.heard()))
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineUnavailable, match="shutting down"):
        await hearing
    with pytest.raises(EngineUnavailable, match="shutting down"):
        await stream.feed(0, b"\0\0")


async def test_an_engine_that_was_never_loaded_can_be_closed() -> None:
    loading = Loading()
    engine = WhisperEngine(loading, workers=1)
    await engine.close()
    with pytest.raises(EngineUnavailable):
        await engine.check()
    assert loading.loads == 0
