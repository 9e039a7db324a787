"""The publisher on Pub/Sub beyond its suite: what a message holds, what it costs, and every trouble as its sentence."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.pubsub_v1.types import PublishRequest, PubsubMessage

from shared.adapters.pubsub import BODY_BYTES_MAX, PubsubPublisher, body, rows_in
from shared.domain.events import is_meant_for
from shared.domain.values import LogId
from shared.errors import Broken, DictationError, Retry
from shared.ports import EntryRow, Subscriber, Wakeup
from tests.contract.adapters import CALL_MS_MAX
from tests.contract.examples import SESSION, gap_row, segment_row
from tests.contract.publishers import PROJECT, Topic, topic
from tests.doubles.emulators import free_port, pubsub_emulator
from tests.doubles.fault_proxy import Mode, proxying
from tests.doubles.rpc_relay import SAID, RpcRelay, relaying

ROWS = (segment_row(7), gap_row(8), EntryRow(9, 1, 0, 1, b""))
WAKEUP = Wakeup(SESSION, LogId("log-1"), 10, ROWS)
SHORT_MS = 300


@pytest.fixture
async def made() -> AsyncIterator[Topic]:
    async with topic() as made:
        yield made


@pytest.fixture
async def relay() -> AsyncIterator[RpcRelay]:
    async with relaying(pubsub_emulator().address) as relay:
        yield relay


@pytest.fixture
async def publisher(made: Topic, relay: RpcRelay) -> AsyncIterator[PubsubPublisher]:
    publisher = PubsubPublisher.open(PROJECT, made.name, relay.address, CALL_MS_MAX)
    yield publisher
    await publisher.close()


def sent(relay: RpcRelay) -> list[PubsubMessage]:
    requests = [PublishRequest.deserialize(body) for method, body in relay.calls if method == "Publish"]
    return [message for request in requests for message in request.messages]


async def test_a_wake_up_is_one_message_with_a_sealed_copy(publisher: PubsubPublisher, made: Topic) -> None:
    await publisher.publish(WAKEUP)
    [received] = await made.pull("others")
    assert dict(received.message.attributes) == {"session": SESSION, "log_id": "log-1", "next_index": "10"}
    assert rows_in(received.message.data) == list(ROWS)
    assert not received.message.ordering_key


async def test_waking_one_names_it(publisher: PubsubPublisher, made: Topic) -> None:
    await publisher.wake(SESSION, Subscriber.AUTOSAVE)
    [received] = await made.pull("others")
    attributes = dict(received.message.attributes)
    assert attributes == {"session": SESSION, "subscriber": "autosave"}
    assert received.message.data == b""
    assert [is_meant_for(attributes, each) for each in Subscriber] == [False, True]


async def test_each_is_one_call(publisher: PubsubPublisher, relay: RpcRelay) -> None:
    await publisher.publish(WAKEUP)
    await publisher.wake(SESSION, Subscriber.POLISH)
    await publisher.forget_session(SESSION)
    assert relay.methods == ["Publish"] * 2
    assert len(sent(relay)) == 2


async def test_a_message_stays_below_a_megabyte(publisher: PubsubPublisher, relay: RpcRelay) -> None:
    rows = tuple(segment_row(index, bytes(250_000)) for index in range(16))
    await publisher.publish(Wakeup(SESSION, LogId("log-1"), 16, rows))
    [message] = sent(relay)
    assert rows_in(message.data) == list(rows[:3])
    assert len(PubsubMessage.serialize(message)) < 1_000_000


def test_the_copy_is_whole_up_to_its_bound() -> None:
    assert rows_in(body(ROWS)) == list(ROWS)
    assert body(()) == b""
    assert body([segment_row(0, bytes(BODY_BYTES_MAX))]) == b""
    large = [segment_row(0), segment_row(1, bytes(BODY_BYTES_MAX)), segment_row(2)]
    assert rows_in(body(large)) == large[:1], "what comes after a hole would look as if nothing was missing"


def test_a_row_is_small_beside_its_words() -> None:
    row = segment_row(0, bytes(200))
    assert len(body([row])) - 200 < 40


REFUSALS: dict[grpc.StatusCode, tuple[type[DictationError], str]] = {
    grpc.StatusCode.UNAVAILABLE: (Retry, "did not answer"),
    grpc.StatusCode.ABORTED: (Retry, "did not answer"),
    grpc.StatusCode.INTERNAL: (Retry, "did not answer"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Retry, "did not answer"),
    grpc.StatusCode.NOT_FOUND: (Retry, "does not exist"),
    grpc.StatusCode.PERMISSION_DENIED: (Retry, "service account"),
    grpc.StatusCode.UNAUTHENTICATED: (Retry, "service account"),
    grpc.StatusCode.INVALID_ARGUMENT: (Broken, "refuses"),
}


@pytest.mark.parametrize("code", REFUSALS, ids=lambda code: code.name)
async def test_a_refusal_is_said_once_and_in_our_own_words(
    publisher: PubsubPublisher, relay: RpcRelay, code: grpc.StatusCode
) -> None:
    relay.refusal = code
    kind, sentence = REFUSALS[code]
    with pytest.raises(kind, match=sentence) as refused:
        await publisher.publish(WAKEUP)
    assert SAID not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert len(relay.calls) == 1, "the library tried again"


async def test_a_topic_that_is_not_there_is_said() -> None:
    publisher = PubsubPublisher.open(PROJECT, "nobody-made-it", pubsub_emulator().address, CALL_MS_MAX)
    with pytest.raises(Retry, match="does not exist"):
        await publisher.wake(SESSION, Subscriber.POLISH)
    await publisher.close()


async def test_a_silent_server_is_given_up_in_time(made: Topic) -> None:
    async with proxying(pubsub_emulator().address) as proxy:
        publisher = PubsubPublisher.open(PROJECT, made.name, proxy.address, SHORT_MS)
        proxy.mode = Mode.BLACK_HOLE
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        with pytest.raises(Retry):
            await publisher.publish(WAKEUP)
        assert loop.time() - asked_at < 10 * SHORT_MS / 1_000
        await publisher.close()


async def test_nobody_there_and_a_closed_one_are_said() -> None:
    publisher = PubsubPublisher.open(PROJECT, "nobody", f"127.0.0.1:{free_port()}")
    with pytest.raises(Retry, match="did not answer"):
        await publisher.publish(WAKEUP)
    await publisher.close()
    with pytest.raises(Retry, match="closed"):
        await publisher.publish(WAKEUP)


async def test_who_waits_while_it_is_closed_is_told_and_not_cancelled(made: Topic) -> None:
    async with proxying(pubsub_emulator().address) as proxy:
        publisher = PubsubPublisher.open(PROJECT, made.name, proxy.address, CALL_MS_MAX)
        await publisher.publish(WAKEUP)
        proxy.mode = Mode.HOLD
        waiting = [asyncio.ensure_future(publisher.publish(WAKEUP)) for _ in range(2)]
        await proxy.until("held")
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert waiting[0].cancelled()
        await publisher.close()
        with pytest.raises(Retry, match="closed"):
            await waiting[1]
