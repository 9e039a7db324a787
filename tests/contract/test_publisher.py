"""Every publisher: what it took reaches every subscriber it is meant for, at least once, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.domain.entries import ENTRIES_PER_COMMIT_MAX
from shared.domain.session import SessionDocument
from shared.domain.values import LogId, SessionId
from shared.ports import EntryRow, Stored, Subscriber, Version, Wakeup
from shared.publisher import announce
from tests.contract.examples import ANOTHER, SESSION, document, gap_row, segment_row, session_id
from tests.contract.publishers import PUBLISHERS, Heard, PublisherKind
from tests.doubles.clock import ManualClock

POLISH, AUTOSAVE = Subscriber.POLISH, Subscriber.AUTOSAVE


@pytest.fixture(params=PUBLISHERS, ids=lambda kind: kind.name)
async def bus(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Heard]:
    kind: PublisherKind = request.param
    async with kind.open(tmp_path, clock) as heard:
        yield heard


def wakeup(session: SessionId = SESSION, *rows: EntryRow) -> Wakeup:
    return Wakeup(session, LogId("log-1"), len(rows), rows)


async def test_publishing_wakes_every_subscriber(bus: Heard) -> None:
    await bus.publisher.publish(wakeup(SESSION, segment_row(0), gap_row(1)))
    assert [{*await bus.woken(each)} for each in Subscriber] == [{SESSION}] * len(Subscriber)


async def test_waking_wakes_one_subscriber(bus: Heard) -> None:
    await bus.publisher.wake(SESSION, AUTOSAVE)
    await bus.publisher.wake(ANOTHER, POLISH)
    assert {*await bus.woken(AUTOSAVE)} == {SESSION}
    assert {*await bus.woken(POLISH)} == {ANOTHER}


async def test_nobody_is_woken_for_nothing(bus: Heard) -> None:
    assert [await bus.woken(each) for each in Subscriber] == [[]] * len(Subscriber)


async def test_many_at_once_all_arrive(bus: Heard) -> None:
    sessions = [session_id(number) for number in range(50)]
    await asyncio.gather(*(bus.publisher.publish(wakeup(each, segment_row(0))) for each in sessions))
    for subscriber in Subscriber:
        assert {*await bus.woken(subscriber)} == {*sessions}


async def test_the_same_again_is_harmless(bus: Heard) -> None:
    for _ in range(3):
        await bus.publisher.publish(wakeup())
    assert {*await bus.woken(POLISH)} == {SESSION}


@pytest.mark.parametrize("sealed_bytes", [0, 8_000, 300_000])
async def test_rows_of_any_size_are_taken(bus: Heard, sealed_bytes: int) -> None:
    rows = [segment_row(index, bytes(sealed_bytes)) for index in range(ENTRIES_PER_COMMIT_MAX)]
    await bus.publisher.publish(wakeup(SESSION, *rows))
    assert {*await bus.woken(POLISH)} == {SESSION}


async def test_what_was_announced_is_told(bus: Heard) -> None:
    stored: SessionDocument = document()
    through = await announce(bus.publisher, Stored(SESSION, stored, Version("1")), [segment_row(0)])
    assert through == stored.next_index
    assert {*await bus.woken(AUTOSAVE)} == {SESSION}


async def test_forgetting_a_session_leaves_others_and_its_own_future(bus: Heard) -> None:
    await bus.publisher.publish(wakeup(ANOTHER))
    assert await bus.publisher.forget_session(SESSION) == 0
    await bus.publisher.publish(wakeup())
    assert {*await bus.woken(POLISH)} == {SESSION, ANOTHER}
