"""The configured engine, and what is said where it cannot be had."""

import pytest

from services.ingest.engines.build import build_engine
from shared.config import load_config
from shared.errors import SetupError
from tests.doubles.clock import ManualClock


@pytest.mark.parametrize("name", ["local", "scripted", "deepgram", "speechmatics"])
async def test_the_engine_that_is_named_is_built(name: str) -> None:
    engine = build_engine(load_config(engines=(name,), deepgram_key="k", speechmatics_key="k"), ManualClock())
    assert engine.capabilities.name == name
    await engine.close()


async def test_engines_are_fallen_back_on_in_the_order_in_which_they_are_named() -> None:
    engine = build_engine(load_config(engines=("scripted", "local")), ManualClock())
    assert engine.capabilities.name == "scripted+local"
    assert not engine.capabilities.word_times, "a caller may count on no more than all of them can"
    await engine.close()


def test_an_engine_nobody_has_built_is_refused() -> None:
    config = load_config().model_copy(update={"engines": ("ear trumpet",)})
    with pytest.raises(SetupError, match="ear trumpet"):
        build_engine(config, ManualClock())
