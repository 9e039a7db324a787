"""Rules that hold for every request and upgrade, whatever its address: who it must come from, how big it may be, what
every reply carries, and what an error looks like. Pure ASGI, around the routes of `app.py`.
"""

import asyncio
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Busy, DictationError, Refuse, TooMany

BODY_BYTES_MAX: Final = 65_536
BODY_MS_MAX: Final = 10_000
"""A body this small that takes longer is not coming; the request must not wait for it for ever."""

REQUESTS_MAX: Final = 256
"""Requests answered at once; each holds at most its body and a page of a log."""

ALWAYS_ANSWERED: Final = "/healthz"
"""Holds nothing and waits for nothing. A platform that is told "busy" here kills a live process, and all its recordings
with it; whether the server has room for more is what `/readyz` is asked.
"""

BUSY_MS: Final = 1_000

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self)",
    # Requests that say no Origin, as those of a foreign page's <img> or <script>: their answers stay out of its process.
    "Cross-Origin-Resource-Policy": "same-origin",
}

_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_FORWARDED_NAMES: Final = ("forwarded", "via", "x-real-ip")
_REPLY_STARTS: Final = ("http.response.start", "websocket.http.response.start", "websocket.accept")


class UnknownHost(Refuse):
    error = "host"


class Forbidden(Refuse):
    http_status = 403
    error = "forbidden"


class TooSlow(Refuse):
    http_status = 408
    error = "too_slow"


def loopback_hosts(port: int) -> frozenset[str]:
    """What a Host header may say on this machine; browsers leave out the port of the scheme."""
    named = {f"{name}:{port}" for name in _LOOPBACK_NAMES}
    return frozenset(named.union(_LOOPBACK_NAMES) if port == 80 else named)


def check_host(headers: Headers, hosts: frozenset[str]) -> str:
    """The Host asked for, in lower case. Raises UnknownHost unless it is exactly one of ours.

    A page of somebody else's whose name was made to point here (DNS rebinding) sends its own name.
    """
    given = headers.getlist("host")
    if len(given) != 1 or given[0].lower() not in hosts:
        raise UnknownHost("this server does not answer to that Host; use the address it printed at its start")
    return given[0].lower()


def check_origin(headers: Headers, host: str) -> None:
    """Raises Forbidden if a page of another origin is asking; browsers say so at every upgrade and change."""
    for origin in headers.getlist("origin"):
        if origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise Forbidden("a page of another origin may not use this server")


def check_direct(headers: Headers) -> None:
    """Raises Forbidden if the request came through a proxy: what looks local may then be anybody."""
    for name in headers:
        if name in _FORWARDED_NAMES or name.startswith("x-forwarded"):
            raise Forbidden("forwarded requests are refused while the development sign-in is on")


def error_reply(error: DictationError) -> Response:
    return error_response(error.http_status, error.error, str(error))


def error_response(status: int, code: str, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """Fits a request as well as an upgrade that is refused."""
    return JSONResponse({"error": code, "message": sentence}, status, headers)


class SecurityHeaders:
    """Put on every reply, the refusals of the rules below included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in _REPLY_STARTS:
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                if scope["path"].startswith("/v1/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class FrontDoor:
    """Refuses what is not for us (400), was forwarded (403) or comes from another origin's page (403)."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], *, direct_only: bool) -> None:
        self._app = app
        self._hosts = hosts
        self._direct_only = direct_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            host = check_host(headers, self._hosts)
            if self._direct_only:
                check_direct(headers)
            check_origin(headers, host)
        except Refuse as refusal:
            await error_reply(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Limits:
    """Bounds the requests at once and the body of each, which is read whole before the request is answered."""

    def __init__(
        self, app: ASGIApp, requests_max: int = REQUESTS_MAX, body_ms_max: int = BODY_MS_MAX
    ) -> None:
        self._app = app
        self._requests_max = requests_max
        self._body_ms_max = body_ms_max
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(Headers(scope=scope), receive)
            # Only now: requests whose bodies do not come must not keep out those that are here.
            if self._requests >= self._requests_max and scope["path"] != ALWAYS_ANSWERED:
                raise Busy(
                    "this server is answering as many requests as it may; try again in a moment", BUSY_MS
                )
        except DictationError as error:
            await error_reply(error)(scope, receive, send)
            return
        if body is None:
            return
        self._requests += 1
        try:
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._requests -= 1

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None if the client left before it was complete."""
        if _declared_bytes(headers) > BODY_BYTES_MAX:
            raise _too_big()
        try:
            async with asyncio.timeout(self._body_ms_max / 1_000):
                return await _read(receive)
        except TimeoutError:
            raise TooSlow("the body of the request did not arrive in time; send it again") from None


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "0")
    # Twenty digits are too many bytes already, and Python refuses to read some thousands of them.
    return int(declared[:20]) if declared.isascii() and declared.isdigit() else 0


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise _too_big()
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    unread = [body]

    async def receive_again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return receive_again


def _too_big() -> TooMany:
    return TooMany(f"the body of a request may have {BODY_BYTES_MAX} bytes")
