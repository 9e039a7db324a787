"""Every bus that processes share: whatever waits is worked off once, by one of them."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from shared.ports import Bus, Subscriber
from tests.contract.adapters import BUSES, Kind, crossing
from tests.contract.examples import session_id
from tests.contract.processes import children
from tests.doubles.clock import ManualClock

SESSIONS = 60


@pytest.mark.parametrize("kind", crossing(BUSES), ids=lambda kind: kind.name)
async def test_each_wake_up_is_given_to_one_process(kind: object, tmp_path: Path, clock: ManualClock) -> None:
    bus_kind = cast(Kind[Bus], kind)
    async with bus_kind.place(tmp_path) as place:
        bus = await bus_kind.open(place, clock)
        for number in range(SESSIONS):
            await bus.wake(session_id(number), Subscriber.POLISH)
        command = ("work_off", bus_kind.name, place, Subscriber.POLISH.value)
        async with children(command, command) as workers:
            for each in workers:
                each.go()
            shares = await asyncio.gather(*(each.lines() for each in workers))
        given = sorted(session for share in shares for [session] in share)
        assert given == [session_id(number) for number in range(SESSIONS)]
        assert await bus.take(Subscriber.POLISH, 1) is None
        await bus.close()
