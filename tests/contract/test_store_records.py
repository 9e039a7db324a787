"""Every store: records beside the log, the polished log, and what erasing leaves."""

import asyncio
from dataclasses import replace

import pytest

from shared.domain.values import NUMBER_MAX
from shared.errors import WriteConflict
from shared.ports import RecordFields, RecordName, Store
from tests.contract.examples import ANOTHER, SESSION, document, grown, polished_row

FIELDS: RecordFields = {"through": NUMBER_MAX, "label": b"\x00sealed\xff", "state": "saved", "nothing": None}
POLISH = RecordName.POLISH


async def test_a_record_that_is_not_there_is_none(store: Store) -> None:
    await store.create(SESSION, document())
    assert [await store.record(SESSION, name) for name in RecordName] == [None] * len(RecordName)


async def test_a_record_is_read_as_it_was_written(store: Store, other: Store) -> None:
    version = await store.write_record(SESSION, POLISH, FIELDS, None)
    stored = await other.record(SESSION, POLISH)
    assert stored is not None
    assert dict(stored.fields) == FIELDS
    assert stored.version == version
    assert await store.record(SESSION, RecordName.DRAFT) is None
    assert await store.record(ANOTHER, POLISH) is None


async def test_a_record_is_replaced_whole(store: Store, other: Store) -> None:
    first = await store.write_record(SESSION, POLISH, FIELDS, None)
    second = await other.write_record(SESSION, POLISH, {"through": 7}, first)
    stored = await store.record(SESSION, POLISH)
    assert stored is not None
    assert (dict(stored.fields), stored.version) == ({"through": 7}, second)
    assert second != first


async def test_what_is_kept_of_a_record_is_not_the_writers_own(store: Store) -> None:
    fields: dict[str, int | str | bytes | None] = {"through": 1}
    await store.write_record(SESSION, POLISH, fields, None)
    fields["through"] = 2
    stored = await store.record(SESSION, POLISH)
    assert stored is not None
    assert stored.fields["through"] == 1


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "older"])
async def test_a_record_written_by_somebody_else_is_left_alone(store: Store, is_new: bool) -> None:
    first = await store.write_record(SESSION, POLISH, {"through": 0}, None)
    version = await store.write_record(SESSION, POLISH, FIELDS, first)
    base = None if is_new else first
    with pytest.raises(WriteConflict):
        await store.write_record(SESSION, POLISH, {}, base, [polished_row(0)])
    stored = await store.record(SESSION, POLISH)
    assert stored is not None
    assert (dict(stored.fields), stored.version) == (FIELDS, version)
    assert await store.polished(SESSION, 0, 10) == []


async def test_a_record_that_is_gone_is_not_written_over(store: Store) -> None:
    version = await store.write_record(SESSION, POLISH, FIELDS, None)
    await store.erase(SESSION)
    with pytest.raises(WriteConflict):
        await store.write_record(SESSION, POLISH, FIELDS, version, [polished_row(0)])
    assert await store.record(SESSION, POLISH) is None
    assert await store.polished(SESSION, 0, 10) == []
    again = await store.write_record(SESSION, POLISH, FIELDS, None)
    assert again != version


async def test_polished_text_and_its_cursor_are_written_together(store: Store, other: Store) -> None:
    rows = [polished_row(0, 0, 3), replace(polished_row(1, 4, 4), flags=(), sealed=b"")]
    version = await store.write_record(SESSION, POLISH, {"through": 5}, None, rows)
    assert await other.polished(SESSION, 0, 10) == rows
    with pytest.raises(WriteConflict):
        await store.write_record(SESSION, POLISH, {"through": 6}, version, [polished_row(2), polished_row(1)])
    stored = await other.record(SESSION, POLISH)
    assert stored is not None
    assert (stored.fields["through"], stored.version) == (5, version)
    assert await other.polished(SESSION, 0, 10) == rows


async def test_polished_text_comes_in_order_page_by_page(store: Store) -> None:
    version = await store.write_record(SESSION, POLISH, {}, None, [polished_row(n) for n in range(4)])
    await store.write_record(SESSION, POLISH, {}, version, [polished_row(n) for n in (4, 5, 6)])
    pages = [await store.polished(SESSION, start, 3) for start in (0, 3, 6, 7)]
    assert [[row.index for row in page] for page in pages] == [[0, 1, 2], [3, 4, 5], [6], []]


async def test_of_many_who_write_a_record_one_wins(store: Store, other: Store) -> None:
    outcomes = await asyncio.gather(
        *(
            (store, other)[n % 2].write_record(SESSION, POLISH, {"by": n}, None, [polished_row(0, n, n)])
            for n in range(12)
        ),
        return_exceptions=True,
    )
    [winner] = [n for n, each in enumerate(outcomes) if not isinstance(each, WriteConflict)]
    stored = await other.record(SESSION, POLISH)
    assert stored is not None
    assert (stored.fields["by"], stored.version) == (winner, outcomes[winner])
    assert [row.first for row in await store.polished(SESSION, 0, 10)] == [winner]


async def test_document_and_records_do_not_disturb_each_other(store: Store) -> None:
    created = await store.create(SESSION, document())
    version = await store.write_record(SESSION, POLISH, {"through": 0}, None)
    written = await store.write(created, *grown(created, 1))
    version = await store.write_record(SESSION, POLISH, {"through": 1}, version)
    await store.write_record(SESSION, RecordName.ABOUT, {}, None)
    await store.write(written, *grown(written, 1))
    await store.write_record(SESSION, POLISH, {"through": 2}, version)


async def test_erasing_leaves_the_document_and_other_sessions(store: Store, other: Store) -> None:
    for each in (SESSION, ANOTHER):
        created = await store.create(each, document())
        await store.write(created, *grown(created, 3))
        await store.write_record(each, POLISH, {}, None, [polished_row(0), polished_row(1)])
        await store.write_record(each, RecordName.ABOUT, {"label": b"sealed"}, None)
    before = await store.load(SESSION)
    assert await other.erase(SESSION) == 7
    assert await other.erase(SESSION) == 0
    assert await store.load(SESSION) == before
    assert await store.entries(SESSION, 0, 10) == []
    assert await store.polished(SESSION, 0, 10) == []
    assert [await store.record(SESSION, name) for name in RecordName] == [None] * len(RecordName)
    assert len(await store.entries(ANOTHER, 0, 10)) == 3
    assert len(await store.polished(ANOTHER, 0, 10)) == 2
    assert await store.record(ANOTHER, RecordName.ABOUT) is not None


async def test_erasing_what_never_was_removes_nothing(store: Store) -> None:
    assert await store.erase(SESSION) == 0
    assert await store.load(SESSION) is None


async def test_many_rows_are_erased(store: Store) -> None:
    stored = await store.create(SESSION, document())
    for _ in range(40):
        stored = await store.write(stored, *grown(stored, 16))
    assert await store.erase(SESSION) == 640
    assert await store.entries(SESSION, 0, 1) == []


async def test_forgetting_removes_the_document_it_names_and_no_newer(store: Store, other: Store) -> None:
    created = await store.create(SESSION, document())
    written = await other.write(created, document())
    with pytest.raises(WriteConflict):
        await store.forget(created)
    assert await store.load(SESSION) == written
    await store.forget(written)
    assert await other.load(SESSION) is None
    with pytest.raises(WriteConflict):
        await store.forget(written)
    with pytest.raises(WriteConflict):
        await store.write(written, document())
    assert (await other.create(SESSION, document())).document == document()
