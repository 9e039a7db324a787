"""The Firestore client as we need it, and its errors as ours.

The one place that leans on names the library does not promise (`_firestore_api`, `_firestore_api_internal`,
`_transport`, `_database_string`, `_rpc_metadata`), because its asynchronous client takes no channel of its own and has
no listen. They are those of google-cloud-firestore 2.34, which pyproject.toml pins; the contract suites use them all.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, Final, TypeVar

import grpc
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore_v1 import AsyncClient
from google.cloud.firestore_v1.services.firestore import FirestoreAsyncClient
from google.cloud.firestore_v1.services.firestore.transports.grpc_asyncio import FirestoreGrpcAsyncIOTransport
from google.cloud.firestore_v1.types import ListenRequest, ListenResponse, Target

from shared.adapters.google_clients import CHANNEL_OPTIONS, GOOGLE_OPTIONS, credentials_needed, told_to_stop
from shared.errors import Broken, StoreUnavailable, WriteConflict

CLOSED: Final = "the store is closed"
NOT_READY: Final = "Firestore lacks an index that Steno needs, or is still building it; apply infra/terraform"

T = TypeVar("T")


def open_client(project: str, emulator: str | None) -> AsyncClient:
    """For the running event loop only. `emulator` is HOST:PORT; None means Google's own service.

    Raises SetupError without credentials for it.
    """
    if emulator is None:
        with credentials_needed():
            client = AsyncClient(project=project)
            channel = FirestoreGrpcAsyncIOTransport.create_channel(options=GOOGLE_OPTIONS)
    else:
        client = AsyncClient(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]  # ships none
        channel = grpc.aio.insecure_channel(emulator, options=list(CHANNEL_OPTIONS))
    transport = FirestoreGrpcAsyncIOTransport(channel=channel)
    client._transport = transport
    client._firestore_api_internal = FirestoreAsyncClient(transport=transport)
    return client


async def close_client(client: AsyncClient) -> None:
    await client._firestore_api.transport.close()


async def read(call: Awaitable[T]) -> T:
    """The answer of a call that names no version.

    Raises StoreUnavailable or Broken. Google's own messages stay out: they name documents and may quote values.
    """
    try:
        return await call
    except (exceptions.GoogleAPICallError, exceptions.RetryError) as error:
        raise _translated(error) from None
    except grpc.aio.UsageError:
        raise StoreUnavailable(CLOSED) from None
    except asyncio.CancelledError:
        if told_to_stop():
            raise
        raise StoreUnavailable(CLOSED) from None


async def guarded(call: Awaitable[T]) -> T:
    """The answer of a write that names what it replaces. Raises WriteConflict too: nothing of it was written."""
    try:
        return await read(_conflicting(call))
    except _Conflict:
        raise WriteConflict("somebody else wrote this first") from None


class _Conflict(Exception):
    pass


async def _conflicting(call: Awaitable[T]) -> T:
    try:
        return await call
    except (exceptions.AlreadyExists, exceptions.FailedPrecondition, exceptions.NotFound):
        raise _Conflict from None


def _translated(error: Exception) -> StoreUnavailable | Broken:
    match error:
        case exceptions.InvalidArgument():
            return Broken("Firestore refuses what it was given: too large, or malformed")
        case exceptions.FailedPrecondition():
            return StoreUnavailable(NOT_READY)
        case exceptions.NotFound():
            return StoreUnavailable("the project has no Firestore database; apply infra/terraform")
        case exceptions.ResourceExhausted():
            return StoreUnavailable("Firestore takes no more for now; it is tried again")
        case exceptions.Forbidden() | exceptions.Unauthorized():
            return StoreUnavailable("Firestore does not let this service in; check its service account")
        case _:
            return StoreUnavailable("Firestore did not answer")


def ended(code: int) -> StoreUnavailable:
    """Why Firestore ended a listen, of the code it gave, which is 0 where it gave none."""
    error = _translated(exceptions.from_grpc_status(code, ""))  # type: ignore[no-untyped-call]  # ships none
    if code and isinstance(error, StoreUnavailable):
        return error
    # What it refuses as malformed as well: an instance records on without hearing of what others write.
    return StoreUnavailable("Firestore ended the listening; it is begun again")


async def _asking(request: ListenRequest) -> AsyncIterator[ListenRequest]:
    yield request
    await asyncio.get_running_loop().create_future()


async def listen(
    client: AsyncClient, wanted: Target, duration_s: int
) -> AsyncGenerator[ListenResponse, None]:
    """What Firestore tells of a target, for `duration_s` at most; then it ends.

    Raises StoreUnavailable when it breaks before.
    """
    # The request side stays open for as long as we listen: closing it would end the answers.
    call: Any = await read(
        client._firestore_api.listen(
            requests=_asking(ListenRequest(database=client._database_string, add_target=wanted)),
            metadata=client._rpc_metadata,
            retry=None,
            timeout=duration_s,
        )
    )
    try:
        async with aclosing(aiter(call)) as answers:
            async for answer in answers:
                yield answer
        raise StoreUnavailable("Firestore stopped telling of changes; it is asked again")
    except exceptions.DeadlineExceeded:
        return
    except exceptions.GoogleAPICallError as error:
        raise _translated(error) from None
    except asyncio.CancelledError:
        if told_to_stop():
            raise
        raise StoreUnavailable(CLOSED) from None
    finally:
        call.cancel()
