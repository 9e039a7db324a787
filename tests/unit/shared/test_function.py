"""The glue between functions-framework and a service: opened once, closed with the loop, every request answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.config import LogFormat, LogLevel, load_config
from shared.domain.values import SessionId
from shared.errors import NotYours, Retry, SetupError, SignInNeeded, StoreUnavailable
from shared.function import Opened, Routes, caller_of, pushed_to, ready, respond, scheduled
from shared.observe import configure
from shared.ports import Subscriber
from shared.push import Caller, Claims, Receiver
from tests.doubles.clock import ManualClock
from tests.doubles.letters import MemoryLetters
from tests.doubles.memory import MemoryStore

SESSION = SessionId("00000000-0000-4000-8000-000000000001")
PUSH = {"message": {"attributes": {"session": SESSION}}}


class Service:
    """What is opened, and what became of it."""

    def __init__(self, routes: Routes, failures: int = 0) -> None:
        self.opened = 0
        self.closed = 0
        self._routes = routes
        self._failures = failures

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Routes]:
        if self._failures:
            self._failures -= 1
            raise SetupError("the key is missing; put it back")
        self.opened += 1
        yield self._routes
        self.closed += 1


@asynccontextmanager
async def asking(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of the function, served as the framework serves it."""
    routes = Opened(service.open)

    async def function(request: Request) -> Response:
        return await respond(routes, request)

    methods = ["GET", "POST"]
    app = Starlette(routes=[Route("/{path:path}", function, methods=methods)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://f") as client:
        yield client


async def teapot(request: Request) -> int:
    return 418


async def test_it_is_opened_by_the_first_request_once_for_all() -> None:
    service = Service({("GET", "/tea"): teapot})
    async with asking(service) as client:
        assert service.opened == 0
        answers = await asyncio.gather(*(client.get("/tea") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [418] * 5
    assert service.opened == 1


@pytest.mark.parametrize(("method", "path"), [("POST", "/tea"), ("GET", "/"), ("GET", "/tea/")])
async def test_what_is_no_address_of_ours_is_not_there(method: str, path: str) -> None:
    async with asking(Service({("GET", "/tea"): teapot})) as client:
        assert (await client.request(method, path)).status_code == 404


async def test_what_cannot_be_opened_is_tried_again_by_the_next_request() -> None:
    service = Service({("GET", "/tea"): teapot}, failures=1)
    async with asking(service) as client:
        assert (await client.get("/tea")).status_code == 503
        assert (await client.get("/tea")).status_code == 418


def test_it_is_closed_when_the_loop_ends() -> None:
    service = Service({})

    async def serve() -> None:
        async with asking(service) as client:
            await client.get("/")
        assert (service.opened, service.closed) == (1, 0)

    asyncio.run(serve())
    assert service.closed == 1


async def test_a_push_reaches_its_receiver_with_token_and_body() -> None:
    handled: list[SessionId] = []

    async def handle(session: SessionId) -> None:
        handled.append(session)

    def verify(token: str, audience: str) -> Claims:
        assert token == "t0k3n"
        return {"iss": "accounts.google.com", "aud": audience, "email": "p@x", "email_verified": True}

    caller = Caller(verify, "aud", "p@x")
    receiver = Receiver(Subscriber.POLISH, handle, MemoryLetters(), ManualClock(), caller)
    async with asking(Service({("POST", "/"): pushed_to(receiver)})) as client:
        assert (await client.post("/", json=PUSH)).status_code == 401
        answer = await client.post("/", json=PUSH, headers={"Authorization": "Bearer t0k3n"})
    assert (answer.status_code, answer.content, handled) == (204, b"", [SESSION])


@pytest.mark.parametrize(("error", "status"), [(None, 204), (Retry("later"), 503)])
async def test_scheduled_work_says_whether_it_was_done(error: Exception | None, status: int) -> None:
    async def work() -> None:
        if error is not None:
            raise error

    async with asking(Service({("POST", "/sweep"): scheduled(work, None)})) as client:
        assert (await client.post("/sweep")).status_code == status


@pytest.mark.parametrize(("claim", "status"), [(SignInNeeded("no"), 401), (NotYours("no"), 403)])
async def test_scheduled_work_is_done_for_its_scheduler_only(claim: Exception, status: int) -> None:
    done = 0

    async def work() -> None:
        nonlocal done
        done += 1

    def verify(token: str, audience: str) -> Claims:
        raise claim

    async with asking(Service({("POST", "/sweep"): scheduled(work, Caller(verify, "aud", "s@x"))})) as client:
        answer = await client.post("/sweep", headers={"Authorization": "Bearer t"})
    assert (answer.status_code, done) == (status, 0)


async def test_it_is_ready_while_its_store_is() -> None:
    class Down(MemoryStore):
        async def check(self) -> None:
            raise StoreUnavailable("down")

    log = StringIO()
    configure("test", LogLevel.INFO, LogFormat.JSON, log)
    for store, status in ((MemoryStore(), 200), (Down(), 503)):
        async with asking(Service({("GET", "/readyz"): ready(store)})) as client:
            assert (await client.get("/readyz")).status_code == status
    assert [json.loads(line)["said"] for line in log.getvalue().splitlines()] == ["down"]


def test_everywhere_but_on_the_emulators_a_caller_is_checked() -> None:
    emulators = load_config(backend="emulators")
    assert caller_of(emulators, None, "") is None
    cloud = emulators.model_copy(update={"backend": "gcp", "push_audience": "aud"})
    assert caller_of(cloud, lambda token, audience: {}, "push@x") is not None
    with pytest.raises(AssertionError):
        caller_of(cloud, None, "push@x")
