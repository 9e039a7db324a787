"""Stands between a gRPC client and its server: hands every call on, counts it, and refuses it on demand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

SAID: Final = "a message of the server's own that names what it should not"


class Ear:
    """Told of one call as it goes through; this one listens to nothing."""

    def asked(self, request: bytes) -> None:
        """A request, before it is handed on."""

    def answered(self, answer: bytes) -> None:
        """An answer of the server's own."""


Listen = Callable[[str], Ear]
"""Who listens to a call of this method, which comes without its service."""


class RpcRelay(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Use `relaying`."""

    def __init__(self, channel: grpc.aio.Channel, listen: Listen = lambda method: Ear()) -> None:
        self._channel = channel
        self._listen = listen
        self.address = ""
        self.calls: list[tuple[str, bytes]] = []
        """The method, without its service, and the first request of every call."""
        self.refusal: grpc.StatusCode | None = None
        """What every call is answered with instead of being handed on."""

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def serve(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            first = await anext(requests)
            method = details.method.rpartition("/")[2]
            self.calls.append((method, first))
            if self.refusal is not None:
                await context.abort(self.refusal, SAID)

            ear = self._listen(method)
            ear.asked(first)

            async def handed_on() -> AsyncIterator[bytes]:
                yield first
                async for request in requests:
                    ear.asked(request)
                    yield request

            metadata = [(each.key, each.value) for each in details.invocation_metadata]
            call = self._channel.stream_stream(details.method)(
                handed_on(),
                timeout=context.time_remaining(),
                metadata=[each for each in metadata if each[0] != "user-agent"],
            )
            try:
                async for answer in call:
                    ear.answered(answer)
                    yield answer
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details())

        return grpc.stream_stream_rpc_method_handler(serve)


@asynccontextmanager
async def relaying(target: str, listen: Listen = lambda method: Ear()) -> AsyncIterator[RpcRelay]:
    """A relay to HOST:PORT, at a free port of this machine."""
    async with grpc.aio.insecure_channel(target) as channel:
        relay = RpcRelay(channel, listen)
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((relay,))
        relay.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            yield relay
        finally:
            await server.stop(grace=None)
