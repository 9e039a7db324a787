"""One WebSocket to the service, as the shell sees it: dial, send, receive, abort. Everything it can raise is named here."""

import os
from typing import Final, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from shared.wire.messages import PROTOCOL

OPEN_S_MAX: Final = 10
MESSAGE_BYTES_MAX: Final = 1 << 20
"""Sixteen times what a server may send: only what is not Steno at all is stopped by the library."""

MESSAGES_WAITING_MAX: Final = 64
CLOSED_ABNORMALLY: Final = 1006


class NotOpened(Exception):
    """Nobody listens there, or who does is not Steno or not ready. The message is for the person."""


class SocketClosed(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Socket(Protocol):
    async def send(self, message: str | bytes) -> None:
        """Returns once there is room for more. Raises SocketClosed."""

    async def receive(self) -> str | bytes:
        """Raises SocketClosed."""

    def abort(self) -> None:
        """Cut the connection, as when a cable is pulled: nothing more is sent, nothing is said."""

    async def gone(self) -> None:
        """Returns once nothing of it is left."""


class Dialler(Protocol):
    async def __call__(self, url: str) -> Socket:
        """Raises NotOpened."""


async def dial(url: str) -> Socket:
    try:
        connection = await connect(
            url,
            subprotocols=[Subprotocol(PROTOCOL)],
            compression=None,
            # The heartbeat of steno.v1 is the server's ping, which carries more than one of the library's would.
            ping_interval=None,
            open_timeout=OPEN_S_MAX,
            max_size=MESSAGE_BYTES_MAX,
            max_queue=MESSAGES_WAITING_MAX,
            # A proxy would make a local connection a forwarded one, which development sign-in refuses.
            proxy=None,
        )
    except InvalidStatus as error:
        raise NotOpened(
            f"{_place(url)} answered {error.response.status_code} instead of connecting"
        ) from None
    except TimeoutError:
        raise NotOpened(f"{_place(url)} does not answer") from None
    except OSError as error:
        raise NotOpened(f"{_place(url)}: {_reason(error)}") from None
    except (InvalidHandshake, InvalidURI):
        raise NotOpened(f"{_place(url)} serves no WebSocket there") from None
    if connection.subprotocol != PROTOCOL:
        connection.transport.abort()
        await connection.wait_closed()
        raise NotOpened(f"{_place(url)} does not speak {PROTOCOL}")
    return _Connected(connection)


def _place(url: str) -> str:
    return urlsplit(url).netloc


def _reason(error: OSError) -> str:
    """The system's own words; where several addresses were tried, asyncio says less."""
    known = isinstance(error.errno, int) and error.errno > 0
    return (os.strerror(error.errno or 0) if known else error.strerror or "cannot be reached").lower()


class _Connected:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed:
            raise self._closed() from None

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            raise self._closed() from None

    def abort(self) -> None:
        self._connection.transport.abort()

    async def gone(self) -> None:
        await self._connection.wait_closed()

    def _closed(self) -> SocketClosed:
        return SocketClosed(self._connection.close_code or CLOSED_ABNORMALLY)
