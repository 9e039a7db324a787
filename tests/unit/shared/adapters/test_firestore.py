"""The Firestore store beyond its suite: what each call costs, how long it waits, and every trouble as its sentence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import grpc
import pytest
from google.cloud.firestore_v1.types import CommitRequest

from shared.adapters.clocks import SystemClock
from shared.adapters.firestore import FirestoreStore
from shared.errors import Broken, DictationError, StoreUnavailable, WriteConflict
from shared.lease import LogWriter
from shared.ports import RecordName, Store
from tests.contract.adapters import CALL_MS_MAX
from tests.contract.examples import SESSION, document, grown, take
from tests.doubles.emulators import firestore_project, free_port
from tests.doubles.fault_proxy import Mode, proxying
from tests.doubles.rpc_relay import SAID, RpcRelay, relaying

SHORT_MS = 300
"""Of a call that is not to be answered."""


@pytest.fixture
def place() -> object:
    with firestore_project() as place:
        yield place


@pytest.fixture
async def relay(place: str) -> AsyncIterator[RpcRelay]:
    async with relaying(place.partition("/")[0]) as relay:
        yield relay


@pytest.fixture
async def store(place: str, relay: RpcRelay) -> AsyncIterator[FirestoreStore]:
    store = FirestoreStore.open(place.partition("/")[2], relay.address, CALL_MS_MAX)
    yield store
    await store.close()


def writes(relay: RpcRelay) -> list[CommitRequest]:
    return [CommitRequest.deserialize(body) for method, body in relay.calls if method == "Commit"]


async def test_a_commit_is_one_call_and_a_write_for_each_entry_and_one(
    store: FirestoreStore, relay: RpcRelay
) -> None:
    """No read on the way: what fences is the version that the writer already has."""
    takes = (take(1), take(2), take(3))
    writer = LogWriter(
        store, SystemClock(), await store.create(SESSION, replace(document(), takes=takes, take=2))
    )
    relay.calls.clear()
    for count in (1, 0, 16, 3):
        after, rows = grown(writer.stored, count)
        after = after.with_take(replace(takes[1], covered=after.next_index * 16_000))
        await writer.commit(replace(after, heartbeat_at_ms=after.heartbeat_at_ms + 1), rows)
    assert relay.methods == ["Commit"] * 4
    assert [len(each.writes) for each in writes(relay)] == [2, 1, 17, 4]
    for each in writes(relay):
        *created, updated = each.writes
        assert all(one.current_document.exists is False for one in created)
        assert updated.current_document.update_time
        assert {path.partition(".")[0] for path in updated.update_mask.field_paths} <= {
            "takes",
            "next_index",
            "heartbeat_at_ms",
            "write",
        }
        assert [path for path in updated.update_mask.field_paths if path.startswith("takes")] in (
            [],
            [f"takes.`{takes[1].take_id}`"],
        )
        assert not each.transaction


async def test_every_call_of_the_hot_path_is_one(store: FirestoreStore, relay: RpcRelay) -> None:
    stored = await store.create(SESSION, document())
    stored = await store.write(stored, *grown(stored, 2))
    await store.load(SESSION)
    await store.entries(SESSION, 0, 10)
    await store.write_record(SESSION, RecordName.POLISH, {"through": 1}, None)
    await store.record(SESSION, RecordName.POLISH)
    assert relay.methods == [
        "Commit",
        "Commit",
        "BatchGetDocuments",
        "RunQuery",
        "Commit",
        "BatchGetDocuments",
    ]


WRITE: list[Callable[[Store], Awaitable[object]]] = [
    lambda store: store.create(SESSION, document()),
    lambda store: store.write_record(SESSION, RecordName.DRAFT, {}, None),
]
READ: list[Callable[[Store], Awaitable[object]]] = [
    lambda store: store.load(SESSION),
    lambda store: store.entries(SESSION, 0, 1),
    lambda store: store.unfinished(None, 1),
    lambda store: store.record(SESSION, RecordName.DRAFT),
    lambda store: store.erase(SESSION),
    lambda store: store.check(),
    lambda store: anext(store.watch()),
]
CODES = grpc.StatusCode
REFUSALS: dict[grpc.StatusCode, tuple[type[DictationError], str]] = {
    CODES.UNAVAILABLE: (StoreUnavailable, "did not answer"),
    CODES.ABORTED: (StoreUnavailable, "did not answer"),
    CODES.INTERNAL: (StoreUnavailable, "did not answer"),
    CODES.UNKNOWN: (StoreUnavailable, "did not answer"),
    CODES.RESOURCE_EXHAUSTED: (StoreUnavailable, "takes no more"),
    CODES.PERMISSION_DENIED: (StoreUnavailable, "service account"),
    CODES.UNAUTHENTICATED: (StoreUnavailable, "service account"),
    CODES.INVALID_ARGUMENT: (Broken, "refuses"),
}


@pytest.mark.parametrize("call", [*WRITE, *READ], ids=range(len(WRITE) + len(READ)))
@pytest.mark.parametrize("code", REFUSALS, ids=lambda code: code.name)
async def test_a_refusal_is_said_once_and_in_our_own_words(
    store: FirestoreStore,
    relay: RpcRelay,
    code: grpc.StatusCode,
    call: Callable[[Store], Awaitable[object]],
) -> None:
    relay.refusal = code
    kind, sentence = REFUSALS[code]
    with pytest.raises(kind, match=sentence) as refused:
        await call(store)
    assert SAID not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert len(relay.calls) == 1, "the library tried again"


@pytest.mark.parametrize("code", [CODES.ALREADY_EXISTS, CODES.FAILED_PRECONDITION, CODES.NOT_FOUND])
async def test_what_contradicts_a_write_is_a_conflict(
    store: FirestoreStore, relay: RpcRelay, code: grpc.StatusCode
) -> None:
    relay.refusal = code
    for call in WRITE:
        with pytest.raises(WriteConflict):
            await call(store)


@pytest.mark.parametrize(
    ("code", "sentence"), [(CODES.FAILED_PRECONDITION, "lacks an index"), (CODES.NOT_FOUND, "no Firestore")]
)
async def test_what_is_not_set_up_is_said(
    store: FirestoreStore, relay: RpcRelay, code: grpc.StatusCode, sentence: str
) -> None:
    relay.refusal = code
    for call in READ:
        with pytest.raises(StoreUnavailable, match=sentence):
            await call(store)


async def test_a_record_too_large_is_our_mistake(store: FirestoreStore) -> None:
    with pytest.raises(Broken, match="too large"):
        await store.write_record(SESSION, RecordName.DRAFT, {"body": bytes(1_100_000)}, None)


async def test_a_silent_server_is_given_up_in_time(place: str) -> None:
    address, _, project = place.partition("/")
    async with proxying(address) as proxy:
        store = FirestoreStore.open(project, proxy.address, SHORT_MS)
        proxy.mode = Mode.BLACK_HOLE
        loop = asyncio.get_running_loop()
        for call in (WRITE[0], READ[0], READ[1]):
            asked_at = loop.time()
            with pytest.raises(StoreUnavailable):
                await call(store)
            assert SHORT_MS / 1_000 - 0.05 <= loop.time() - asked_at < 10 * SHORT_MS / 1_000
        await store.close()


async def test_a_write_that_lands_after_its_deadline_is_found_there(place: str) -> None:
    """The reply comes to nobody, and the version has moved on: the same write again is a conflict."""
    address, _, project = place.partition("/")
    near = FirestoreStore.open(project, address, CALL_MS_MAX)
    created = await near.create(SESSION, document())
    async with proxying(address) as proxy:
        far = FirestoreStore.open(project, proxy.address, SHORT_MS)
        await far.load(SESSION)
        proxy.mode = Mode.LOSE_REPLIES
        with pytest.raises(StoreUnavailable):
            await far.write(created, *grown(created, 1))
        proxy.mode = Mode.PASS
        await far.close()
    found = await near.load(SESSION)
    assert found is not None
    assert found.document.next_index == 1
    with pytest.raises(WriteConflict):
        await near.write(created, *grown(created, 1))
    await near.close()


async def test_nobody_there_is_said_at_once() -> None:
    store = FirestoreStore.open("test", f"127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match="did not answer"):
        await store.check()
    await store.close()


async def test_a_closed_store_says_so(store: FirestoreStore) -> None:
    await store.check()
    await store.close()
    for call in (WRITE[0], READ[0], READ[1], READ[-1]):
        with pytest.raises(StoreUnavailable):
            await call(store)


async def test_who_waits_while_the_store_is_closed_is_told_and_not_cancelled(place: str) -> None:
    """Cancelled is how a task ends without a word."""
    address, _, project = place.partition("/")
    async with proxying(address) as proxy:
        store = FirestoreStore.open(project, proxy.address, CALL_MS_MAX)
        await store.check()
        proxy.mode = Mode.HOLD
        waiting = [asyncio.ensure_future(call(store)) for call in (*WRITE, *READ)]
        await proxy.until("held")
        await store.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in outcomes} == {StoreUnavailable}


async def test_who_is_told_to_stop_stops(place: str) -> None:
    address, _, project = place.partition("/")
    async with proxying(address) as proxy:
        store = FirestoreStore.open(project, proxy.address, CALL_MS_MAX)
        await store.check()
        proxy.mode = Mode.HOLD
        waiting = [asyncio.ensure_future(call(store)) for call in (WRITE[0], READ[0], READ[-1])]
        await proxy.until("held")
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        assert all(each.cancelled() for each in waiting)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT_MS / 1_000):
                await store.load(SESSION)
        await store.close()
