"""A web server on a real socket of this machine, and bytes exchanged with it."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from services.ingest.server import HttpProtocol, Server, listen
from shared.tasks import stop

ANSWER_S_MAX = 10
READ_BYTES = 1_000_000


async def no_drain() -> None:
    return


@dataclass
class Address:
    """Where a server under test listens."""

    server: Server
    port: int
    ended: "asyncio.Task[None]" = field(repr=False)

    async def connect(self, receive_buffer_bytes: int | None = None) -> "Client":
        peer = socket.socket()
        if receive_buffer_bytes is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        peer.setblocking(False)
        await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=peer, limit=READ_BYTES)
        return Client(reader, writer)

    async def exchange(self, request: bytes) -> bytes:
        """Everything the server says to these bytes until it closes."""
        client = await self.connect()
        try:
            client.send(request)
            return await client.rest()
        finally:
            client.close()


@dataclass
class Client:
    """A socket, and no more: it says what it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        async with asyncio.timeout(ANSWER_S_MAX):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """All that is left until the server closes; an abrupt end is an end too."""
        read = b""
        async with asyncio.timeout(ANSWER_S_MAX):
            try:
                while more := await self.reader.read(65_536):
                    read += more
            except ConnectionResetError:
                pass
        return read

    def close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def serving(
    app: ASGIApp,
    drain: Callable[[], Awaitable[None]] = no_drain,
    *,
    connections_max: int = 100,
    http: type[HttpProtocol] = HttpProtocol,
    kind: type[Server] = Server,
) -> AsyncIterator[Address]:
    with listen("127.0.0.1", 0) as listening:
        server = kind(app, drain, connections_max, http)
        ended = asyncio.create_task(server.serve([listening]))
        try:
            await until(lambda: server.started)
            yield Address(server, port_of(listening), ended)
        finally:
            server.should_exit = server.force_exit = True
            await asyncio.wait([ended], timeout=ANSWER_S_MAX)
            await stop(ended)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(ANSWER_S_MAX):
        while not holds():  # noqa: ASYNC110  # uvicorn keeps its state in attributes, and tells nobody
            await asyncio.sleep(0)


async def pause(duration_s: float) -> None:
    """Where the time that passes is what is tested."""
    await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(threading.Event().wait, duration_s))])


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def get(path: str, port: int, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def upgrade(port: int, *headers: str, path: str = "/v1/stream") -> bytes:
    return get(
        path,
        port,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    )
