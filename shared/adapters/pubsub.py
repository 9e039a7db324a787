"""The publisher on Google Pub/Sub: one topic, one awaited request a message, no ordering keys.

A message is a wake-up, so repeats and any order are harmless; who is pushed to reads the store. Its body is a sealed
copy of the newest entries for subscribers that are not ours: MessagePack, a list of rows, each a list of the fields of
`ports.EntryRow` in their order.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, Final

import grpc
import msgspec
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from shared.adapters.google_clients import (
    CALL_MS_MAX,
    CHANNEL_OPTIONS,
    GOOGLE_OPTIONS,
    credentials_needed,
    once,
    told_to_stop,
)
from shared.domain.events import LOG_ID, NEXT_INDEX, SESSION, SUBSCRIBER
from shared.domain.values import SessionId
from shared.errors import Broken, Retry
from shared.ports import EntryRow, Subscriber, Wakeup

CLOSED: Final = "the bus is closed"

BODY_BYTES_MAX: Final = 900_000
"""Rows beyond it are left out, from the first that does not fit: the whole message stays below a megabyte."""


class PubsubPublisher:
    """`ports.Publisher`. Belongs to the event loop it was opened in."""

    def __init__(self, client: PublisherAsyncClient, topic: str, call_ms_max: int) -> None:
        """Use `open`."""
        self._client = client
        self._topic = topic
        self._once = once(call_ms_max)

    @classmethod
    def open(
        cls, project: str, topic: str, emulator: str | None = None, call_ms_max: int = CALL_MS_MAX
    ) -> "PubsubPublisher":
        """Dials nothing yet. `emulator` is HOST:PORT; None means Google's own service.

        Raises SetupError without credentials for it.
        """
        # The client itself rather than the library's batching publisher, which has threads and retries of its own.
        if emulator is None:
            with credentials_needed():
                channel = PublisherGrpcAsyncIOTransport.create_channel(options=GOOGLE_OPTIONS)
        else:
            channel = grpc.aio.insecure_channel(emulator, options=list(CHANNEL_OPTIONS))
        transport = PublisherGrpcAsyncIOTransport(channel=channel)
        client = PublisherAsyncClient(transport=transport)
        return cls(client, f"projects/{project}/topics/{topic}", call_ms_max)

    async def publish(self, wakeup: Wakeup) -> None:
        attributes = {
            SESSION: wakeup.session,
            LOG_ID: wakeup.log_id,
            NEXT_INDEX: str(wakeup.next_index),
        }
        await self.send(attributes, body(wakeup.rows))

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        await self.send({SESSION: session, SUBSCRIBER: subscriber.value})

    async def forget_session(self, session: SessionId) -> int:
        # What was published cannot be taken back; it holds nothing that opens without the session's key.
        return 0

    async def close(self) -> None:
        await self._client.transport.close()  # type: ignore[no-untyped-call]  # ships none

    async def send(self, attributes: Mapping[str, str], data: bytes = b"") -> None:
        """One message, taken once it returns. Raises Retry when it may not have been."""
        message = PubsubMessage(data=data, attributes=attributes)
        try:
            await self._client.publish(topic=self._topic, messages=[message], **self._once)
        except exceptions.InvalidArgument:
            raise Broken("Pub/Sub refuses what it was given") from None
        except exceptions.NotFound:
            raise Retry(
                "the topic that sessions are announced on does not exist; apply infra/terraform"
            ) from None
        except (exceptions.Forbidden, exceptions.Unauthorized):
            raise Retry("Pub/Sub does not let this service in; check its service account") from None
        except (exceptions.GoogleAPICallError, exceptions.RetryError):
            raise Retry("Pub/Sub did not answer") from None
        except grpc.aio.UsageError:
            raise Retry(CLOSED) from None
        except asyncio.CancelledError:
            if told_to_stop():
                raise
            raise Retry(CLOSED) from None


def body(rows: Sequence[EntryRow]) -> bytes:
    packed, size = [], 0
    for row in rows:
        one = msgspec.msgpack.encode(astuple(row))
        size += len(one)
        if size > BODY_BYTES_MAX:
            break
        packed.append(msgspec.Raw(one))
    return msgspec.msgpack.encode(packed) if packed else b""


def rows_in(body: bytes) -> list[EntryRow]:
    """The inverse, as a subscriber beyond ours would write it."""
    # Without a type: text and bytes are two kinds of value here, which msgspec takes for one where it is told a union.
    rows: list[list[Any]] = msgspec.msgpack.decode(body) if body else []
    return [EntryRow(*fields) for fields in rows]
