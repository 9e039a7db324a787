"""Real sockets on this machine: every way in which a connection begins and ends, with its own name."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from client.sockets import MESSAGE_BYTES_MAX, NotOpened, SocketClosed, dial
from shared.wire.messages import PROTOCOL

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, protocol: str | None = PROTOCOL) -> AsyncIterator[str]:
    protocols = [Subprotocol(protocol)] if protocol else None
    async with serve(handler, "127.0.0.1", 0, subprotocols=protocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/stream"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_text_and_audio_go_both_ways() -> None:
    async with serving(echo) as url:
        opened = await dial(url)
        await opened.send("words")
        await opened.send(b"\x01\x02")
        assert await opened.receive() == "words"
        assert await opened.receive() == b"\x01\x02"
        opened.abort()
        await opened.gone()


async def test_nothing_is_compressed() -> None:
    seen: list[str | None] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers.get("Sec-WebSocket-Extensions"))

    async with serving(note) as url:
        opened = await dial(url)
        with pytest.raises(SocketClosed):
            await opened.receive()
        await opened.gone()
    assert seen == [None]


async def test_the_servers_last_words_are_heard_before_its_code() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.send("bye")
        await connection.close(4512, "moving")

    async with serving(leave) as url:
        opened = await dial(url)
        assert await opened.receive() == "bye"
        with pytest.raises(SocketClosed) as closed:
            await opened.receive()
        assert closed.value.code == 4512
        with pytest.raises(SocketClosed):
            await opened.send("too late")
        await opened.gone()


async def test_an_abort_reaches_the_server_without_a_word() -> None:
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        ended.set_result(connection.close_code)

    async with serving(wait) as url:
        opened = await dial(url)
        opened.abort()
        await opened.gone()
        assert await ended == 1006
        with pytest.raises(SocketClosed) as closed:
            await opened.receive()
    assert closed.value.code == 1006


async def test_a_message_beyond_all_bounds_ends_the_connection() -> None:
    async def flood(connection: ServerConnection) -> None:
        await connection.send("x" * (MESSAGE_BYTES_MAX + 1))
        await connection.wait_closed()

    async with serving(flood) as url:
        opened = await dial(url)
        with pytest.raises(SocketClosed):
            await opened.receive()
        await opened.gone()


async def test_nobody_there() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(NotOpened, match=f"^127.0.0.1:{port}: connection refused$"):
            await dial(f"ws://127.0.0.1:{port}/v1/stream")


async def test_a_server_that_answers_otherwise() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not ready\n")

    async with serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(NotOpened, match=f"^127.0.0.1:{port} answered 503 instead of connecting$"):
            await dial(f"ws://127.0.0.1:{port}/v1/stream")


async def test_a_server_of_another_protocol() -> None:
    async with serving(echo, protocol=None) as url:
        with pytest.raises(NotOpened, match="does not speak steno.v1"):
            await dial(url)


async def test_a_server_that_speaks_no_http() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotOpened, match="serves no WebSocket there"):
            await dial(f"ws://127.0.0.1:{port}/v1/stream")
