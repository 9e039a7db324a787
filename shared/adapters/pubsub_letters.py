"""Dead letters on Google Pub/Sub: a topic of their own, and one subscription that is looked into and not emptied.

What a service gives up, it publishes here. What failed too often is moved here by Pub/Sub itself, which then says from
which subscription it came, and how often it was tried. Listing borrows the messages: until `close`, or for as long as
the subscription's deadline, nobody else sees them. Those that were not replayed are then there again.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import grpc
from google.api_core import exceptions
from google.pubsub_v1 import ReceivedMessage, SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from shared.adapters.google_clients import CHANNEL_OPTIONS, credentials_needed, once, told_to_stop
from shared.adapters.pubsub import CLOSED, PubsubPublisher
from shared.domain.events import SESSION, SUBSCRIBER
from shared.domain.values import SessionId
from shared.errors import Retry
from shared.ports import DeadLetter, Subscriber

ATTEMPTS: Final = "attempts"
ERROR: Final = "error"

SOURCE: Final = "CloudPubSubDeadLetterSourceSubscription"
SOURCE_ATTEMPTS: Final = "CloudPubSubDeadLetterSourceDeliveryCount"

TRIED_TOO_OFTEN: Final = "TriedTooOften"
"""The error of a wake-up that Pub/Sub gave up: it does not know why it failed."""

NO_SESSION: Final = SessionId("-")
CALL_MS_MAX: Final = 5_000
LOOK_MS: Final = 2_000
PAGE: Final = 1_000

Key = tuple[SessionId, Subscriber]
T = TypeVar("T")


@dataclass(slots=True)
class _Borrowed:
    """All the messages of one session and subscriber."""

    letter: DeadLetter
    ack_ids: list[str] = field(default_factory=list)


class PubsubLetters:
    """`ports.DeadLetterBox`. Belongs to the event loop it was opened in."""

    def __init__(
        self, client: SubscriberAsyncClient, subscription: str, box: PubsubPublisher, bus: PubsubPublisher
    ) -> None:
        """Use `open`."""
        self._client = client
        self._subscription = subscription
        self._box = box
        self._bus = bus
        self._borrowed: dict[Key, _Borrowed] = {}

    @classmethod
    def open(
        cls, project: str, topic: str, bus: PubsubPublisher, emulator: str | None = None
    ) -> "PubsubLetters":
        """Dials nothing yet. The subscription has the name of the topic; what is replayed goes to `bus`.

        Raises SetupError without credentials for Google's own service.
        """
        if emulator is None:
            with credentials_needed():
                channel = SubscriberGrpcAsyncIOTransport.create_channel(options=CHANNEL_OPTIONS)
        else:
            channel = grpc.aio.insecure_channel(emulator, options=list(CHANNEL_OPTIONS))
        client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
        box = PubsubPublisher.open(project, topic, emulator)
        return cls(client, f"projects/{project}/subscriptions/{topic}", box, bus)

    async def bury(self, letter: DeadLetter) -> None:
        attributes = {
            SESSION: letter.session,
            SUBSCRIBER: letter.subscriber.value,
            ATTEMPTS: str(letter.attempts),
            ERROR: letter.error,
        }
        await self._box.send(attributes, b"")

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """One for each session and subscriber, however often it was given up."""
        await self._check()
        looked_at = 0
        while looked_at < limit and (page := await self._pull(min(PAGE, limit - looked_at))):
            looked_at += len(page)
            for received in page:
                self._borrow(received)
        letters = [borrowed.letter for borrowed in self._borrowed.values()]
        return sorted(letters, key=lambda letter: letter.died_at_ms)

    async def replay(self, letter: DeadLetter) -> bool:
        """Of a letter that was listed here. Raises Retry."""
        borrowed = self._borrowed.get((letter.session, letter.subscriber))
        if borrowed is None:
            return False
        if letter.session != NO_SESSION:
            await self._bus.wake(letter.session, letter.subscriber)
        for ack_ids in _pages(borrowed.ack_ids):
            request = {"subscription": self._subscription, "ack_ids": ack_ids}
            await _answered(self._client.acknowledge(request=request, **once(CALL_MS_MAX)))
        del self._borrowed[letter.session, letter.subscriber]
        return True

    async def close(self) -> None:
        try:
            await self._give_back()
        finally:
            await self._box.close()
            await self._client.transport.close()  # type: ignore[no-untyped-call]  # ships none

    async def _pull(self, most: int) -> Sequence[ReceivedMessage]:
        """Some of what is there, in Pub/Sub's own portions; nothing once nothing more came for LOOK_MS."""
        request = {"subscription": self._subscription, "max_messages": most}
        try:
            answer = await _answered(self._client.pull(request=request, **once(LOOK_MS)))
        except _NothingCame:
            return []
        return answer.received_messages

    async def _check(self) -> None:
        """Raises Retry. Silence must mean that there are no letters, and not that nobody heard the question."""
        request = {"subscription": self._subscription}
        await _answered(self._client.get_subscription(request=request, **once(CALL_MS_MAX)))

    def _borrow(self, received: ReceivedMessage) -> None:
        letter = letter_of(
            received.message.attributes, int(received.message.publish_time.timestamp() * 1_000)
        )
        key = letter.session, letter.subscriber
        kept = self._borrowed.setdefault(key, _Borrowed(letter))
        kept.ack_ids.append(received.ack_id)
        latest = max(kept.letter, letter, key=lambda each: each.died_at_ms)
        kept.letter = replace(latest, attempts=max(kept.letter.attempts, letter.attempts))

    async def _give_back(self) -> None:
        left = [ack_id for borrowed in self._borrowed.values() for ack_id in borrowed.ack_ids]
        self._borrowed.clear()
        for ack_ids in _pages(left):
            request = {
                "subscription": self._subscription,
                "ack_ids": ack_ids,
                "ack_deadline_seconds": 0,
            }
            try:
                await _answered(self._client.modify_ack_deadline(request=request, **once(CALL_MS_MAX)))
            except Retry:
                # They come back by themselves at the subscription's deadline.
                return


class _NothingCame(Retry):
    pass


def letter_of(attributes: Mapping[str, str], died_at_ms: int) -> DeadLetter:
    """What a message in the box says, whoever put it there."""
    source = attributes.get(SOURCE, "")
    subscriber = attributes.get(SUBSCRIBER) or source.rpartition("-")[2]
    known = subscriber in list(Subscriber)
    return DeadLetter(
        session=SessionId(attributes.get(SESSION, NO_SESSION)),
        subscriber=Subscriber(subscriber) if known else Subscriber.POLISH,
        attempts=_number(attributes.get(ATTEMPTS) or attributes.get(SOURCE_ATTEMPTS, "")),
        error=attributes.get(ERROR) or TRIED_TOO_OFTEN,
        died_at_ms=died_at_ms,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _pages(ack_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ack_ids[start : start + PAGE] for start in range(0, len(ack_ids), PAGE))


async def _answered(call: Awaitable[T]) -> T:
    try:
        return await call
    except exceptions.DeadlineExceeded:
        raise _NothingCame("Pub/Sub did not answer in time") from None
    except exceptions.NotFound:
        raise Retry("the subscription of dead letters does not exist; apply infra/terraform") from None
    except (exceptions.Forbidden, exceptions.Unauthorized):
        raise Retry(
            "Pub/Sub does not let you look at the dead letters; ask for pubsub.subscriptions.get and"
            " pubsub.subscriptions.consume on their subscription"
        ) from None
    except (exceptions.GoogleAPICallError, exceptions.RetryError):
        raise Retry("Pub/Sub did not answer") from None
    except grpc.aio.UsageError:
        raise Retry(CLOSED) from None
    except asyncio.CancelledError:
        if told_to_stop():
            raise
        raise Retry(CLOSED) from None
