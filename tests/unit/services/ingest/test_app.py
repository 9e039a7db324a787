"""The addresses of the service: what is there, what is not, and what takes which method."""

import asyncio

import pytest

from services.ingest.readiness import KEPT_MS, Phase
from tests.doubles.memory import MemoryStore
from tests.unit.services.ingest.web import PAGE, SESSION, Web, upgrade


@pytest.fixture
def web() -> Web:
    return Web()


async def test_alive_is_said_whatever_else_is_wrong(web: Web) -> None:
    web.store.down = True
    web.readiness.drain()
    async with web.browser() as browser:
        answer = await browser.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_ready_is_able_to_serve_and_to_store(web: Web) -> None:
    async with web.browser() as browser:
        assert (await browser.get("/readyz")).json() == {"ready": True}
        web.store.down = True
        web.clock.advance(KEPT_MS)
        answer = await browser.get("/readyz")
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        web.store.down = False
        web.clock.advance(KEPT_MS)
        assert (await browser.get("/readyz")).json() == {"ready": True}
        web.readiness.drain()
        answer = await browser.get("/readyz")
        assert (answer.status_code, answer.json()["error"]) == (503, "not_serving")


class Counting(MemoryStore):
    """How often it is asked whether it is well; then it takes a while to say so."""

    checks = 0

    async def check(self) -> None:
        self.checks += 1
        await asyncio.sleep(0)


async def test_however_many_ask_whether_it_is_ready_the_store_is_asked_once_a_second() -> None:
    store = Counting()
    web = Web(memory=store)
    for seconds in range(1, 4):
        async with web.browser() as browser:
            answers = await asyncio.gather(*(browser.get("/readyz") for _ in range(20)))
            answers += [await browser.get("/readyz")]
        assert {answer.status_code for answer in answers} == {200}
        assert store.checks == seconds
        web.clock.advance(KEPT_MS)


async def test_a_store_that_failed_is_not_asked_more_often_either() -> None:
    store = Counting()
    web = Web(memory=store)
    web.store.down = True
    async with web.browser() as browser:
        assert (await browser.get("/readyz")).status_code == 503
        web.store.down = False
        assert (await browser.get("/readyz")).status_code == 503
        assert store.checks == 0
        web.clock.advance(KEPT_MS)
        assert (await browser.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/healthz", "GET, HEAD"),
        ("POST", "/v1/stream", "GET, HEAD"),
        ("PATCH", f"/v1/sessions/{SESSION}", "DELETE, GET, HEAD"),
        ("POST", f"/v1/sessions/{SESSION}/label", "PUT"),
        ("GET", f"/v1/sessions/{SESSION}/tickets", "POST"),
        ("get", "/healthz", "GET, HEAD"),
        ("TRACE", "/", "GET, HEAD"),
    ],
)
async def test_an_unknown_method_is_405_and_hears_which_are_known(
    web: Web, method: str, path: str, allowed: str
) -> None:
    async with web.browser() as browser:
        request = browser.build_request("GET", path)
        request.method = method
        answer = await browser.send(request)
    assert answer.status_code == 405
    assert answer.json() == {
        "error": "method",
        "message": "this address does not take that method; see Allow",
    }
    assert sorted(answer.headers["allow"].split(", ")) == sorted(allowed.split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "//",
        "//v1/sessions",
        "/v1//sessions",
        "/v1/sessions/",
        f"/v1/sessions/{SESSION}/",
        "/healthz/",
        "/V1/sessions",
        "/static/",
        "/static",
        "/docs",
        "/v1",
        "/%2e%2e/",
        "/%00",
        "/v1/sessions%2F",
        "/http://evil.example/",
        f"/{'x' * 60_000}",
    ],
)
async def test_what_is_not_there_is_404_and_never_a_redirect(web: Web, path: str) -> None:
    async with web.browser() as browser:
        answer = await browser.get(f"http://127.0.0.1:8000{path}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "location" not in answer.headers


async def test_head_is_answered_as_get(web: Web) -> None:
    await web.record()
    async with web.browser() as browser:
        for path in ("/", "/healthz", "/v1/sessions", f"/v1/sessions/{SESSION}"):
            assert (await browser.head(path)).status_code == 200


async def test_a_mistake_of_ours_says_no_more_than_that(web: Web) -> None:
    await web.record()
    web = Web(memory=web.memory)  # another key: nothing opens
    async with web.browser() as browser:
        answer = await browser.get(f"/v1/sessions/{SESSION}/log")
    assert (answer.status_code, answer.json()["error"]) == (500, "setup")


# --- the address of the stream


async def test_the_stream_takes_web_sockets_of_our_protocol_only(web: Web) -> None:
    async with web.browser() as browser:
        answer = await browser.get("/v1/stream")
    assert (answer.status_code, answer.json()["error"]) == (400, "refused")
    protocols: list[list[str]] = [[], [""], ["steno.v2"], ["STENO.V1"], ["steno.v1x", "x steno.v1"]]
    for given in protocols:
        assert (await upgrade(web.app, protocols=given))[0] == 400
    assert web.upgrades == []
    assert (await upgrade(web.app, protocols=["steno.v2", "steno.v1"]))[0] == 101


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/v1/sessions", "/v1/stream/", "//v1/stream", "/static/main.js"]
)
async def test_no_other_address_is_upgraded(web: Web, path: str) -> None:
    assert (await upgrade(web.app, path=path))[0] == 404
    assert web.upgrades == []


async def test_an_instance_that_does_not_serve_takes_no_recorder(web: Web) -> None:
    web.readiness.phase = Phase.STARTING
    assert (await upgrade(web.app))[0] == 503
    assert web.upgrades == []


async def test_the_page_is_at_the_root(web: Web) -> None:
    async with web.browser() as browser:
        answer = await browser.get("/")
    assert (answer.status_code, answer.content) == (200, PAGE.files["index.html"])
