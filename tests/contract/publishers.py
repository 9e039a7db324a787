"""The publishers, each with a way to hear what it published: whoever is not in the process hears it no other way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport
from google.pubsub_v1.types import ReceivedMessage

from shared.adapters.pubsub import PubsubPublisher
from shared.domain.events import SESSION, is_meant_for
from shared.domain.values import SessionId
from shared.ports import Bus, Publisher, Subscriber
from tests.contract.adapters import BUSES, CALL_MS_MAX, Kind
from tests.doubles.clock import ManualClock
from tests.doubles.emulators import fresh_name, pubsub_emulator

PROJECT: Final = "test-steno"
LEASE_MS: Final = 60_000
QUIET_S: Final = 0.3
"""What has not come by then is taken not to come. Longer than a round trip of the emulator's, which is 2 ms."""


@dataclass(frozen=True, slots=True)
class Heard:
    publisher: Publisher
    woken: Callable[[Subscriber], Awaitable[list[SessionId]]]
    """The sessions that this subscriber was woken for since it was last asked; each may come more than once."""


@dataclass(frozen=True, slots=True)
class PublisherKind:
    name: str
    open: Callable[[Path, ManualClock], AbstractAsyncContextManager[Heard]]


def pulled(kind: Kind[Bus]) -> PublisherKind:
    @asynccontextmanager
    async def opened(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Heard]:
        async with kind.place(tmp_path) as place:
            bus = await kind.open(place, clock)

            async def woken(subscriber: Subscriber) -> list[SessionId]:
                sessions = []
                while (delivery := await bus.take(subscriber, LEASE_MS)) is not None:
                    sessions.append(delivery.session)
                    await bus.done(delivery)
                return sessions

            yield Heard(bus, woken)
            await bus.close()

    return PublisherKind(kind.name, opened)


class Topic:
    """A topic of the emulator's with one subscription for each subscriber, and a last one for everybody else."""

    def __init__(self, name: str) -> None:
        address = pubsub_emulator().address
        self.name = name
        self._publisher = PublisherAsyncClient(
            transport=PublisherGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(address))
        )
        self._subscriber = SubscriberAsyncClient(
            transport=SubscriberGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(address))
        )

    async def make(self) -> None:
        topic = f"projects/{PROJECT}/topics/{self.name}"
        await self._publisher.create_topic(name=topic, timeout=CALL_MS_MAX / 1_000)
        for subscriber in (*Subscriber, "others"):
            await self._subscriber.create_subscription(name=self._subscription(subscriber), topic=topic)

    async def pull(self, subscriber: str) -> list[ReceivedMessage]:
        """What is there, acknowledged; waits for more until it is quiet."""
        received: list[ReceivedMessage] = []
        loop = asyncio.get_running_loop()
        quiet_at = loop.time() + QUIET_S
        while loop.time() < quiet_at:
            if more := await self._next(subscriber):
                received += more
                quiet_at = loop.time() + QUIET_S
        return received

    async def _next(self, subscriber: str) -> list[ReceivedMessage]:
        """The emulator answers with nothing sometimes at once and sometimes never."""
        subscription = self._subscription(subscriber)
        try:
            answer: Any = await self._subscriber.pull(
                subscription=subscription, max_messages=100, retry=None, timeout=QUIET_S
            )
        except exceptions.DeadlineExceeded:
            return []
        messages = list(answer.received_messages)
        if messages:
            ids = [message.ack_id for message in messages]
            await self._subscriber.acknowledge(subscription=subscription, ack_ids=ids)
        return messages

    async def close(self) -> None:
        for client in (self._publisher, self._subscriber):
            await client.transport.close()  # type: ignore[no-untyped-call]  # ships none

    def _subscription(self, subscriber: str) -> str:
        return f"projects/{PROJECT}/subscriptions/{self.name}-{subscriber}"


@asynccontextmanager
async def topic() -> AsyncIterator[Topic]:
    made = Topic(fresh_name())
    try:
        await made.make()
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def pubsub(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Heard]:
    async with topic() as made:
        publisher = PubsubPublisher.open(PROJECT, made.name, pubsub_emulator().address, CALL_MS_MAX)

        async def woken(subscriber: Subscriber) -> list[SessionId]:
            attributes = [dict(each.message.attributes) for each in await made.pull(subscriber)]
            return [SessionId(each[SESSION]) for each in attributes if is_meant_for(each, subscriber)]

        yield Heard(publisher, woken)
        await publisher.close()


PUBLISHERS: Final = [*map(pulled, BUSES), PublisherKind("pubsub", pubsub)]
