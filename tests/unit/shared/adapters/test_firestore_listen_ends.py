"""A listen that Firestore itself ends says why, as a call would: without an index no emulator does so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.types import ListenResponse, TargetChange

from shared.adapters.firestore import FirestoreStore
from shared.adapters.firestore_client import NOT_READY
from shared.errors import StoreUnavailable
from tests.contract.adapters import CALL_MS_MAX
from tests.doubles.rpc_relay import SAID

BEGUN_AGAIN = "begun again"


@asynccontextmanager
async def ending(code: int) -> AsyncIterator[FirestoreStore]:
    """A store on a server that adds what is to be listened to, and then removes it for this reason."""

    async def serve(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await anext(requests)
        yield _change("ADD", 0)
        yield _change("REMOVE", code)

    class Listens(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.stream_stream_rpc_method_handler(serve)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Listens(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    store = FirestoreStore.open("p", f"127.0.0.1:{port}", CALL_MS_MAX)
    try:
        yield store
    finally:
        await store.close()
        await server.stop(grace=None)


def _change(kind: str, code: int) -> bytes:
    cause = {"code": code, "message": SAID}
    change = TargetChange(target_change_type=kind, target_ids=[1], cause=cause if code else None)
    answer: bytes = ListenResponse.serialize(ListenResponse(target_change=change))
    return answer


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, NOT_READY),
        (grpc.StatusCode.PERMISSION_DENIED, "service account"),
        (grpc.StatusCode.UNAUTHENTICATED, "service account"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "takes no more"),
        (grpc.StatusCode.UNAVAILABLE, "did not answer"),
        (grpc.StatusCode.INVALID_ARGUMENT, BEGUN_AGAIN),
        (grpc.StatusCode.OK, BEGUN_AGAIN),
    ],
    ids=lambda given: given.name if isinstance(given, grpc.StatusCode) else "",
)
async def test_the_reason_is_said_in_our_own_words(code: grpc.StatusCode, sentence: str) -> None:
    async with ending(code.value[0]) as store:
        with pytest.raises(StoreUnavailable, match=sentence) as ended:
            await anext(store.watch())
    assert SAID not in f"{ended.value!r} {ended.value.__cause__!r} {ended.value.__context__!r}"
