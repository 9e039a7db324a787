"""Rules that hold for every request and upgrade: who may ask, how much, and what every reply carries."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from services.ingest.http_rules import (
    BODY_BYTES_MAX,
    SECURITY_HEADERS,
    Forbidden,
    Limits,
    UnknownHost,
    check_direct,
    check_host,
    check_origin,
    loopback_hosts,
)
from services.ingest.readiness import KEPT_MS
from shared.domain.values import SessionId
from shared.errors import Broken
from shared.ports import EntryRow
from shared.tasks import stop
from tests.doubles.memory import MemoryStore
from tests.unit.services.ingest.web import ORIGIN, PORT, SESSION, Web, upgrade

HOSTS = loopback_hosts(PORT)
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")


@pytest.fixture
def web() -> Web:
    return Web()


# --- Host


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LocalHost:8000", "[::1]:8000"])
def test_this_machine_goes_by_three_names(host: str) -> None:
    assert check_host(Headers({"host": host}), HOSTS) == host.lower()


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:8001",
        "127.0.0.1:08000",
        "localhost.:8000",
        "127.1:8000",
        "0.0.0.0:8000",
        "::1:8000",
        "[::ffff:127.0.0.1]:8000",
        "[::1%lo]:8000",
        "evil.example:8000",
        "127.0.0.1.evil.example:8000",
        "localhost:8000@evil.example",
        "127.0.0.1:8000, evil.example",
        "127.0.0.1:8000 ",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    with pytest.raises(UnknownHost):
        check_host(Headers({"host": host}), HOSTS)


def test_a_request_names_its_host_once() -> None:
    for given in ([], [(b"host", b"127.0.0.1:8000"), (b"host", b"evil.example")]):
        with pytest.raises(UnknownHost):
            check_host(Headers(raw=given), HOSTS)


def test_browsers_leave_out_port_80() -> None:
    assert check_host(Headers({"host": "localhost"}), loopback_hosts(80)) == "localhost"
    assert check_host(Headers({"host": "localhost:80"}), loopback_hosts(80)) == "localhost:80"


# --- Origin


@pytest.mark.parametrize("origin", [None, ORIGIN, "HTTP://127.0.0.1:8000", "https://127.0.0.1:8000"])
def test_our_own_page_and_no_page_may_ask(origin: str | None) -> None:
    check_origin(Headers({"origin": origin} if origin else {}), "127.0.0.1:8000")


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://localhost:8000",
        "http://127.0.0.1:8001",
        "http://127.0.0.1",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example",
        "file://",
        "chrome-extension://abcdef",
        "ws://127.0.0.1:8000",
        "http://127.0.0.1:8000/",
    ],
)
def test_no_other_page_may(origin: str) -> None:
    with pytest.raises(Forbidden):
        check_origin(Headers({"origin": origin}), "127.0.0.1:8000")


def test_a_second_origin_is_looked_at_too() -> None:
    given = [(b"origin", ORIGIN.encode()), (b"origin", b"http://evil.example")]
    with pytest.raises(Forbidden):
        check_origin(Headers(raw=given), "127.0.0.1:8000")


@pytest.mark.parametrize("name", FORWARDED)
def test_a_request_that_came_through_a_proxy_is_refused(name: str) -> None:
    with pytest.raises(Forbidden):
        check_direct(Headers({name: "127.0.0.1"}))


# --- the front door, for requests and upgrades alike


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example:8000"}, 400, "host"),
        ({"origin": "http://evil.example"}, 403, "forbidden"),
        ({"origin": "null"}, 403, "forbidden"),
        *(({name.lower(): "127.0.0.1"}, 403, "forbidden") for name in FORWARDED),
    ],
)
async def test_the_front_door_refuses(web: Web, headers: dict[str, str], status: int, code: str) -> None:
    async with web.browser() as browser:
        for path in ("/", "/healthz", "/v1/sessions", "/static/main.js", "/nowhere"):
            answer = await browser.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (status, code)
        answer = await browser.post(f"/v1/sessions/{SESSION}/tickets", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert (await upgrade(web.app, **headers))[0] == status
    assert web.upgrades == []


# --- what every reply carries


async def replies(web: Web) -> AsyncIterator[httpx.Response]:
    async with web.browser() as browser:
        for method, path, headers, body in (
            ("GET", "/", {}, b""),
            ("HEAD", "/", {}, b""),
            ("GET", "/healthz", {}, b""),
            ("GET", "/readyz", {}, b""),
            ("GET", "/static/main.js", {}, b""),
            ("GET", "/static/none.js", {}, b""),
            ("GET", "/nowhere", {}, b""),
            ("GET", "/v1/sessions", {}, b""),
            ("GET", "/v1/nowhere", {}, b""),
            ("GET", "/v1/stream", {}, b""),
            ("POST", f"/v1/sessions/{SESSION}/tickets", {}, b""),
            ("GET", f"/v1/sessions/{SESSION}", {}, b""),
            ("GET", "/v1/sessions/none", {}, b""),
            ("BREW", "/v1/sessions", {}, b""),
            ("OPTIONS", "/v1/sessions", {"Access-Control-Request-Method": "PUT"}, b""),
            ("PUT", "/", {}, b""),
            ("PUT", "/v1/sessions", {}, b"x" * (BODY_BYTES_MAX + 1)),
            ("GET", "/", {"Host": "evil.example"}, b""),
            ("GET", "/v1/sessions", {"Origin": "http://evil.example"}, b""),
            ("GET", "/v1/sessions", {"X-Forwarded-For": "127.0.0.1"}, b""),
        ):
            yield await browser.request(method, path, headers=headers, content=body)
        web.store.down = True
        web.clock.advance(KEPT_MS)
        yield await browser.get("/readyz")
        web.store.down = False
        await web.record()
        yield await browser.get(f"/v1/sessions/{SESSION}/log")


class CrashingStore(MemoryStore):
    """Holds a mistake of ours."""

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        raise ZeroDivisionError


async def test_every_reply_has_the_security_headers() -> None:
    web, statuses = Web(memory=CrashingStore()), set()
    async for answer in replies(web):
        statuses.add(answer.status_code)
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers.get_list(name) == [value], answer
        if answer.url.path.startswith("/v1/"):
            assert answer.headers.get_list("cache-control") == ["no-store"]
        if answer.status_code >= 400 and answer.request.method != "HEAD":
            assert set(answer.json()) == {"error", "message"}
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    assert statuses == {200, 400, 403, 404, 405, 413, 500, 503}


async def test_so_has_an_upgrade_accepted_or_refused(web: Web) -> None:
    for status, headers in (
        await upgrade(web.app),
        await upgrade(web.app, protocols=["other.v1"]),
        await upgrade(web.app, path="/nowhere"),
        await upgrade(web.app, origin="http://evil.example"),
    ):
        assert {name.lower(): headers.get(name.lower()) for name in SECURITY_HEADERS} == {
            name.lower(): value for name, value in SECURITY_HEADERS.items()
        }, status


# --- nothing is repeated


ODD = "zq7<script>\\u2028"


async def test_no_reply_repeats_what_was_asked(web: Web) -> None:
    async with web.browser() as browser:
        for answer in (
            await browser.get(f"/{ODD}"),
            await browser.get(f"/static/{ODD}"),
            await browser.get(f"/v1/sessions/{ODD}"),
            await browser.get(f"/v1/sessions?limit={ODD}&{ODD}=1"),
            await browser.get(f"/v1/sessions/{SESSION}/export?format={ODD}"),
            await browser.request("ZQ7", "/v1/sessions"),
            await browser.put(f"/v1/sessions/{SESSION}/label", content=ODD.encode()),
            await browser.get("/", headers={"Host": "zq7.example"}),
            await browser.get("/", headers={"Origin": "http://zq7.example"}),
            await browser.get("/", headers={"X-Forwarded-For": "zq7"}),
        ):
            assert answer.status_code >= 400
            assert "zq7" not in (answer.text + str(answer.headers)).lower()


# --- bodies


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_body_too_big_is_413_whether_it_says_its_size_or_not(web: Web) -> None:
    async with web.browser() as browser:
        for content in (b"x" * (BODY_BYTES_MAX + 1), pieces(BODY_BYTES_MAX, 1), pieces(*[1_000] * 100)):
            answer = await browser.put(f"/v1/sessions/{SESSION}/label", content=content)
            assert (answer.status_code, answer.json()["error"]) == (413, "too_big")
        declared = {"Content-Length": "9" * 5_000}
        answer = await browser.put(f"/v1/sessions/{SESSION}/label", content=b"x", headers=declared)
        assert answer.status_code == 413


async def test_the_biggest_body_allowed_arrives_whole() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    async with Web().browser(app=Limits(echo)) as browser:
        answer = await browser.put("/", content=pieces(BODY_BYTES_MAX - 1, 1))
    assert answer.content == b"x" * BODY_BYTES_MAX


class Asked:
    """One request, asked of an ASGI app by hand."""

    def __init__(self, *incoming: Message) -> None:
        self.sent: list[Message] = []
        self._incoming = list(incoming)

    async def of(self, app: Limits, path: str = "/") -> "Asked":
        await app({"type": "http", "headers": [], "path": path}, self._receive, self._send)
        return self

    async def _receive(self) -> Message:
        if not self._incoming:
            await asyncio.Event().wait()
        return self._incoming.pop(0)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


async def never_asked(scope: Scope, receive: Receive, send: Send) -> None:
    raise Broken("the request was handed on")


async def test_a_body_that_does_not_come_is_given_up() -> None:
    asked = await Asked({"type": "http.request", "body": b"x", "more_body": True}).of(
        Limits(never_asked, body_ms_max=10)
    )
    assert asked.sent[0]["status"] == 408


async def test_a_client_that_leaves_before_its_body_is_whole_is_not_answered() -> None:
    asked = await Asked(
        {"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}
    ).of(Limits(never_asked))
    assert asked.sent == []


async def test_requests_at_once_are_bounded_and_the_next_is_told_to_come_again() -> None:
    go_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    limits = Limits(slow, requests_max=2)
    whole: Message = {"type": "http.request", "body": b"", "more_body": False}
    waiting = [asyncio.create_task(Asked(whole).of(limits)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    refused = await Asked(whole).of(limits)
    assert refused.sent[0]["status"] == 503
    go_on.set()
    for asked in await asyncio.gather(*waiting):
        assert asked.sent[0]["status"] == 200
    assert (await Asked(whole).of(limits)).sent[0]["status"] == 200


async def test_a_process_that_is_full_of_requests_says_all_the_same_that_it_lives() -> None:
    go_on = asyncio.Event()

    async def slow_but_for_health(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/healthz":
            await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    limits = Limits(slow_but_for_health, requests_max=1)
    whole: Message = {"type": "http.request", "body": b"", "more_body": False}
    waiting = asyncio.create_task(Asked(whole).of(limits))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [
        (await Asked(whole).of(limits, path)).sent[0]["status"] for path in ("/healthz", "/readyz", "/")
    ] == [200, 503, 503]
    go_on.set()
    await waiting
    assert (await Asked(whole).of(limits)).sent[0]["status"] == 200


async def test_requests_whose_bodies_do_not_come_keep_nobody_out() -> None:
    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    limits = Limits(answers, requests_max=1)
    half: Message = {"type": "http.request", "body": b"x", "more_body": True}
    waiting = asyncio.create_task(Asked(half).of(limits))
    await asyncio.sleep(0)
    whole: Message = {"type": "http.request", "body": b"", "more_body": False}
    assert (await Asked(whole).of(limits)).sent[0]["status"] == 200
    await stop(waiting)


async def test_what_is_read_after_the_body_is_the_clients_leaving() -> None:
    heard: list[Message] = []

    async def reads_twice(scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend([await receive(), await receive()])

    await Asked({"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}).of(
        Limits(reads_twice)
    )
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]
