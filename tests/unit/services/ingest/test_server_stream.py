"""WebSockets on a real socket: handshakes, sizes, compression, and a stop that lets recorders move first."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from services.ingest.http_rules import SECURITY_HEADERS, FrontDoor, SecurityHeaders
from services.ingest.server import WS_BYTES_MAX, Server
from shared.wire.frames import FRAME_BYTES_MAX
from shared.wire.messages import MESSAGE_BYTES_MAX, PROTOCOL
from tests.unit.services.ingest.serving import (
    ANSWER_S_MAX,
    Address,
    get,
    no_drain,
    serving,
    until,
    upgrade,
)

STEPS = (b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"\r\nSec-WebSocket-Version: 13")


@dataclass
class Recorders:
    """An app that keeps every socket until it is told that all are to leave, and says how long each message was."""

    leave: asyncio.Event = field(default_factory=asyncio.Event)
    left: int = 0
    open: int = 0
    heard: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"page"})
            return
        await receive()
        await send({"type": "websocket.accept", "headers": [], "subprotocol": PROTOCOL})
        self.open += 1
        leaving = asyncio.create_task(self._say_goodbye(send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                self.heard += 1
                said = message.get("text") or message.get("bytes") or b""
                await send({"type": "websocket.send", "text": str(len(said))})
        finally:
            leaving.cancel()
            self.open -= 1

    async def _say_goodbye(self, send: Send) -> None:
        await self.leave.wait()
        await send({"type": "websocket.send", "text": "bye 4512"})
        await send({"type": "websocket.close", "code": 4512, "reason": "moving"})
        self.left += 1

    async def drain(self) -> None:
        self.leave.set()
        await until(lambda: self.open == 0)


@asynccontextmanager
async def stream(address: Address) -> AsyncIterator[ClientConnection]:
    async with connect(
        f"ws://127.0.0.1:{address.port}/v1/stream",
        subprotocols=[Subprotocol(PROTOCOL)],
        open_timeout=ANSWER_S_MAX,
        max_size=None,
    ) as connection:
        yield connection


# --- handshakes


async def test_compression_is_not_negotiated_and_the_headers_are_ours() -> None:
    async with serving(SecurityHeaders(Recorders())) as address, stream(address) as connection:
        assert connection.response is not None
        assert "Sec-WebSocket-Extensions" not in connection.response.headers
        assert connection.subprotocol == PROTOCOL
        for name, value in SECURITY_HEADERS.items():
            assert connection.response.headers[name] == value


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: request.replace(STEPS[0], b""),
        lambda request: request.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"zq7"),
        lambda request: request.replace(STEPS[1], b""),
        lambda request: request.replace(b"Version: 13", b"Version: zq7"),
        lambda request: request.replace(b"GET ", b"POST ", 1),
        lambda request: request.replace(b"\r\n\r\n", b"\r\nX: " + b"zq7" * 5_000 + b"\r\n\r\n"),
        lambda request: request.replace(b"\r\n\r\n", b"\r\nX: y" * 300 + b"\r\n\r\n"),
        lambda request: request.replace(b"/v1/stream", b"/v1/stream?" + b"zq7" * 5_000),
        lambda request: request.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: zq7;;=\r\n\r\n"),
        lambda request: request.replace(b"\r\n\r\n", b"\r\nX: \xff\xfe\r\n\r\n"),
    ],
    ids=[
        "no key",
        "bad key",
        "no version",
        "bad version",
        "post",
        "long header",
        "many headers",
        "long address",
        "bad extension",
        "not ASCII",
    ],
)
async def test_a_bad_handshake_is_refused_or_ignored_but_never_left_open(
    spoil: Callable[[bytes], bytes],
) -> None:
    app = Recorders()
    async with serving(SecurityHeaders(app)) as address:
        client = await address.connect()
        client.send(spoil(upgrade(address.port, f"Sec-WebSocket-Protocol: {PROTOCOL}")))
        head = await client.head()
        assert b"zq7" not in head
        for name, value in SECURITY_HEADERS.items():
            assert f"\r\n{name.lower()}: {value}\r\n".encode() in head.replace(
                name.encode(), name.lower().encode()
            )
        if not head.startswith(b"HTTP/1.1 101"):
            assert head.startswith(b"HTTP/1.1 400")
            assert (
                await client.rest() == b'{"error":"malformed","message":"this is not a well-formed request"}'
            )
        client.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 101),
        (["Origin: http://127.0.0.1:{}"], 101),
        (["Origin: http://evil.example"], 403),
        (["Origin: null"], 403),
        (["Origin: http://127.0.0.1:1"], 403),
        (["X-Forwarded-For: 127.0.0.1"], 403),
    ],
)
async def test_no_other_page_gets_in(headers: list[str], status: int) -> None:
    app = Recorders()
    hosts: set[str] = set()

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        await FrontDoor(app, frozenset(hosts), direct_only=True)(scope, receive, send)

    async with serving(SecurityHeaders(door)) as address:
        hosts.add(f"127.0.0.1:{address.port}")
        client = await address.connect()
        client.send(upgrade(address.port, *(header.format(address.port) for header in headers)))
        assert (await client.head()).startswith(f"HTTP/1.1 {status}".encode())
        client.close()


async def test_another_name_that_leads_here_gets_nobody_in() -> None:
    app = FrontDoor(Recorders(), frozenset({"127.0.0.1:1"}), direct_only=True)
    async with serving(SecurityHeaders(app)) as address:
        answer = await address.exchange(upgrade(address.port))
    assert answer.startswith(b"HTTP/1.1 400")


# --- sizes


async def test_what_exceeds_our_limits_reaches_us_so_that_ours_answer() -> None:
    assert max(MESSAGE_BYTES_MAX, FRAME_BYTES_MAX) < WS_BYTES_MAX / 2
    async with serving(Recorders()) as address, stream(address) as connection:
        for message in ("x" * 2 * MESSAGE_BYTES_MAX, b"x" * 2 * FRAME_BYTES_MAX, [b"x"] * 3_000):
            await connection.send(message)
            assert await connection.recv() == str(len(message))


async def test_what_exceeds_even_the_servers_is_1009() -> None:
    async with serving(Recorders()) as address, stream(address) as connection:
        await connection.send(b"x" * (WS_BYTES_MAX + 1))
        with pytest.raises(ConnectionClosed) as caught:
            await connection.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


PING = b"\x89\xfd" + bytes(4) + b"x" * 125


async def test_a_peer_that_pings_and_reads_nothing_does_not_fill_our_memory() -> None:
    app = Recorders()
    async with serving(app) as address:
        client = await address.connect(receive_buffer_bytes=4_096)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one that reads
        client.send(upgrade(address.port, f"Sec-WebSocket-Protocol: {PROTOCOL}"))
        await until(lambda: app.open == 1)
        (peer,) = address.server.server_state.connections
        peer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        for _ in range(60):
            client.send(PING * 500)
            async with asyncio.timeout(ANSWER_S_MAX):
                await client.writer.drain()
        client.send(b"\x81\x81" + bytes(4) + b"x")
        await until(lambda: app.heard == 1)
        assert peer.transport.get_write_buffer_size() < 200_000
        client.close()


async def test_a_ping_is_answered() -> None:
    async with serving(Recorders()) as address, stream(address) as connection:
        async with asyncio.timeout(ANSWER_S_MAX):
            await (await connection.ping())


async def test_a_peer_that_takes_nothing_is_cut_off_once_its_connection_is_over() -> None:
    async def floods(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "headers": [], "subprotocol": PROTOCOL})
        await send({"type": "websocket.send", "bytes": bytes(40_000_000)})

    async with serving(floods) as address:
        client = await address.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one that reads
        client.send(upgrade(address.port, f"Sec-WebSocket-Protocol: {PROTOCOL}"))
        state = address.server.server_state
        await until(lambda: len(state.tasks) == 1)
        await until(lambda: not state.connections)
        client.close()


# --- stopping


async def stop_while(
    address: Address, app: Recorders, meanwhile: Callable[[], Awaitable[None]]
) -> tuple[list[object], ConnectionClosed]:
    """What a recorder hears when the server is asked to stop, last the close."""
    heard: list[object] = []
    async with stream(address) as connection:
        await connection.send("x")
        heard.append(await connection.recv())
        address.server.handle_exit(signal.SIGTERM, None)
        await meanwhile()
        while True:
            try:
                heard.append(await connection.recv())
            except ConnectionClosed as closed:
                return heard, closed


async def test_on_sigterm_recorders_leave_before_any_socket_is_closed() -> None:
    app = Recorders()
    async with serving(app, app.drain) as address:
        heard, closed = await stop_while(address, app, no_drain)
        await asyncio.wait([address.ended], timeout=ANSWER_S_MAX)
        assert address.ended.done()
    assert heard == ["1", "bye 4512"]
    assert closed.rcvd is not None
    assert (closed.rcvd.code, closed.rcvd.reason) == (4512, "moving")
    assert app.left == 1


async def test_while_it_drains_requests_are_still_answered() -> None:
    app = Recorders()
    go_on = asyncio.Event()

    async def drain() -> None:
        await go_on.wait()
        await app.drain()

    async def ask() -> None:
        answer = await address.exchange(get("/healthz", address.port, "Connection: close"))
        assert answer.startswith(b"HTTP/1.1 200")
        go_on.set()

    async with serving(app, drain) as address:
        heard, _ = await stop_while(address, app, ask)
    assert heard[-1] == "bye 4512"


async def test_a_second_signal_does_not_wait_for_the_drain() -> None:
    app = Recorders()

    async def for_ever() -> None:
        await asyncio.Event().wait()

    async def again() -> None:
        await asyncio.sleep(0)
        address.server.handle_exit(signal.SIGTERM, None)

    async with serving(app, for_ever) as address:
        _, closed = await stop_while(address, app, again)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1012


async def test_an_upgrade_that_was_not_answered_yet_is_told_that_the_server_stops() -> None:
    asked = asyncio.Event()

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with serving(never) as address:
        client = await address.connect()
        client.send(upgrade(address.port))
        await asked.wait()
        address.server.handle_exit(signal.SIGTERM, None)
        assert (await client.head()).startswith(b"HTTP/1.1 503")
        assert b"another one answers" in await client.rest()


async def test_a_drain_that_does_not_end_is_ended() -> None:
    class Hasty(Server):
        drain_ms_max = 50

    async def for_ever() -> None:
        await asyncio.Event().wait()

    app = Recorders()
    async with serving(app, for_ever, kind=Hasty) as address:
        _, closed = await stop_while(address, app, no_drain)
        await asyncio.wait([address.ended], timeout=ANSWER_S_MAX)
        assert address.ended.done()
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1012
