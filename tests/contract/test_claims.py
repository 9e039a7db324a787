"""Taking the lease, over every store: granted to one, found out when the reply is lost, and refused to late writers."""

import asyncio
from dataclasses import replace

import pytest

from shared.domain.session import STALE_AFTER_MS, SessionState
from shared.domain.values import NOBODY, Holder
from shared.errors import LeaseLost, Refuse, SessionDeleted, StoreUnavailable, TakenElsewhere
from shared.lease import ATTEMPT_MS_MAX, LogWriter, answered, take_upkeep_lease, write_claim
from shared.ports import Store, Stored
from tests.contract.examples import NOW_MS, SESSION, document, grown
from tests.doubles.clock import ManualClock
from tests.doubles.faulty_store import REFUSED, REPLY_LOST, FaultyStore

FREE = replace(document(SessionState.INTERRUPTED), holder=NOBODY)
SWEEP = Holder("sweep")


@pytest.fixture
def faulty(store: Store, clock: ManualClock) -> FaultyStore:
    return FaultyStore(store, clock)


async def test_upkeep_gets_a_session_that_nobody_has(store: Store, clock: ManualClock) -> None:
    await store.create(SESSION, FREE)
    writer = await take_upkeep_lease(store, clock, SESSION, SWEEP)
    assert writer.document == replace(FREE, holder=SWEEP, heartbeat_at_ms=clock.wall_ms())
    await writer.commit(*grown(writer.stored, 1))
    assert await store.load(SESSION) == writer.stored


async def test_upkeep_waits_until_a_holder_is_stale(store: Store, clock: ManualClock) -> None:
    stored = await store.create(SESSION, document())
    clock.advance(STALE_AFTER_MS - 1)
    with pytest.raises(TakenElsewhere):
        await take_upkeep_lease(store, clock, SESSION, SWEEP)
    assert await store.load(SESSION) == stored
    clock.advance(1)
    displaced = LogWriter(store, clock, stored)
    await take_upkeep_lease(store, clock, SESSION, SWEEP)
    with pytest.raises(LeaseLost):
        await displaced.commit(*grown(stored, 1))
    assert await store.entries(SESSION, 0, 10) == []


async def test_upkeep_refuses_what_is_not_there_or_deleted(store: Store, clock: ManualClock) -> None:
    with pytest.raises(Refuse, match="no such session"):
        await take_upkeep_lease(store, clock, SESSION, SWEEP)
    await store.create(SESSION, FREE.tombstone(Holder("who deleted"), NOW_MS))
    with pytest.raises(SessionDeleted):
        await take_upkeep_lease(store, clock, SESSION, SWEEP)


async def test_of_many_who_look_after_it_one_gets_it(store: Store, other: Store, clock: ManualClock) -> None:
    await store.create(SESSION, FREE)
    outcomes = await asyncio.gather(
        *(take_upkeep_lease((store, other)[n % 2], clock, SESSION, Holder(f"{n}")) for n in range(8)),
        return_exceptions=True,
    )
    [winner] = [each for each in outcomes if isinstance(each, LogWriter)]
    assert {type(each) for each in outcomes} == {LogWriter, TakenElsewhere}
    assert await store.load(SESSION) == winner.stored


async def test_a_lease_whose_reply_was_lost_is_found_granted(
    store: Store, faulty: FaultyStore, clock: ManualClock
) -> None:
    await store.create(SESSION, FREE)
    faulty.next_writes(REPLY_LOST)
    writer = await take_upkeep_lease(faulty, clock, SESSION, SWEEP)
    assert await store.load(SESSION) == writer.stored
    assert writer.document.holder == SWEEP


async def test_a_store_that_can_be_read_but_not_written_is_asked_once(
    store: Store, faulty: FaultyStore, clock: ManualClock
) -> None:
    """As on a full disk. What was tried may still land; then it goes stale by itself."""
    stored = await store.create(SESSION, FREE)
    faulty.next_writes(REFUSED, REFUSED)
    with pytest.raises(StoreUnavailable):
        await take_upkeep_lease(faulty, clock, SESSION, SWEEP)
    assert await store.load(SESSION) == stored
    with pytest.raises(StoreUnavailable):
        await write_claim(faulty, SESSION, stored, document())
    assert (await take_upkeep_lease(faulty, clock, SESSION, SWEEP)).document.holder == SWEEP


async def test_a_new_session_that_cannot_be_written_is_asked_once(store: Store, faulty: FaultyStore) -> None:
    faulty.next_writes(REFUSED)
    with pytest.raises(StoreUnavailable):
        await write_claim(faulty, SESSION, None, document())
    assert await store.load(SESSION) is None


async def test_neither_answer_is_not_known(store: Store, faulty: FaultyStore) -> None:
    faulty.next_writes(REPLY_LOST)
    faulty.next_reads(REFUSED)
    with pytest.raises(StoreUnavailable):
        await write_claim(faulty, SESSION, None, document())
    assert await store.load(SESSION) is not None


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "reply lost"])
async def test_a_claim_creates_or_replaces(store: Store, faulty: FaultyStore, lost: bool) -> None:
    faulty.next_writes(*[REPLY_LOST] * 2 if lost else [])
    created = await write_claim(faulty, SESSION, None, document())
    assert created is not None
    assert await store.load(SESSION) == created
    claimed = await write_claim(faulty, SESSION, created, replace(document(), holder=Holder("next")))
    assert claimed is not None
    assert await store.load(SESSION) == claimed
    assert claimed.document.holder == "next"


@pytest.mark.parametrize("refused", [False, True], ids=["conflict", "no answer"])
async def test_a_claim_that_came_second_is_judged_anew(
    store: Store, faulty: FaultyStore, refused: bool
) -> None:
    first = await store.create(SESSION, document())
    await store.write(first, replace(document(), holder=Holder("winner")))
    late: list[tuple[Stored | None, str]] = [(None, "who creates"), (first, "who replaces")]
    for base, holder in late:
        faulty.next_writes(*[REFUSED] if refused else [])
        assert await write_claim(faulty, SESSION, base, replace(document(), holder=Holder(holder))) is None
    found = await store.load(SESSION)
    assert found is not None
    assert found.document.holder == "winner"


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    never = asyncio.get_running_loop().create_future()
    asked_at = asyncio.get_running_loop().time()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await answered(never)
    assert asyncio.get_running_loop().time() - asked_at >= ATTEMPT_MS_MAX / 1_000 - 0.01
    assert never.cancelled()
