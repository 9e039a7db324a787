"""The embedded bus beyond its suite: it shares the store's file, and looks for work without disturbing its writers."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.embedded_bus import EmbeddedBus
from shared.adapters.sqlite import SqliteStore
from shared.errors import SetupError, StoreUnavailable
from shared.ports import Subscriber
from tests.contract.examples import SESSION, document
from tests.doubles.clock import ManualClock

LEASE_MS = 60_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "steno.db"


@pytest.fixture
async def bus(path: Path) -> AsyncIterator[EmbeddedBus]:
    bus = EmbeddedBus.open(path, ManualClock())
    yield bus
    await bus.close()


async def test_looking_for_work_does_not_wait_for_writers(path: Path, bus: EmbeddedBus) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert await bus.take(Subscriber.POLISH, LEASE_MS) is None
        with pytest.raises(StoreUnavailable, match="locked by another program"):
            await bus.wake(SESSION, Subscriber.POLISH)
    await bus.wake(SESSION, Subscriber.POLISH)
    assert await bus.take(Subscriber.POLISH, LEASE_MS) is not None


async def test_store_and_bus_live_in_one_file(path: Path, bus: EmbeddedBus) -> None:
    store = SqliteStore.open(path)
    created = await store.create(SESSION, document())
    await bus.wake(SESSION, Subscriber.POLISH)
    assert await store.load(SESSION) == created
    assert await bus.take(Subscriber.POLISH, LEASE_MS) is not None
    await store.close()


async def test_the_rows_say_nothing_but_names_and_numbers(path: Path, bus: EmbeddedBus) -> None:
    await bus.wake(SESSION, Subscriber.POLISH)
    delivery = await bus.take(Subscriber.POLISH, LEASE_MS)
    assert delivery is not None
    await bus.failed(delivery, "PolisherBroken", permanent=True)
    with closing(sqlite3.connect(path)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(wakeups)")]
    assert names == [
        "session",
        "subscriber",
        "generation",
        "attempts",
        "due_at_ms",
        "ticket",
        "taken_generation",
        "died_at_ms",
        "error",
    ]


async def test_closed_is_closed(path: Path) -> None:
    bus = EmbeddedBus.open(path, ManualClock())
    await bus.close()
    await bus.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await bus.take(Subscriber.POLISH, LEASE_MS)


def test_a_place_that_cannot_be_used_is_a_sentence(path: Path) -> None:
    path.mkdir()
    with pytest.raises(SetupError, match="cannot use the database"):
        EmbeddedBus.open(path, ManualClock())
