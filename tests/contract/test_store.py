"""Every store: a session's document and log are written together, guarded by the version, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.domain.entries import ENTRIES_PER_COMMIT_MAX
from shared.domain.session import SessionDocument, SessionState
from shared.domain.takes import TAKES_MAX
from shared.domain.values import NOBODY, NUMBER_MAX, Holder, LogId, TakeId
from shared.errors import WriteConflict
from shared.ports import EntryRow, Store, Stored
from tests.contract.examples import ANOTHER, NOW_MS, SESSION, document, gap_row, grown, segment_row, take

EVERYTHING = replace(
    document(),
    state=SessionState.FINISHED,
    holder=NOBODY,
    log_id=LogId("log-2"),
    heartbeat_at_ms=NOW_MS + 1,
    next_index=0,
    published_through=3,
    take=2,
    taken_at_ms=NOW_MS + 2,
    takes=(replace(take(1), covered=NUMBER_MAX, captured_until=NUMBER_MAX, gaps_through=4), take(2, dial=9)),
    wrapped_key=b"\x00another\xff",
    config=b"",
    finished_at_ms=NOW_MS + 3,
    purge_at_ms=NOW_MS + 4,
)
"""Every field differs from `document()`."""


async def test_a_session_that_is_not_there_is_none(store: Store) -> None:
    assert await store.load(SESSION) is None


@pytest.mark.parametrize("written", [document(), EVERYTHING], ids=["new", "everything"])
async def test_what_is_created_is_loaded(store: Store, other: Store, written: SessionDocument) -> None:
    stored = await store.create(SESSION, written)
    assert stored.session == SESSION
    assert stored.document == written
    assert await other.load(SESSION) == stored


async def test_a_write_replaces_every_field(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    written = await store.write(created, EVERYTHING)
    assert written.document == EVERYTHING
    assert await other.load(SESSION) == written
    back = await other.write(written, document())
    assert await store.load(SESSION) == back
    assert back.document == document()


async def test_a_document_as_large_as_they_come_is_kept(store: Store) -> None:
    takes = tuple(take(number, dial=NUMBER_MAX) for number in range(1, TAKES_MAX + 1))
    large = replace(document(), takes=takes, config=bytes(range(256)) * 300, wrapped_key=b"k" * 512)
    assert (await store.create(SESSION, large)).document == large
    stored = await store.load(SESSION)
    assert stored is not None
    assert stored.document == large


async def test_takes_keep_the_order_of_their_numbers(store: Store, other: Store) -> None:
    """Their ids are drawn, so they sort in any other way; and no id is a path of fields to the store."""
    names = ["f0.a`b", "a0", "50-c"]
    takes = tuple(replace(take(number), take_id=TakeId(name)) for number, name in enumerate(names, start=1))
    created = await store.create(SESSION, replace(document(), takes=takes[:2]))
    grown_by_one = await store.write(created, created.document.with_take(takes[2]))
    moved = grown_by_one.document.with_take(replace(takes[0], covered=16_000))
    written = await store.write(grown_by_one, moved)
    assert await other.load(SESSION) == written
    assert [each.take_id for each in written.document.takes] == names


async def test_creating_again_is_refused_and_changes_nothing(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    for each in (store, other):
        with pytest.raises(WriteConflict):
            await each.create(SESSION, EVERYTHING)
    assert await store.load(SESSION) == created


async def test_entries_and_document_are_written_together(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    rows = [segment_row(0), gap_row(1), EntryRow(2, 2, 0, NUMBER_MAX, b"")]
    written = await store.write(created, replace(created.document, next_index=3), rows)
    assert await other.entries(SESSION, 0, 10) == rows
    assert await other.load(SESSION) == written


async def test_a_full_commit_of_large_rows_is_one_write(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    after, rows = grown(created, ENTRIES_PER_COMMIT_MAX, sealed=bytes(range(256)) * 128)
    await store.write(created, after, rows)
    assert await other.entries(SESSION, 0, 100) == rows


async def test_a_write_on_an_old_version_leaves_nothing(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    after, rows = grown(created, 2)
    written = await other.write(created, after, rows)
    with pytest.raises(WriteConflict):
        await store.write(created, EVERYTHING, [segment_row(2), segment_row(3)])
    assert await store.load(SESSION) == written
    assert await store.entries(SESSION, 0, 10) == rows


async def test_the_same_commit_again_is_refused(store: Store) -> None:
    created = await store.create(SESSION, document())
    after, rows = grown(created, 2)
    written = await store.write(created, after, rows)
    with pytest.raises(WriteConflict):
        await store.write(created, after, rows)
    assert await store.load(SESSION) == written
    assert await store.entries(SESSION, 0, 10) == rows


async def test_an_index_that_exists_is_refused_with_all_the_rest(store: Store) -> None:
    created = await store.create(SESSION, document())
    written = await store.write(created, *grown(created, 2))
    with pytest.raises(WriteConflict):
        await store.write(written, EVERYTHING, [segment_row(2), segment_row(1, b"other words")])
    assert await store.load(SESSION) == written
    assert [row.sealed for row in await store.entries(SESSION, 0, 10)] == [b"sealed words"] * 2


async def test_a_version_never_comes_again(store: Store) -> None:
    first = await store.create(SESSION, document())
    second = await store.write(first, EVERYTHING)
    third = await store.write(second, document())
    same = await store.write(third, document())
    assert len({each.version for each in (first, second, third, same)}) == 4
    with pytest.raises(WriteConflict):
        await store.write(first, EVERYTHING)


async def test_a_session_that_is_gone_is_not_written(store: Store) -> None:
    created = await store.create(ANOTHER, document())
    with pytest.raises(WriteConflict):
        await store.write(Stored(SESSION, document(), created.version), *grown(created, 1))
    assert await store.load(SESSION) is None
    assert await store.entries(SESSION, 0, 10) == []


async def test_entries_come_in_order_page_by_page(store: Store) -> None:
    stored = await store.create(SESSION, document())
    for _ in range(3):
        stored = await store.write(stored, *grown(stored, 4))
    pages = [await store.entries(SESSION, start, 5) for start in (0, 5, 10, 12, NUMBER_MAX)]
    assert [[row.index for row in page] for page in pages] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
        [10, 11],
        [],
        [],
    ]


async def test_sessions_do_not_see_each_other(store: Store) -> None:
    mine, theirs = [await store.create(each, document()) for each in (SESSION, ANOTHER)]
    await store.write(mine, *grown(mine, 3))
    assert await store.load(ANOTHER) == theirs
    assert await store.entries(ANOTHER, 0, 10) == []


async def test_of_many_who_create_one_wins_and_all_see_the_winner(store: Store, other: Store) -> None:
    asked = [replace(document(), wrapped_key=b"key %d" % number) for number in range(12)]
    outcomes = await asyncio.gather(
        *((store, other)[number % 2].create(SESSION, each) for number, each in enumerate(asked)),
        return_exceptions=True,
    )
    winners = [each for each in outcomes if isinstance(each, Stored)]
    assert [type(each) for each in outcomes if not isinstance(each, Stored)] == [WriteConflict] * 11
    for each in (store, other):
        assert [await each.load(SESSION)] == winners


async def test_of_many_who_write_on_one_version_one_wins_whole(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    commits = [
        (
            replace(created.document, next_index=2, holder=Holder(f"{n}")),
            [segment_row(0, b"%d" % n), segment_row(1, b"%d" % n)],
        )
        for n in range(12)
    ]
    outcomes = await asyncio.gather(
        *((store, other)[n % 2].write(created, *commit) for n, commit in enumerate(commits)),
        return_exceptions=True,
    )
    [winner] = [each for each in outcomes if isinstance(each, Stored)]
    assert {type(each) for each in outcomes} == {Stored, WriteConflict}
    assert await other.load(SESSION) == winner
    said = {row.sealed for row in await other.entries(SESSION, 0, 10)}
    assert said == {winner.document.holder.encode()}


async def test_what_was_written_outlives_the_instance(
    open_store: Callable[[], Awaitable[Store]],
) -> None:
    first = await open_store()
    created = await first.create(SESSION, document())
    after, rows = grown(created, 2)
    written = await first.write(created, after, rows)
    await first.close()
    second = await open_store()
    assert await second.load(SESSION) == written
    assert await second.entries(SESSION, 0, 10) == rows
    await second.write(written, EVERYTHING)


async def test_a_store_in_order_says_so(store: Store) -> None:
    await store.check()
    await store.check()
    assert await store.load(SESSION) is None
