"""Writing under a lease, over every store: what an unanswered commit became is found out, never guessed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import pytest

from shared.domain.values import NOBODY, Holder
from shared.errors import LeaseLost, StoreUnavailable
from shared.lease import LogWriter
from shared.ports import Store, Stored
from tests.contract.examples import SESSION, document, grown
from tests.doubles.clock import ManualClock
from tests.doubles.faulty_store import REFUSED, REPLY_LOST, Fault, FaultyStore, late, seeded

STEP_MS = 50


@pytest.fixture
async def stored(store: Store) -> Stored:
    return await store.create(SESSION, document())


@pytest.fixture
def faulty(store: Store, clock: ManualClock) -> FaultyStore:
    return FaultyStore(store, clock)


@pytest.fixture
def writer(faulty: FaultyStore, clock: ManualClock, stored: Stored) -> LogWriter:
    return LogWriter(faulty, clock, stored)


async def meanwhile(clock: ManualClock, work: Awaitable[None]) -> None:
    """`work`, while time goes on."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait([task], timeout=0.001)
        clock.advance(STEP_MS)
    await task


async def committed(writer: LogWriter, clock: ManualClock, count: int, sealed: bytes = b"mine") -> None:
    after, rows = grown(writer.stored, count, sealed)
    # As a heartbeat: without it an empty commit that is still to land looks as if it had.
    after = replace(after, heartbeat_at_ms=after.heartbeat_at_ms + 1)
    await meanwhile(clock, writer.commit(after, rows))


async def said(store: Store) -> list[bytes | None]:
    """What the log holds, which is what its document says it holds."""
    found = await store.load(SESSION)
    rows = await store.entries(SESSION, 0, 1_000)
    assert found is not None
    assert [row.index for row in rows] == list(range(found.document.next_index))
    return [row.sealed for row in rows]


async def test_commits_follow_each_other(store: Store, writer: LogWriter, clock: ManualClock) -> None:
    await committed(writer, clock, 2, b"one")
    await committed(writer, clock, 0)
    await committed(writer, clock, 16, b"two")
    assert await said(store) == [b"one"] * 2 + [b"two"] * 16
    assert await store.load(SESSION) == writer.stored


SILENCES: dict[str, list[Fault]] = {
    "the reply is lost": [REPLY_LOST],
    "nothing happens": [REFUSED],
    "nothing happens for a while": [REFUSED] * 5,
    "it lands before it is looked for": [late(1)],
    "it lands after it was looked for": [late(60)],
    "it lands long after it was sent again": [late(2_500)],
    "copies land late together": [late(170), late(100), late(30)],
    "replies are lost, then it lands late": [REFUSED, REPLY_LOST, late(10)],
}


@pytest.mark.parametrize("count", [0, 1, 16])
@pytest.mark.parametrize("faults", SILENCES.values(), ids=SILENCES.keys())
async def test_a_commit_is_stored_once_whatever_its_answer(
    store: Store, faulty: FaultyStore, writer: LogWriter, clock: ManualClock, faults: list[Fault], count: int
) -> None:
    faulty.next_writes(*faults)
    await committed(writer, clock, count)
    assert await store.load(SESSION) == writer.stored
    await committed(writer, clock, 2, b"more")
    await meanwhile(clock, faulty.landed())
    assert await said(store) == [b"mine"] * count + [b"more"] * 2
    assert await store.load(SESSION) == writer.stored


@pytest.mark.parametrize("fault", [REPLY_LOST, late(1), late(60)], ids=["lost", "early", "late"])
async def test_letting_go_is_recognised_though_it_leaves_no_holder(
    store: Store, faulty: FaultyStore, writer: LogWriter, clock: ManualClock, fault: Fault
) -> None:
    faulty.next_writes(fault)
    after, rows = grown(writer.stored, 1)
    await meanwhile(clock, writer.commit(replace(after, holder=NOBODY), rows))
    await meanwhile(clock, faulty.landed())
    assert await store.load(SESSION) == writer.stored
    assert writer.document.holder == NOBODY
    assert len(await said(store)) == 1


async def taken(store: Store, holder: str = "somebody else", count: int = 0) -> Stored:
    """Another holder writes."""
    found = await store.load(SESSION)
    assert found is not None
    after, rows = grown(found, count, b"theirs")
    return await store.write(found, replace(after, holder=Holder(holder)), rows)


@pytest.mark.parametrize("theirs", [0, 1, 3])
@pytest.mark.parametrize("mine", [0, 2])
async def test_a_foreign_write_in_the_chain_ends_it(
    store: Store, writer: LogWriter, clock: ManualClock, mine: int, theirs: int
) -> None:
    await committed(writer, clock, 1)
    written = await taken(store, count=theirs)
    with pytest.raises(LeaseLost):
        await committed(writer, clock, mine)
    assert await store.load(SESSION) == written
    assert await said(store) == [b"mine"] + [b"theirs"] * theirs


@pytest.mark.parametrize("fault", [REFUSED, late(2_500)], ids=["refused", "late"])
async def test_an_unanswered_commit_is_lost_to_who_took_over(
    store: Store, faulty: FaultyStore, writer: LogWriter, clock: ManualClock, fault: Fault
) -> None:
    faulty.next_writes(fault)
    faulty.next_reads(REFUSED)
    # The clock stands still until they have written, so that it is not sent again before.
    committing = asyncio.create_task(writer.commit(*grown(writer.stored, 2, b"mine")))
    written = await taken(store, count=1)
    with pytest.raises(LeaseLost):
        await meanwhile(clock, committing)
    await meanwhile(clock, faulty.landed())
    assert await store.load(SESSION) == written
    assert await said(store) == [b"theirs"]


async def written_by_somebody(store: Store) -> None:
    """Returns once the log holds something."""
    async with asyncio.timeout(5):
        while True:
            found = await store.load(SESSION)
            if found is not None and found.document.next_index:
                return
            await asyncio.sleep(0)


async def test_what_landed_before_another_took_over_stays_and_the_lease_is_lost(
    store: Store, faulty: FaultyStore, writer: LogWriter, clock: ManualClock
) -> None:
    faulty.next_writes(REPLY_LOST)
    faulty.next_reads(REFUSED)
    committing = asyncio.create_task(writer.commit(*grown(writer.stored, 2, b"mine")))
    await written_by_somebody(store)
    await taken(store)
    with pytest.raises(LeaseLost):
        await meanwhile(clock, committing)
    assert await said(store) == [b"mine"] * 2


async def test_a_session_that_is_gone_is_lost(store: Store, writer: LogWriter, clock: ManualClock) -> None:
    await store.forget(writer.stored)
    with pytest.raises(LeaseLost):
        await committed(writer, clock, 1)
    assert await store.load(SESSION) is None


async def test_a_store_that_stays_down_is_given_up(
    store: Store, faulty: FaultyStore, clock: ManualClock, stored: Stored
) -> None:
    writer = LogWriter(faulty, clock, stored, give_up_after_ms=3_000)
    faulty.down = True
    with pytest.raises(StoreUnavailable):
        await committed(writer, clock, 1)
    assert 3_000 <= clock.monotonic_ms() < 5_000
    assert await store.load(SESSION) == stored


@pytest.mark.parametrize("count", [0, 1])
async def test_a_writer_whose_last_commit_is_unknown_writes_no_more(
    store: Store, faulty: FaultyStore, writer: LogWriter, clock: ManualClock, count: int
) -> None:
    """Else the next commit, longer or shorter, would find the last one landed and take it for itself."""
    faulty.next_writes(REPLY_LOST)
    faulty.next_reads(*[REFUSED] * 100)
    committing = asyncio.create_task(writer.commit(*grown(writer.stored, 2, b"mine")))
    await written_by_somebody(store)
    committing.cancel()
    await asyncio.gather(committing, return_exceptions=True)
    with pytest.raises(AssertionError, match="not known"):
        await committed(writer, clock, count, b"other words")
    assert await said(store) == [b"mine"] * 2


async def test_a_store_that_refuses_to_write_and_to_read_is_given_up(
    store: Store, faulty: FaultyStore, clock: ManualClock, stored: Stored
) -> None:
    """The lease is gone, and nobody says so: without an end and a pause this would be asked for ever."""
    writer = LogWriter(faulty, clock, stored, give_up_after_ms=3_000)
    await taken(store)
    faulty.next_reads(*[REFUSED] * 1_000)
    with pytest.raises(StoreUnavailable):
        await committed(writer, clock, 1)


async def test_an_entry_that_nobody_wrote_ends_in_giving_up(
    store: Store, clock: ManualClock, stored: Stored
) -> None:
    """As a store restored by hand may have: the version is mine and the index is taken, so every try is refused."""
    after, rows = grown(stored, 1)
    ahead = await store.write(stored, stored.document, rows)
    writer = LogWriter(store, clock, ahead, give_up_after_ms=3_000)
    with pytest.raises(StoreUnavailable, match="others write this session"):
        await meanwhile(clock, writer.commit(after, rows))


@pytest.mark.parametrize("seed", range(20))
async def test_any_faults_leave_each_commit_once_and_in_order(
    open_store: Callable[[], Awaitable[Store]], clock: ManualClock, seed: int
) -> None:
    store, random = await open_store(), Random(seed)
    faulty = FaultyStore(
        store,
        clock,
        writes=seeded(random, 0.5, after_ms_max=300),
        reads=seeded(random, 0.3, after_ms_max=300),
    )
    writer = LogWriter(faulty, clock, await store.create(SESSION, document()), give_up_after_ms=600_000)
    expected: list[bytes] = []
    for number in range(12):
        count = random.choice([0, 0, 1, 2, 16])
        await committed(writer, clock, count, b"%d" % number)
        expected += [b"%d" % number] * count
    await meanwhile(clock, faulty.landed())
    assert await said(store) == expected
    assert await store.load(SESSION) == writer.stored
