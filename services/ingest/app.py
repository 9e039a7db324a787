"""The ingest service's web application: its addresses, and the rules around them. What they need comes as arguments."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.ingest.http_rules import FrontDoor, Limits, SecurityHeaders, error_reply, error_response
from services.ingest.pages import Page
from services.ingest.readiness import Readiness, StoreHealth
from services.ingest.sessions_api import SessionsApi
from shared.errors import Broken, DictationError, NotFound, Refuse
from shared.wire.messages import PROTOCOL

Stream = Callable[[WebSocket], Awaitable[None]]
"""Serves one recorder's upgrade, from before it is accepted until its socket is closed; raises nothing."""

_NOTHING_HERE: Final = "there is nothing at this address"


def create_app(
    api: SessionsApi,
    page: Page,
    stream: Stream,
    readiness: Readiness,
    health: StoreHealth,
    hosts: frozenset[str],
) -> ASGIApp:
    routes = [
        *_stream_routes(stream, readiness),
        *api.routes(),
        *_health_routes(readiness, health),
        *page.routes(),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, DictationError: _dictation_error, Exception: _crash},
    )
    # A redirect to the address with or without its last slash would be built from what the client sent.
    app.router.redirect_slashes = False
    app.router.default = _nothing_here
    return SecurityHeaders(FrontDoor(Limits(app), hosts, direct_only=True))


def _stream_routes(stream: Stream, readiness: Readiness) -> list[Route | WebSocketRoute]:
    async def upgrade(websocket: WebSocket) -> None:
        if PROTOCOL not in websocket.scope["subprotocols"]:
            raise _no_protocol()
        readiness.check()
        await stream(websocket)

    async def no_upgrade(request: Request) -> Response:
        raise _no_protocol()

    return [WebSocketRoute("/v1/stream", upgrade), Route("/v1/stream", no_upgrade)]


def _no_protocol() -> Refuse:
    return Refuse(f"this address takes WebSockets of the subprotocol {PROTOCOL} only")


def _health_routes(readiness: Readiness, health: StoreHealth) -> list[Route]:
    async def healthz(request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        readiness.check()
        await health.check()
        return JSONResponse({"ready": True})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    await error_reply(NotFound(_NOTHING_HERE))(scope, receive, send)


async def _http_error(asking: HTTPConnection, error: Exception) -> Response:
    """What the router itself refuses; its own words are replaced, and nothing the client sent is repeated."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        headers = dict(error.headers or {})
        return error_response(405, "method", "this address does not take that method; see Allow", headers)
    return error_response(error.status_code, "refused", "the request is not understood")


async def _dictation_error(asking: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, DictationError)
    return error_reply(error)


async def _crash(asking: HTTPConnection, error: Exception) -> Response:
    """Our mistake: the reply says no more than that; `main.py` logs it."""
    return error_reply(Broken("something went wrong on our side; what was acknowledged is stored"))
