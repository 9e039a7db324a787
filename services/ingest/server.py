"""The web server: uvicorn, with what it answers by itself brought under our rules, bounds on what it would wait for,
and a stop that drains first.
"""

import asyncio
import logging
import resource
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import FrameType
from typing import Any, ClassVar, Final

import h11
import uvicorn
from starlette.responses import Response as StarletteResponse
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from services.ingest.http_rules import SECURITY_HEADERS, error_response
from shared.errors import SetupError
from shared.tasks import stop

WS_BYTES_MAX: Final = 1_048_576
"""Far above our own limits of a message, so that those answer, with a code and a sentence."""

CLOSE_MS_MAX: Final = 2_000
"""How long a closed WebSocket is still read from. Closed with unread bytes it would be reset, and the peer never see
our code."""

FILES_BESIDE_SOCKETS: Final = 256
"""The database, its threads, the engine, the log."""

STOP_S_MAX: Final = 1
"""What is left of the ten seconds between SIGTERM and SIGKILL, for requests in flight."""

_CLOSING: Final = {**SECURITY_HEADERS, "Connection": "close"}
_MALFORMED: Final = error_response(400, "malformed", "this is not a well-formed request", _CLOSING)
_STOPPING: Final = error_response(
    503, "not_serving", "this server is stopping; another one answers", _CLOSING
)


class HttpProtocol(H11Protocol):
    """Answers what is not HTTP as our own addresses would; waits for no request, and for no reader, for ever."""

    arrives_s_max: ClassVar[float] = 20
    """For all of a request to be here. One that is awaited longer, head or body, is cut off without an answer."""

    taken_s_max: ClassVar[float] = 10
    """A reader that takes none of an answer for this long is cut off: until then the answer is in our memory."""

    def __init__(self, config: uvicorn.Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        # By itself uvicorn answers beyond its limit with words of its own, and counts no socket that says nothing.
        self._connections_max, self.limit_concurrency = self.limit_concurrency, None
        self._arriving: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base does
        super().connection_made(transport)
        if self._connections_max is not None and len(self.connections) > self._connections_max:
            transport.abort()
        else:
            self._look_whether_it_arrives()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look_whether_it_arrives()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look_whether_it_arrives()
        if left_bytes := self.transport.get_write_buffer_size():
            self._look_whether_it_is_taken(left_bytes)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._arriving, self._taking):
            if timer is not None:
                timer.cancel()

    def _look_whether_it_arrives(self) -> None:
        awaited = (
            self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
            and self.transport.get_protocol() is self  # not upgraded
            and not self.transport.is_closing()
        )
        if awaited and self._arriving is None:
            self._arriving = self.loop.call_later(self.arrives_s_max, self._has_not_arrived)
        elif not awaited and self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _has_not_arrived(self) -> None:
        if self.transport.get_write_buffer_size():
            # The answer before it is still being taken, which has a bound of its own.
            self._arriving = self.loop.call_later(self.arrives_s_max, self._has_not_arrived)
        else:
            self.transport.abort()

    def _look_whether_it_is_taken(self, left_bytes: int) -> None:
        if self._taking is not None:
            self._taking.cancel()
        self._taking = self.loop.call_later(self.taken_s_max, self._look_what_is_left, left_bytes)

    def _look_what_is_left(self, before_bytes: int) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes >= before_bytes:
            self.transport.abort()
        elif left_bytes:
            self._look_whether_it_is_taken(left_bytes)

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
        return response if response.status_code == 101 else _refusal(_MALFORMED)


class StreamProtocol(WebSocketsSansIOProtocol):
    def __init__(self, config: uvicorn.Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.close_timeout = CLOSE_MS_MAX / 1_000
        # At debug level the library logs what a message holds: this logger never has that level.
        logger = logging.getLogger("steno.websocket")
        logger.setLevel(logging.WARNING)
        self.conn = _Handshake(max_size=config.ws_max_size, logger=logger)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # The first bytes are a whole request, which h11 has read. What the other parser does not like of it (too many
        # headers, or too long ones) it drops without a word, and the socket would stay open for ever.
        if not self.handshake_initiated:
            self.transport.write(_refusal(_MALFORMED).serialize())
            self.transport.close()

    def handle_ping(self) -> None:
        pongs = b"".join(self.conn.data_to_send())
        # The pongs of a peer that pings and reads nothing would pile up here for as long as it is thought alive.
        if self.writable.is_set():
            self.transport.write(pongs)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # A refusal is an answer too: otherwise each one is logged as an application that gave none.
            self.handshake_complete = True

    def send_500_response(self) -> None:
        """The server stops before the upgrade was answered."""
        if self.initial_response is None and not self.handshake_complete:
            self.conn.send_response(_refusal(_STOPPING))
            self.transport.write(b"".join(self.conn.data_to_send()))

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        super().on_task_complete(task)
        # Closing waits until the peer has taken what was sent, and a peer that takes nothing would keep its place.
        self.loop.call_later(2 * CLOSE_MS_MAX / 1_000, self.transport.abort)


def _refusal(reply: StarletteResponse) -> Response:
    headers = Headers((name.decode(), value.decode()) for name, value in reply.raw_headers)
    return Response(reply.status_code, HTTPStatus(reply.status_code).phrase, headers, bytes(reply.body))


class Server(uvicorn.Server):
    """On SIGTERM or SIGINT, `drain` runs before uvicorn closes anything; on a second one it stops at once.

    uvicorn by itself closes every WebSocket with 1012 first, and a recorder would never hear that it should move.
    At most `connections_max` sockets are open at once; one more is closed without a word.
    """

    drain_ms_max: ClassVar[int] = 8_000

    def __init__(
        self,
        app: ASGIApp,
        drain: Callable[[], Awaitable[None]],
        connections_max: int,
        http: type[HttpProtocol] = HttpProtocol,
    ) -> None:
        super().__init__(_config(app, connections_max, http))
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)
        if self._draining is not None:
            if self.force_exit:
                await stop(self._draining)
            else:
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
            async with asyncio.timeout(self.drain_ms_max / 1_000):
                await self._drain()
        except TimeoutError:
            pass
        finally:
            self.should_exit = True


def _config(app: ASGIApp, connections_max: int, http: type[HttpProtocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=http,
        ws=StreamProtocol,
        limit_concurrency=connections_max,
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


def allow_connections(connections_max: int) -> None:
    """Let this process have that many sockets open. Raises SetupError if the machine does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max(connections_max, soft, hard), hard))


def files_max(connections_max: int, soft: int, hard: int) -> int:
    """The limit of open files to set, given those in force; never lower than it was."""
    wanted = connections_max + FILES_BESIDE_SOCKETS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SetupError(
            f"{connections_max} connections need {wanted} open files and this machine allows {hard}; set"
            " STENO_SESSIONS_MAX lower, or raise the limit (ulimit -n)"
        )
    return wanted
