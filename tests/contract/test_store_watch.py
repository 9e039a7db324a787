"""Every store: whoever watches learns of every record that changes, wherever it was written."""

import asyncio
from collections.abc import AsyncIterator

from shared.domain.values import SessionId
from shared.ports import RecordName, Store, Version
from tests.contract.examples import ANOTHER, SESSION, document, grown, session_id

TOLD_WITHIN_S = 5


async def told(changes: AsyncIterator[SessionId], *wanted: SessionId) -> None:
    """Returns once each of `wanted` was told of; others may be told of before."""
    missing = set(wanted)
    async with asyncio.timeout(TOLD_WITHIN_S):
        while missing:
            missing.discard(await anext(changes))


async def changed(store: Store, session: SessionId, base: Version | None = None) -> Version:
    return await store.write_record(session, RecordName.DRAFT, {"through": 1}, base)


async def test_a_change_is_told_wherever_it_was_written(store: Store, other: Store) -> None:
    changes = store.watch()
    await changed(store, SESSION)
    await told(changes, SESSION)
    await changed(other, ANOTHER)
    await told(changes, ANOTHER)


async def test_what_changes_before_the_first_look_is_told(store: Store, other: Store) -> None:
    changes = store.watch()
    for number in range(1, 21):
        await changed((store, other)[number % 2], session_id(number))
    await told(changes, *(session_id(number) for number in range(1, 21)))


async def test_each_later_change_of_one_record_is_told(store: Store, other: Store) -> None:
    changes = store.watch()
    version = await changed(other, SESSION)
    await told(changes, SESSION)
    for _ in range(3):
        version = await changed(other, SESSION, version)
        await told(changes, SESSION)


async def test_a_record_made_anew_after_it_was_erased_is_told(store: Store, other: Store) -> None:
    changes = store.watch()
    await changed(other, SESSION)
    await told(changes, SESSION)
    await other.erase(SESSION)
    await changed(other, SESSION)
    await told(changes, SESSION)


async def test_every_listener_is_told(store: Store, other: Store) -> None:
    listeners = [store.watch(), store.watch(), other.watch()]
    await changed(store, SESSION)
    await asyncio.gather(*(told(each, SESSION) for each in listeners))
    await changed(other, ANOTHER)
    await asyncio.gather(*(told(each, ANOTHER) for each in listeners))


async def test_a_listener_waits_while_changes_come(store: Store, other: Store) -> None:
    changes = store.watch()
    waiting = asyncio.create_task(told(changes, SESSION, ANOTHER))
    await changed(other, SESSION)
    created = await other.create(SESSION, document())
    await other.write(created, *grown(created, 1))
    await changed(other, ANOTHER)
    await waiting


async def test_a_listener_that_stops_does_not_hold_up_the_store(store: Store) -> None:
    changes = store.watch()
    waiting = asyncio.create_task(told(changes, ANOTHER))
    await changed(store, SESSION)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    again = store.watch()
    await changed(store, ANOTHER)
    await told(again, ANOTHER)
