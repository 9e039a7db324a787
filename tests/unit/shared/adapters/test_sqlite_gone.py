"""The database's files removed, moved or replaced while it is open: nothing more is taken, and nothing is acknowledged.

SQLite itself would go on writing to files that nobody can open any more, without an error.
"""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared.adapters.embedded_bus import EmbeddedBus
from shared.adapters.sqlite import SqliteStore
from shared.adapters.sqlite_file import DatabaseFiles, SqliteThread, open_connections
from shared.errors import StoreUnavailable
from shared.lease import LogWriter
from shared.ports import RecordName, Subscriber
from tests.contract.examples import ANOTHER, SESSION, document, grown
from tests.doubles.clock import ManualClock

SENTENCE = r"steno\.db\S* was moved, deleted or replaced; put it back, or restart Steno"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "steno.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path)
    yield store
    await store.close()


def deleted(path: Path) -> None:
    path.unlink()


def with_its_directory(path: Path) -> None:
    shutil.rmtree(path.parent)


def without_its_log(path: Path) -> None:
    path.with_name("steno.db-wal").unlink()


def without_its_index(path: Path) -> None:
    path.with_name("steno.db-shm").unlink()


def moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replaced(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    copy.rename(path)


WAYS = (deleted, with_its_directory, without_its_log, without_its_index, moved, replaced)


@pytest.mark.parametrize("gone", WAYS)
async def test_every_call_says_so(path: Path, store: SqliteStore, gone: Callable[[Path], None]) -> None:
    stored = await store.create(SESSION, document())
    await store.check()
    gone(path)
    for call in (
        lambda: store.create(ANOTHER, document()),
        lambda: store.write(stored, *grown(stored, 1)),
        lambda: store.write_record(SESSION, RecordName.ABOUT, {}, None),
        lambda: store.erase(SESSION),
        lambda: store.forget(stored),
        lambda: store.check(),
        # To read is to be told that what was just written into nothing has landed.
        lambda: store.load(SESSION),
        lambda: store.entries(SESSION, 0, 10),
    ):
        with pytest.raises(StoreUnavailable, match=SENTENCE):
            await call()


@pytest.mark.parametrize("gone", WAYS)
async def test_so_does_the_bus(path: Path, gone: Callable[[Path], None]) -> None:
    bus = EmbeddedBus.open(path, ManualClock())
    gone(path)
    with pytest.raises(StoreUnavailable, match=SENTENCE):
        await bus.wake(SESSION, Subscriber.POLISH)
    with pytest.raises(StoreUnavailable, match=SENTENCE):
        await bus.take(Subscriber.POLISH, 60_000)
    await bus.close()


async def test_what_was_moved_by_mistake_is_put_back_and_nothing_is_lost(
    path: Path, store: SqliteStore
) -> None:
    stored = await store.create(SESSION, document())
    moved(path)
    with pytest.raises(StoreUnavailable):
        await store.write(stored, *grown(stored, 1))
    path.parent.with_name("elsewhere").rename(path.parent)
    await store.write(stored, *grown(stored, 2))
    assert len(await store.entries(SESSION, 0, 10)) == 2


async def test_gone_in_the_middle_of_a_write_it_is_not_acknowledged(path: Path) -> None:
    writing, reading = open_connections(path, 2)
    files = DatabaseFiles(path)
    store = SqliteStore(
        SqliteThread(writing, "write", files), SqliteThread(reading, "read", files), told_through=0
    )
    clock = ManualClock()
    stored = await store.create(SESSION, document())
    writer = LogWriter(store, clock, stored, give_up_after_ms=0)
    writing.set_trace_callback(lambda said: deleted(path) if said == "COMMIT" else None)
    with pytest.raises(StoreUnavailable, match=SENTENCE):
        await writer.commit(*grown(stored, 1))
    await store.close()


async def test_the_log_removed_alone_costs_nothing_once_steno_is_restarted(path: Path) -> None:
    first = SqliteStore.open(path)
    created = await first.create(SESSION, document())
    without_its_log(path)
    with pytest.raises(StoreUnavailable):
        await first.create(ANOTHER, document())
    await first.close()
    second = SqliteStore.open(path)
    assert await second.load(SESSION) == created
    await second.close()
