"""The scheduler: the sweep once a minute, and at once after everything had to be made anew."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from infra.local.provision import Resource
from infra.local.scheduler import Scheduler
from shared.tasks import stop
from tests.doubles.clock import ManualClock

SWEEP = "http://autosave/sweep"
TOPIC = "http://pubsub/topic"


class Cloud:
    """An emulator and a function that answer as they are told."""

    def __init__(self) -> None:
        self.there = False
        self.down = False
        self.sweep_status = 204
        self.made = 0
        self.swept: asyncio.Queue[int] = asyncio.Queue(100)
        self.looked: asyncio.Queue[bool] = asyncio.Queue(100)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == SWEEP:
            self.swept.put_nowait(self.sweep_status)
            return httpx.Response(self.sweep_status)
        if request.method == "GET":
            self.looked.put_nowait(self.there)
        if self.down:
            raise httpx.ConnectError("down", request=request)
        if request.method == "GET":
            return httpx.Response(200 if self.there else 404)
        self.there, self.made = True, self.made + 1
        return httpx.Response(200)


@pytest.fixture
async def cloud() -> AsyncIterator[tuple[Cloud, ManualClock]]:
    told, clock = Cloud(), ManualClock()
    async with httpx.AsyncClient(transport=httpx.MockTransport(told.answer)) as client:
        scheduler = Scheduler(client, [Resource(TOPIC, TOPIC, "PUT")], SWEEP, clock)
        tasks = [asyncio.create_task(scheduler.keep()), asyncio.create_task(scheduler.sweep())]
        yield told, clock
        await stop(*tasks)


async def tick(clock: ManualClock) -> None:
    """A second, once somebody waits for it."""
    await clock.until_somebody_sleeps()
    clock.advance(1_000)


async def test_what_is_missing_is_made_and_then_swept_for(cloud: tuple[Cloud, ManualClock]) -> None:
    told, _ = cloud
    assert await told.swept.get() == 204
    assert told.made == 1


async def test_it_is_looked_again_and_made_again(cloud: tuple[Cloud, ManualClock]) -> None:
    told, clock = cloud
    await told.swept.get()
    told.there = False
    await tick(clock)
    await told.swept.get()
    assert told.made == 2
    while not told.looked.empty():
        told.looked.get_nowait()
    await tick(clock)
    assert await told.looked.get()
    assert (told.made, told.swept.empty()) == (2, True)


async def test_an_emulator_that_is_away_is_waited_for_and_a_failed_sweep_ends_nothing(
    cloud: tuple[Cloud, ManualClock],
) -> None:
    told, clock = cloud
    await told.swept.get()
    told.down, told.sweep_status = True, 503
    await tick(clock)
    await told.looked.get()
    told.down = told.there = False
    await tick(clock)
    assert await told.swept.get() == 503
    told.there, told.sweep_status = False, 204
    await tick(clock)
    assert await told.swept.get() == 204
