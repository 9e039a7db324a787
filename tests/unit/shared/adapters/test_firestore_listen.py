"""The listen beyond its suite: cut, ended or restarted, it says so, and who begins again is told what they missed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from infra.local.emulators import firestore
from shared.adapters.firestore import FirestoreStore
from shared.domain.values import SessionId
from shared.errors import StoreUnavailable
from shared.ports import RecordName
from tests.contract.adapters import CALL_MS_MAX
from tests.contract.examples import ANOTHER, SESSION, session_id
from tests.doubles.emulators import firestore_project, free_port, started, tools
from tests.doubles.fault_proxy import Mode, proxying
from tests.doubles.rpc_relay import relaying

TOLD_WITHIN_S = 20


async def told(changes: AsyncIterator[SessionId], wanted: SessionId) -> None:
    async with asyncio.timeout(TOLD_WITHIN_S):
        while await anext(changes) != wanted:
            pass


async def changed(store: FirestoreStore, session: SessionId) -> None:
    await store.write_record(session, RecordName.DRAFT, {}, None)


@pytest.fixture
def place() -> object:
    with firestore_project() as place:
        yield place


async def test_who_was_cut_off_is_told_what_they_missed(place: str) -> None:
    address, _, project = place.partition("/")
    near = FirestoreStore.open(project, address, CALL_MS_MAX)
    async with proxying(address) as proxy:
        far = FirestoreStore.open(project, proxy.address, CALL_MS_MAX)
        changes = far.watch()
        await changed(near, SESSION)
        await told(changes, SESSION)
        proxy.mode = Mode.REFUSE
        proxy.reset()
        with pytest.raises(StoreUnavailable):
            await told(changes, ANOTHER)
        await changed(near, ANOTHER)
        proxy.mode = Mode.PASS
        await begun_again(far, ANOTHER)
        await far.close()
    await near.close()


async def begun_again(store: FirestoreStore, wanted: SessionId) -> None:
    """As an instance does it, until it is told."""
    async with asyncio.timeout(TOLD_WITHIN_S):
        while True:
            try:
                await told(store.watch(), wanted)
                return
            except StoreUnavailable:
                await asyncio.sleep(0)


async def test_a_restarted_server_is_listened_to_again() -> None:
    """It forgot everything, which its own data base would not."""
    emulator = firestore(tools(), free_port())
    store = FirestoreStore.open("test", emulator.address, CALL_MS_MAX)
    with started(emulator):
        changes = store.watch()
        await changed(store, SESSION)
        await told(changes, SESSION)
    with pytest.raises(StoreUnavailable):
        await told(changes, ANOTHER)
    with started(emulator):
        await changed(store, ANOTHER)
        await begun_again(store, ANOTHER)
    await store.close()


async def test_one_listen_serves_all_sessions_and_ends_with_its_iterator(place: str) -> None:
    address, _, project = place.partition("/")
    async with relaying(address) as relay:
        store = FirestoreStore.open(project, relay.address, CALL_MS_MAX)
        changes = store.watch()
        for number in range(5):
            await changed(store, session_id(number))
            await told(changes, session_id(number))
        assert relay.methods.count("Listen") == 1
        await store.close()


async def test_one_change_is_told_once_however_often_the_server_repeats_it(place: str) -> None:
    """The emulator answers every change with all that is listened to."""
    address, _, project = place.partition("/")
    store = FirestoreStore.open(project, address, CALL_MS_MAX)
    changes, names = store.watch(), [session_id(number) for number in range(100, 112)]
    await changed(store, ANOTHER)
    await told(changes, ANOTHER)
    for name in names:
        await changed(store, name)
        assert await anext(changes) == name
    await store.close()
