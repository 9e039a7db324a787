"""Announcing: every subscriber is told how far the log reaches, and a bus that fails says so."""

import asyncio
from dataclasses import replace

import pytest

from shared.domain.values import LogId
from shared.errors import Retry, StoreUnavailable
from shared.ports import EntryRow, Stored, Subscriber, Version, Wakeup
from shared.publisher import announce
from tests.contract.examples import SESSION, document, segment_row
from tests.doubles.clock import ManualClock
from tests.doubles.memory import MemoryBus
from tests.flow.virtual_time import run

STORED = Stored(SESSION, replace(document(), next_index=7, published_through=3), Version("1"))


class Heard(MemoryBus):
    """Keeps what was published."""

    def __init__(self) -> None:
        super().__init__(ManualClock())
        self.wakeups: list[Wakeup] = []

    async def publish(self, wakeup: Wakeup) -> None:
        self.wakeups.append(wakeup)
        await super().publish(wakeup)


class Failing(MemoryBus):
    def __init__(self) -> None:
        super().__init__(ManualClock())

    async def publish(self, wakeup: Wakeup) -> None:
        raise StoreUnavailable("the disk is full")


@pytest.mark.parametrize("rows", [[], [segment_row(5), segment_row(6)]])
async def test_the_log_is_announced_as_far_as_it_is_stored(rows: list[EntryRow]) -> None:
    bus = Heard()
    assert await announce(bus, STORED, iter(rows)) == 7
    assert bus.wakeups == [Wakeup(SESSION, LogId("log-1"), 7, tuple(rows))]
    assert [await bus.take(each, 1_000) is not None for each in Subscriber] == [True] * len(Subscriber)


async def test_announcing_again_is_harmless() -> None:
    bus = MemoryBus(ManualClock())
    assert [await announce(bus, STORED) for _ in range(3)] == [7, 7, 7]
    delivery = await bus.take(Subscriber.POLISH, 1_000)
    assert delivery is not None
    await bus.done(delivery)
    assert await bus.take(Subscriber.POLISH, 1_000) is None


async def test_a_bus_that_fails_is_to_be_asked_again() -> None:
    with pytest.raises(Retry):
        await announce(Failing(), STORED)


class Silent(MemoryBus):
    """Never answers."""

    def __init__(self) -> None:
        super().__init__(ManualClock())

    async def publish(self, wakeup: Wakeup) -> None:
        await asyncio.get_running_loop().create_future()


def test_a_bus_that_says_nothing_is_given_up_and_the_store_is_not_blamed() -> None:
    with pytest.raises(Retry, match="the bus does not answer") as given_up:
        run(announce(Silent(), STORED))
    assert not isinstance(given_up.value, StoreUnavailable)


def test_a_wake_up_shows_no_rows() -> None:
    assert "sealed" not in repr(Wakeup(SESSION, LogId("log-1"), 1, (segment_row(0),)))
