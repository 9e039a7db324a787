"""Stage 4 of 13. The socket of one recorder: reads, sends, closes. Everything about the protocol is decided elsewhere.

`connection.py` says what to send and by when to look again; `visit.py` hears the events. This shell knows no store and
no engine.
"""

import asyncio
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.ingest.connection import Connection
from services.ingest.desk import Desk
from services.ingest.teller import Outgoing
from services.ingest.visit import Visit
from shared.errors import DictationError
from shared.ports import Clock
from shared.tasks import together
from shared.wire.messages import PROTOCOL, encode_message

SEND_MS_MAX: Final = 10_000
"""A reader that takes nothing for this long is gone; the log has what it missed."""

CLOSE_MS_MAX: Final = 2_000
"""How long the peer's close is awaited: closing a socket that holds unread bytes resets it, and the code is lost."""

REASON_BYTES_MAX: Final = 123
"""What a close frame can carry (RFC 6455, 5.5.1)."""


class Gone(Exception):
    """The peer closed, vanished, or takes nothing."""


async def serve(websocket: WebSocket, desk: Desk) -> None:
    """One connection from its upgrade to its end. The subprotocol, Host and Origin were checked before."""
    await websocket.accept(subprotocol=PROTOCOL)
    clock = desk.gate.clock
    connection = Connection(clock.monotonic_ms())
    outgoing = Outgoing()
    visit = Visit(desk, connection, outgoing)
    socket = Socket(websocket, connection, outgoing, clock)
    try:
        with desk.visit(visit):
            await together(socket.send(), socket.read(visit), visit.run())
    except DictationError as error:
        connection.bye(error)
        await _last_words(socket, visit)
    except Gone:
        pass
    finally:
        visit.client_lost()


async def _last_words(socket: "Socket", visit: Visit) -> None:
    try:
        await together(socket.send(), socket.read(visit))
    except Gone:
        pass


class Socket:
    def __init__(
        self, websocket: WebSocket, connection: Connection, outgoing: Outgoing, clock: Clock
    ) -> None:
        self._websocket = websocket
        self._connection = connection
        self._outgoing = outgoing
        self._clock = clock

    async def read(self, visit: Visit) -> None:
        """Hand on what arrives, for ever: the server always reads, and credit is what slows a sender."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise Gone
            now_ms, deadline_ms = self._clock.monotonic_ms(), self._connection.deadline_ms
            text, data = message.get("text"), message.get("bytes")
            if text is not None:
                events = self._connection.receive_text(text, now_ms)
            else:
                events = self._connection.receive_bytes(data or b"", now_ms)
            for event in events:
                visit.heard(event)
            # Not for every frame: most leave nothing to say, and no earlier moment to say it.
            if self._connection.has_to_send or self._connection.deadline_ms != deadline_ms:
                self._outgoing.ready.set()

    async def send(self) -> None:
        """Send until the connection says to close, then close. Raises Gone when the peer takes nothing more."""
        try:
            while True:
                await self._send_waiting()
                if self._connection.closing is not None:
                    # A bye that was queued while the rest was being sent.
                    await self._send_waiting()
                    break
                await self._until_ready()
            reason = self._connection.closing.reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
            async with asyncio.timeout(CLOSE_MS_MAX / 1_000):
                await self._websocket.close(self._connection.closing.code, reason)
                # `read` goes on discarding until the peer's close arrives, which ends both.
                await asyncio.Event().wait()
        except (TimeoutError, WebSocketDisconnect):
            raise Gone from None

    async def _send_waiting(self) -> None:
        self._outgoing.ready.clear()
        for message in self._connection.to_send():
            async with asyncio.timeout(SEND_MS_MAX / 1_000):
                await self._websocket.send_text(encode_message(message))
            # Who is leaving gets every word up to the bye, which is the last of these.
            if self._connection.closing is None:
                # One that takes a message every few seconds must answer pings like anybody else.
                self._connection.tick(self._clock.monotonic_ms())
                if self._connection.closing is not None:
                    break
        self._outgoing.sent.set()

    async def _until_ready(self) -> None:
        """Until there is something to send, or the connection's deadline has passed."""
        while not self._outgoing.ready.is_set():
            deadline_ms = self._connection.deadline_ms
            now_ms = self._clock.monotonic_ms()
            if deadline_ms is not None and now_ms >= deadline_ms:
                self._connection.tick(now_ms)
                return
            try:
                wait_ms = None if deadline_ms is None else (deadline_ms - now_ms) / 1_000
                async with asyncio.timeout(wait_ms):
                    await self._outgoing.ready.wait()
            except TimeoutError:
                continue
