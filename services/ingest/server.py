"""The web server: uvicorn, with what it answers by itself brought under our rules, and a stop that drains first."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from services.ingest.http_rules import SECURITY_HEADERS, error_response
from shared.errors import SetupError

WS_BYTES_MAX: Final = 1_048_576
"""Far above our own limits of a message, so that those answer, with a code and a sentence."""

CLOSE_MS_MAX: Final = 2_000
"""How long a closed WebSocket is still read from. Closed with unread bytes it would be reset, and the peer never see
our code."""

DRAIN_MS_MAX: Final = 8_000
STOP_S_MAX: Final = 1
"""What is left of the ten seconds between SIGTERM and SIGKILL, for requests in flight."""

_MALFORMED: Final = error_response(
    400, "malformed", "this is not a well-formed request", {**SECURITY_HEADERS, "Connection": "close"}
)


class HttpProtocol(H11Protocol):
    """Answers what is not HTTP as our own addresses would."""

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(
                (self.conn.send(h11.Response(status_code=400, headers=_MALFORMED.raw_headers)) or b"")
                + (self.conn.send(h11.Data(data=bytes(_MALFORMED.body))) or b"")
                + (self.conn.send(h11.EndOfMessage()) or b"")
            )
        self.transport.close()


class _Handshake(ServerProtocol):
    """Refuses a bad handshake without repeating what the client sent."""

    def accept(self, request: Request) -> Response:
        response = super().accept(request)
        if response.status_code == 101:
            return response
        headers = Headers((name.decode(), value.decode()) for name, value in _MALFORMED.raw_headers)
        return Response(400, "Bad Request", headers, bytes(_MALFORMED.body))


class StreamProtocol(WebSocketsSansIOProtocol):
    def __init__(self, config: uvicorn.Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.close_timeout = CLOSE_MS_MAX / 1_000
        # At debug level the library logs what a message holds: this logger never has that level.
        logger = logging.getLogger("steno.websocket")
        logger.setLevel(logging.WARNING)
        self.conn = _Handshake(max_size=config.ws_max_size, logger=logger)


class Server(uvicorn.Server):
    """On SIGTERM or SIGINT, `drain` runs before uvicorn closes anything; on a second one it stops at once.

    uvicorn by itself closes every WebSocket with 1012 first, and a recorder would never hear that it should move.
    """

    def __init__(self, app: ASGIApp, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(_config(app))
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)
        if self._draining is not None:
            await self._draining

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain_then_exit())
        else:
            self.should_exit = self.force_exit = True

    async def _drain_then_exit(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_MS_MAX / 1_000):
                await self._drain()
        except TimeoutError:
            pass
        finally:
            self.should_exit = True


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws=StreamProtocol,
        ws_max_size=WS_BYTES_MAX,
        ws_per_message_deflate=False,
        # The protocol has a heartbeat of its own, which looks at more than the socket.
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        # At info, uvicorn logs addresses with their queries.
        log_level="warning",
        access_log=False,
        server_header=False,
        # Otherwise a peer's X-Forwarded-For would take the place of its address.
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_S_MAX,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises SetupError if the port is taken or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # Listening now, not once everything is loaded: a port that two processes bound is taken by the first to listen.
        listening.listen(2_048)
    except OSError as error:
        listening.close()
        raise SetupError(
            f"port {port} of {host} cannot be used ({error.strerror}); stop what uses it, or choose another with --port"
        ) from None
    listening.setblocking(False)
    return listening
