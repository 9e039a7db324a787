"""Deleting a session, over every store, bus and blob storage: whatever dies on the way, asked again nothing is left."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shared.deletion import TRIES_MAX, bury, drafts_of, remove_remains
from shared.domain.session import SessionDocument, why_lost
from shared.domain.values import Holder, LogId, SessionId
from shared.errors import LeaseLost, SessionDeleted, StoreUnavailable
from shared.lease import LogWriter
from shared.ports import Blobs, Bus, EntryRow, RecordName, Store, Stored, Subscriber, Wakeup
from tests.contract.adapters import BLOBS, BUSES, STORES, Kind, named
from tests.contract.conftest import opening
from tests.contract.crashing import Crash, Crashed
from tests.contract.examples import ANOTHER, SESSION, document, grown, polished_row, session_id
from tests.doubles.clock import ManualClock
from tests.doubles.faulty_store import REFUSED, REPLY_LOST, FaultyStore, late

WHO = Holder("who deletes")


@dataclass(frozen=True, slots=True)
class Place:
    """Where sessions live."""

    store: Store
    blobs: Blobs
    bus: Bus

    def dying(self, crash: Crash) -> "Place":
        return Place(crash.port(self.store), crash.port(self.blobs), crash.port(self.bus))


PLACES = [
    *((each, BUSES[0], BLOBS[0]) for each in STORES),
    *((STORES[0], each, BLOBS[0]) for each in BUSES[1:]),
    *((STORES[0], BUSES[0], each) for each in BLOBS[1:]),
    (named(STORES, "sqlite"), named(BUSES, "embedded"), named(BLOBS, "filesystem")),
]
"""Every adapter once, beside others that are quick; and those of one machine together."""


@pytest.fixture(params=PLACES, ids=lambda kinds: "-".join(kind.name for kind in kinds))
async def place(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Place]:
    kinds: tuple[Kind[Store], Kind[Bus], Kind[Blobs]] = request.param
    async with (
        opening(kinds[0], tmp_path, clock) as open_store,
        opening(kinds[1], tmp_path, clock) as open_bus,
        opening(kinds[2], tmp_path, clock) as open_blobs,
    ):
        yield Place(await open_store(), await open_blobs(), await open_bus())


async def lived(place: Place, session: SessionId) -> Stored:
    """A session with something of everything."""
    created = await place.store.create(session, document())
    written = await place.store.write(created, *grown(created, 3))
    await place.store.write_record(session, RecordName.POLISH, {"through": 3}, None, [polished_row(0, 0, 2)])
    await place.store.write_record(session, RecordName.ABOUT, {"label": b"sealed"}, None)
    await place.bus.publish(Wakeup(session, LogId("log-1"), 3))
    for name in ("0001", "0002", "key"):
        await place.blobs.create(f"{drafts_of(session)}{name}", b"sealed")
    return written


PARTS = 3 + 1 + 2 + len(Subscriber) + 3
"""How many things `lived` leaves beside the document."""


async def delete(place: Place, clock: ManualClock, session: SessionId) -> int:
    await bury(place.store, clock, session, WHO)
    return await remove_remains(place.store, place.blobs, place.bus, session)


async def assert_only_a_tombstone(place: Place, session: SessionId) -> None:
    stored = await place.store.load(session)
    assert stored is not None
    assert stored.document == stored.document.tombstone(WHO, stored.document.heartbeat_at_ms)
    assert await place.store.entries(session, 0, 10) == []
    assert await place.store.polished(session, 0, 10) == []
    assert [await place.store.record(session, name) for name in RecordName] == [None] * len(RecordName)
    assert await place.blobs.list(drafts_of(session)) == []
    assert await place.bus.forget_session(session) == 0


async def test_everything_goes_and_a_tombstone_stays(place: Place, clock: ManualClock) -> None:
    await lived(place, SESSION)
    await lived(place, ANOTHER)
    assert await delete(place, clock, SESSION) == PARTS
    await assert_only_a_tombstone(place, SESSION)
    assert await delete(place, clock, SESSION) == 0
    assert await delete(place, clock, ANOTHER) == PARTS


async def test_a_death_at_any_step_is_put_right_by_asking_again(place: Place, clock: ManualClock) -> None:
    whole = Crash()
    await lived(place, SESSION)
    await delete(place.dying(whole), clock, SESSION)
    assert whole.calls > 6
    for number in range(2 * whole.calls):
        session = session_id(100 + number)
        await lived(place, session)
        crash = Crash(number // 2, after_call=number % 2 == 1)
        with pytest.raises(Crashed):
            await delete(place.dying(crash), clock, session)
        await delete(place, clock, session)
        await assert_only_a_tombstone(place, session)


async def test_the_key_of_the_drafts_goes_before_their_parts(place: Place, clock: ManualClock) -> None:
    await lived(place, SESSION)
    crash = Crash(1, after_call=True)
    with pytest.raises(Crashed):
        await remove_remains(place.store, crash.port(place.blobs), place.bus, SESSION)
    left = await place.blobs.list(drafts_of(SESSION))
    assert [key.rpartition("/")[2] for key in left] == ["0001", "0002"]


async def test_the_key_of_the_drafts_goes_even_where_the_store_fails(
    place: Place, clock: ManualClock
) -> None:
    await lived(place, SESSION)
    faulty = FaultyStore(place.store, clock, writes=[REFUSED])
    with pytest.raises(StoreUnavailable):
        await remove_remains(faulty, place.blobs, place.bus, SESSION)
    left = await place.blobs.list(drafts_of(SESSION))
    assert [key.rpartition("/")[2] for key in left] == ["0001", "0002"]


async def test_two_who_delete_at_once_leave_nothing(place: Place, clock: ManualClock) -> None:
    await lived(place, SESSION)
    removed = await asyncio.gather(*(delete(place, clock, SESSION) for _ in range(2)))
    assert sum(removed) >= PARTS
    await assert_only_a_tombstone(place, SESSION)


async def test_a_session_that_never_was_stays_absent(store: Store, clock: ManualClock) -> None:
    assert await bury(store, clock, SESSION, WHO) is None
    assert await store.load(SESSION) is None


async def test_a_tombstone_is_left_as_it_is(store: Store, clock: ManualClock) -> None:
    await store.create(SESSION, document())
    first = await bury(store, clock, SESSION, WHO)
    clock.advance(1_000)
    assert await bury(store, clock, SESSION, Holder("again")) == first
    assert await store.load(SESSION) == first


async def test_a_tombstone_has_no_key_and_no_words(store: Store, clock: ManualClock) -> None:
    before = replace(document(), purge_at_ms=7, finished_at_ms=5, next_index=9, published_through=9)
    await store.create(SESSION, before)
    buried = await bury(store, clock, SESSION, WHO)
    assert buried is not None
    after = buried.document
    assert (after.wrapped_key, after.config, after.takes, after.next_index) == (b"", b"", (), 0)
    assert (after.owner, after.log_id, after.created_at_ms) == (
        before.owner,
        before.log_id,
        before.created_at_ms,
    )
    assert (after.purge_at_ms, after.finished_at_ms, after.holder) == (7, 5, WHO)


@pytest.mark.parametrize("count", [0, 2])
async def test_a_late_writer_is_told_that_the_session_is_deleted(
    place: Place, clock: ManualClock, count: int
) -> None:
    writer = LogWriter(place.store, clock, await lived(place, SESSION))
    await delete(place, clock, SESSION)
    with pytest.raises(LeaseLost):
        await writer.commit(*grown(writer.stored, count))
    found = await place.store.load(SESSION)
    assert found is not None
    assert isinstance(why_lost(found.document, take=1), SessionDeleted)
    await assert_only_a_tombstone(place, SESSION)


async def test_a_commit_that_lands_after_the_tombstone_writes_nothing(
    place: Place, clock: ManualClock
) -> None:
    faulty = FaultyStore(place.store, clock, writes=[late(1_000)])
    stored = await lived(place, SESSION)
    with pytest.raises(StoreUnavailable):
        await faulty.write(stored, *grown(stored, 2))
    await delete(place, clock, SESSION)
    landed = asyncio.ensure_future(faulty.landed())
    await asyncio.sleep(0)
    clock.advance(1_000)
    await landed
    await assert_only_a_tombstone(place, SESSION)


async def test_an_unanswered_tombstone_is_found_on_asking_again(store: Store, clock: ManualClock) -> None:
    await store.create(SESSION, document())
    faulty = FaultyStore(store, clock, writes=[REFUSED, REPLY_LOST])
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await bury(faulty, clock, SESSION, WHO)
    assert await bury(faulty, clock, SESSION, Holder("again")) == await store.load(SESSION)
    found = await store.load(SESSION)
    assert found is not None
    assert found.document.holder == WHO


class Contended(FaultyStore):
    """Somebody else writes before each of the next writes."""

    def __init__(self, inner: Store, clock: ManualClock, times: int) -> None:
        super().__init__(inner, clock)
        self._times = times

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        if self._times:
            self._times -= 1
            await super().write(base, replace(base.document, published_through=self._times))
        return await super().write(base, document, entries)


async def test_a_session_that_is_being_written_is_buried_between_two_writes(
    store: Store, clock: ManualClock
) -> None:
    await store.create(SESSION, document())
    buried = await bury(Contended(store, clock, TRIES_MAX - 1), clock, SESSION, WHO)
    assert await store.load(SESSION) == buried


async def test_burying_against_writers_without_end_is_given_up(store: Store, clock: ManualClock) -> None:
    await store.create(SESSION, document())
    with pytest.raises(StoreUnavailable, match="written by others"):
        await bury(Contended(store, clock, TRIES_MAX), clock, SESSION, WHO)
