"""Real speech through each vendor's SDK over a socket, to a server that hears with the local engine: the same words, in
the same places, as the local engine alone."""

import asyncio
from dataclasses import replace

import pytest

from services.ingest.engines.base import Final
from shared.domain.values import DETECTOR_FRAME, samples
from tests.contract.engines import ENGINES, UNTIL, finals, part, play
from tests.unit.services.ingest.engines.remotes import HURRIED, VENDORS, vendor

# The server hears slower than audio comes here, which no vendor does.
PATIENT = {
    "finalise_ms": 20_000,
    "send_ms": 10_000,
    "stall_ms": 20_000,
    "ping_ms": 20_000,
    "quiet_ms": 60_000,
}


@pytest.mark.parametrize("name", VENDORS)
async def test_speech_arrives_word_for_word_and_in_its_place(name: str) -> None:
    local = ENGINES["local"]()
    # On the grid that the local engine keeps: a vendor counts from where the stream began.
    start = 6 * DETECTOR_FRAME
    alone = finals(await play(local, [part(start, UNTIL)]))
    async with asyncio.timeout(50), vendor(name, limits=replace(HURRIED, **PATIENT), engine=local) as given:
        through = finals(await play(given.engine, [part(start, UNTIL)]))
    await local.close()
    assert given.setting.violations == []
    assert [_text(each) for each in through] == [_text(each) for each in alone]
    for heard, said in zip(through, alone, strict=True):
        assert abs(heard.span.start - said.span.start) <= samples(0.02)
        assert abs(heard.span.until - said.span.until) <= samples(0.02)


def _text(final: object) -> str:
    assert isinstance(final, Final)
    return final.text
