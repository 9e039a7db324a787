"""The credit window exceeds the longest utterance of every engine and its delay; else both sides would wait for ever."""

import pytest

from services.ingest.connection import WINDOW_CATCHING_UP, WINDOW_LIVE
from services.ingest.engines.build import build_engine
from shared.config import READY, load_config
from shared.domain.values import milliseconds
from shared.wire.frames import FRAME_BYTES_MAX, HEADER
from tests.doubles.clock import ManualClock


@pytest.mark.parametrize("name", READY["engines"])
async def test_an_utterance_and_its_delay_fit_into_the_window(name: str) -> None:
    engine = build_engine(load_config(engines=(name,), deepgram_key="k", speechmatics_key="k"), ManualClock())
    try:
        can = engine.capabilities
        # A recorder sends whole frames: the last one may not fit into what is left of its credit.
        longest_frame_ms = milliseconds((FRAME_BYTES_MAX - HEADER.size) // 2)
        assert can.utterance_ms_max + can.settles_in_ms + longest_frame_ms < milliseconds(WINDOW_LIVE)
    finally:
        await engine.close()


def test_catching_up_is_given_more() -> None:
    assert WINDOW_LIVE < WINDOW_CATCHING_UP
