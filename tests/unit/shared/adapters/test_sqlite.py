"""The SQLite store beyond its suite: where it lives, and every trouble as a sentence that says what to do."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shared.adapters.sqlite import CHANGES_PAGE, SqliteStore
from shared.adapters.sqlite_file import (
    BUSY_MS_MAX,
    DatabaseFiles,
    SqliteThread,
    in_transaction,
    open_connections,
    transaction,
    truncate_wal,
)
from shared.errors import SetupError, StoreUnavailable
from shared.lease import ATTEMPT_MS_MAX
from shared.ports import RecordName
from tests.contract.examples import ANOTHER, SESSION, document, grown
from tests.doubles.nobody import place_of_nobody, without_rights


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "steno.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path)
    yield store
    await store.close()


@contextmanager
def beside(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program that has the database open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


# --- opening


def spoilt(path: Path, *statements: str) -> None:
    with beside(path) as connection:
        for statement in statements:
            connection.execute(statement)


async def test_a_newer_stenos_data_is_left_alone(path: Path, store: SqliteStore) -> None:
    await store.create(SESSION, document())
    spoilt(path, "PRAGMA user_version = 2")
    with pytest.raises(SetupError, match=r"newer Steno \(schema 2, this one knows 1\); update Steno"):
        SqliteStore.open(path)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    spoilt(path, "CREATE TABLE bookmarks (address TEXT)")
    before = path.read_bytes()
    with pytest.raises(SetupError, match="belongs to another program; choose another data directory"):
        SqliteStore.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be one" * 100, b"SQLite format 3\0" * 300]
)
def test_a_file_that_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SetupError, match="damaged.*restore it from a backup"):
        SqliteStore.open(path)
    assert path.read_bytes() == content


def test_the_database_is_a_directory(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(SetupError):
        SqliteStore.open(path)


def test_a_place_without_rights_is_a_sentence() -> None:
    with place_of_nobody() as place:
        place.chmod(0o500)
        with without_rights(), pytest.raises(SetupError, match=r"cannot write to .*\(Permission denied\)"):
            SqliteStore.open(place / "steno.db")


async def test_a_read_only_database_is_a_sentence() -> None:
    with place_of_nobody() as place:
        path = place / "steno.db"
        await SqliteStore.open(path).close()
        path.chmod(0o444)
        with (
            without_rights(),
            pytest.raises(SetupError, match="read-only; make its file and directory writable"),
        ):
            SqliteStore.open(path)


async def test_many_may_open_a_new_file_at_once(path: Path) -> None:
    stores = await asyncio.gather(*(asyncio.to_thread(SqliteStore.open, path) for _ in range(6)))
    created = await stores[0].create(SESSION, document())
    assert [await each.load(SESSION) for each in stores] == [created] * 6
    for each in stores:
        await each.close()


async def test_opening_waits_longer_than_a_write_would(path: Path) -> None:
    await SqliteStore.open(path).close()
    with beside(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        opening = asyncio.ensure_future(asyncio.to_thread(SqliteStore.open, path))
        await asyncio.wait([opening], timeout=1.3 * BUSY_MS_MAX / 1_000)
        connection.execute("ROLLBACK")
    store = await opening
    await store.check()
    await store.close()


# --- writing


async def test_a_full_disk_is_said_and_heals_by_itself(path: Path) -> None:
    writing, reading = open_connections(path, 2)
    files = DatabaseFiles(path)
    store = SqliteStore(
        SqliteThread(writing, "write", files), SqliteThread(reading, "read", files), told_through=0
    )
    stored = await store.create(SESSION, document())
    [[pages]] = writing.execute("PRAGMA page_count").fetchall()
    writing.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(
        StoreUnavailable, match="disk is full; free some space and recording goes on by itself"
    ):
        await store.write(stored, *grown(stored, 16, sealed=b"x" * 40_000))
    assert await store.load(SESSION) == stored
    assert await store.entries(SESSION, 0, 10) == []
    writing.execute("PRAGMA max_page_count = 100000")
    await store.write(stored, *grown(stored, 16, sealed=b"x" * 40_000))
    await store.check()
    await store.close()


async def test_a_database_that_another_program_locks_is_said_in_time(path: Path, store: SqliteStore) -> None:
    stored = await store.create(SESSION, document())
    with beside(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another program; close what else has it open"):
            await store.write(stored, *grown(stored, 1))
        assert await store.load(SESSION) == stored
    assert BUSY_MS_MAX < ATTEMPT_MS_MAX, "who asked would not be there to be told"
    await store.write(stored, *grown(stored, 1))


async def test_reads_do_not_wait_for_a_write(path: Path, store: SqliteStore) -> None:
    stored = await store.create(SESSION, document())
    with beside(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.create(ANOTHER, document()))
        assert await store.load(SESSION) == stored
        connection.execute("ROLLBACK")
    await asyncio.gather(writing, return_exceptions=True)


async def test_closed_is_closed(path: Path) -> None:
    store = SqliteStore.open(path)
    last = asyncio.create_task(store.create(SESSION, document()))
    await asyncio.sleep(0)
    await store.close()
    assert (await last).document == document()
    await store.close()
    for each in (store.load(SESSION), store.check()):
        with pytest.raises(StoreUnavailable, match="closed"):
            await each


async def test_a_write_that_nobody_waits_for_ends_all_the_same(path: Path, store: SqliteStore) -> None:
    with beside(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.create(SESSION, document()))
        while not writing.done():
            await asyncio.wait([writing], timeout=0.02)
            writing.cancel()
        connection.execute("ROLLBACK")
    # What was begun is ended first: one thread, in the order given.
    await store.check()
    found = await store.load(SESSION)
    assert found is None or found.document == document()


async def test_every_commit_reaches_the_disk_before_it_is_acknowledged(path: Path) -> None:
    [connection] = open_connections(path, 1)
    with closing(connection):
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with transaction(connection):
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        with transaction(connection, durable=False):
            assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


async def test_more_changes_than_a_page_are_all_told(path: Path, store: SqliteStore) -> None:
    changes, count = store.watch(), 2 * CHANGES_PAGE + 1
    with beside(path) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO records VALUES (?, 'draft', 'version', ?, x'80')",
            [(f"{number:08d}", number) for number in range(1, count + 1)],
        )
        connection.execute("COMMIT")
    async with asyncio.timeout(5):
        told = [await anext(changes) for _ in range(count)]
    assert told == [f"{number:08d}" for number in range(1, count + 1)]


async def test_a_listener_that_begins_again_is_told_what_it_missed(store: SqliteStore) -> None:
    first = store.watch()
    await store.write_record(SESSION, RecordName.DRAFT, {}, None)
    assert await anext(first) == SESSION
    await store.write_record(ANOTHER, RecordName.DRAFT, {}, None)
    async with asyncio.timeout(5):
        assert await anext(store.watch()) in (SESSION, ANOTHER)
        again = store.watch()
        while await anext(again) != ANOTHER:
            pass


async def test_a_mistake_of_ours_is_not_taken_for_trouble_of_the_store(path: Path) -> None:
    [connection] = open_connections(path, 1)
    thread = SqliteThread(connection, "test", DatabaseFiles(path))
    with pytest.raises(sqlite3.ProgrammingError):
        await thread.run(lambda c: c.execute("SELECT ?", ()))
    await thread.close()


async def test_the_log_is_not_emptied_in_the_middle_of_a_write(path: Path) -> None:
    [connection] = open_connections(path, 1)
    with closing(connection):
        with transaction(connection):
            assert not truncate_wal(connection)
        assert truncate_wal(connection)


def writes_and_fails(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE counters SET value = 4711")
    raise ZeroDivisionError


async def test_what_fails_within_a_transaction_leaves_nothing(path: Path) -> None:
    [connection] = open_connections(path, 1)
    with closing(connection):
        with pytest.raises(ZeroDivisionError):
            in_transaction(writes_and_fails)(connection)
        assert not connection.in_transaction
        assert (4711,) not in connection.execute("SELECT value FROM counters").fetchall()
