"""The dead letters on Pub/Sub beyond their suite: whoever looks is told what is wrong, and what they need."""

from collections.abc import AsyncIterator

import grpc
import pytest

from shared.adapters.pubsub import PubsubPublisher
from shared.adapters.pubsub_letters import PubsubLetters
from shared.errors import Retry
from tests.contract.publishers import PROJECT
from tests.doubles.emulators import free_port
from tests.doubles.rpc_relay import SAID, RpcRelay, relaying


@pytest.fixture
async def relay() -> AsyncIterator[RpcRelay]:
    async with relaying(f"127.0.0.1:{free_port()}") as relay:
        yield relay


@pytest.fixture
async def bus(relay: RpcRelay) -> AsyncIterator[PubsubPublisher]:
    bus = PubsubPublisher.open(PROJECT, "wakeups", relay.address)
    yield bus
    await bus.close()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "subscriptions.get and pubsub.subscriptions.consume"),
        (grpc.StatusCode.UNAUTHENTICATED, "does not let you"),
        (grpc.StatusCode.NOT_FOUND, "does not exist"),
        (grpc.StatusCode.UNAVAILABLE, "did not answer"),
    ],
    ids=lambda given: given.name if isinstance(given, grpc.StatusCode) else "",
)
async def test_a_refusal_is_said_in_our_own_words(
    relay: RpcRelay, bus: PubsubPublisher, code: grpc.StatusCode, sentence: str
) -> None:
    relay.refusal = code
    box = PubsubLetters.open(PROJECT, "letters", bus, relay.address)
    with pytest.raises(Retry, match=sentence) as refused:
        await box.dead_letters(10)
    assert SAID not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert len(relay.calls) == 1, "the library tried again"
    await box.close()


async def test_a_closed_box_says_so(relay: RpcRelay, bus: PubsubPublisher) -> None:
    box = PubsubLetters.open(PROJECT, "letters", bus, relay.address)
    await box.close()
    with pytest.raises(Retry, match="closed"):
        await box.dead_letters(10)
