"""What is deleted is in no file any more: not in the database, not in its log, whoever else has it open."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from shared.adapters.embedded_bus import EmbeddedBus
from shared.adapters.sqlite import SqliteStore
from shared.deletion import bury, remove_remains
from shared.domain.values import Holder, SessionId
from shared.errors import StoreUnavailable
from shared.ports import PolishedRow, RecordName
from tests.contract.examples import document, grown, session_id
from tests.doubles.clock import ManualClock
from tests.doubles.memory import MemoryBlobs, MemoryBus

SESSIONS = 16
COMMITS = 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "steno.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path)
    yield store
    await store.close()


def mark(session: SessionId, what: str) -> bytes:
    """Bytes that are nowhere else, as long as a sealed sentence."""
    return Random(f"{what}{session}").randbytes(200)


def found(path: Path, session: SessionId, what: str) -> list[str]:
    """The files that hold any of it, though it be a part."""
    wanted = mark(session, what)
    pieces = [wanted[at : at + 24] for at in range(0, len(wanted) - 24, 24)]
    return [
        each.name for each in path.parent.iterdir() if any(piece in each.read_bytes() for piece in pieces)
    ]


async def interleaved(store: SqliteStore, sessions: list[SessionId]) -> None:
    """Sessions written a little at a time, one after the other, so that their rows share pages and move between them."""
    last = {}
    for each in sessions:
        begun = replace(document(), wrapped_key=mark(each, "key"), config=mark(each, "config"))
        last[each] = await store.create(each, begun)
    for _ in range(COMMITS):
        for each in sessions:
            last[each] = await store.write(last[each], *grown(last[each], 2, mark(each, "words")))
    for each in sessions:
        polished = [PolishedRow(0, 0, 9, mark(each, "polished"), "rules", "1")]
        await store.write_record(each, RecordName.POLISH, {}, None, polished)
        await store.write_record(each, RecordName.ABOUT, {"label": mark(each, "label")}, None)


async def delete(store: SqliteStore, session: SessionId) -> None:
    clock = ManualClock()
    await bury(store, clock, session, Holder("who deletes"))
    await remove_remains(store, MemoryBlobs(), MemoryBus(clock), session)


async def test_no_file_holds_what_was_deleted(path: Path, store: SqliteStore) -> None:
    sessions = [session_id(number) for number in range(SESSIONS)]
    await interleaved(store, sessions)
    for each in sessions:
        assert found(path, each, "key")
    gone = Random(1).sample(sessions, SESSIONS // 2)
    for each in gone:
        await delete(store, each)
    for each in gone:
        assert found(path, each, "key") == []
    left = {each: found(path, each, "key") for each in sessions if each not in gone}
    assert all(left.values())
    for each in left:
        stored = await store.load(each)
        assert stored is not None
        assert stored.document.wrapped_key == mark(each, "key")


async def test_of_a_session_alone_nothing_at_all_stays(path: Path, store: SqliteStore) -> None:
    session = session_id(1)
    await interleaved(store, [session])
    kinds = ("key", "config", "words", "polished", "label")
    assert [kind for kind in kinds if not found(path, session, kind)] == []
    await delete(store, session)
    assert [kind for kind in kinds if found(path, session, kind)] == []


async def test_other_instances_and_a_bus_do_not_keep_it(path: Path, store: SqliteStore) -> None:
    session = session_id(1)
    other, bus = SqliteStore.open(path), EmbeddedBus.open(path, ManualClock())
    await interleaved(store, [session])
    assert await other.load(session) is not None
    await delete(other, session)
    assert found(path, session, "words") == found(path, session, "key") == []
    await bus.close()
    await other.close()
    assert await store.entries(session, 0, 1) == []


async def test_a_reader_that_holds_the_log_is_said_and_asked_again(path: Path, store: SqliteStore) -> None:
    session = session_id(1)
    await interleaved(store, [session])
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entries").fetchone()
        with pytest.raises(
            StoreUnavailable, match="still in the write-ahead log, because others are reading"
        ):
            await store.erase(session)
        assert await store.entries(session, 0, 1) == []
        reader.execute("ROLLBACK")
    assert await store.erase(session) == 0
    assert found(path, session, "words") == []


async def test_the_next_start_empties_the_log_of_who_was_killed(path: Path) -> None:
    """As one that dies between deleting and emptying the log."""
    session = session_id(1)
    first = SqliteStore.open(path)
    await interleaved(first, [session])
    assert found(path, session, "words")
    second = SqliteStore.open(path)
    assert path.with_name("steno.db-wal").stat().st_size == 0
    await second.close()
    await first.close()
