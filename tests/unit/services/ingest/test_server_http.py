"""What the web server answers, or cuts off, by itself: malformed and endless requests, and readers that do not read."""

import asyncio
import resource
import socket

import pytest
from starlette.types import Receive, Scope, Send

from services.ingest.http_rules import SECURITY_HEADERS, Limits, SecurityHeaders
from services.ingest.server import FILES_BESIDE_SOCKETS, HttpProtocol, allow_connections, files_max, listen
from shared.errors import SetupError
from tests.unit.services.ingest.serving import ANSWER_S_MAX, Address, get, pause, port_of, serving, until

BIG = 40_000_000
"""More than the sockets' own buffers take."""


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = b"x" * BIG if scope["path"] == "/big" else b"hello"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


APP = SecurityHeaders(Limits(hello))


class Impatient(HttpProtocol):
    arrives_s_max = 0.1
    taken_s_max = 0.1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nzq7\x00: b\r\n\r\n",
        b"GET /zq7 zq7 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: zq7\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zq7\r\n\r\n",
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000,
        b"GET / HTTP/10\r\nHost: a\r\n\r\n",
        b"GET \xff HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_as_our_addresses_would(request_bytes: bytes) -> None:
    async with serving(APP) as address:
        answer = await address.exchange(request_bytes)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("HTTP/1.1 400")
    assert {f"{name.lower()}: {value}" for name, value in SECURITY_HEADERS.items()} <= {
        line.split(":")[0].lower() + line[line.index(":") :] for line in lines[1:]
    }
    assert body == b'{"error":"malformed","message":"this is not a well-formed request"}'


async def test_a_malformed_body_after_a_good_head_ends_the_connection() -> None:
    async with serving(APP) as address:
        client = await address.connect()
        client.send(get("/", address.port, "Transfer-Encoding: chunked") + b"zq7\r\n")
        assert b"zq7" not in await client.rest()


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with serving(APP) as address:
        client = await address.connect()
        for _ in range(2):
            client.send(get("/", address.port))
            assert (await client.head()).startswith(b"HTTP/1.1 200")
            assert await client.reader.readexactly(5) == b"hello"
        client.close()


async def test_no_reply_names_the_server() -> None:
    async with serving(APP) as address:
        answer = await address.exchange(get("/", address.port, "Connection: close"))
    assert b"\r\nserver:" not in answer.lower()
    assert b"uvicorn" not in answer.lower()


# --- bounds


async def is_cut_off(address: Address, *pieces: bytes) -> bool:
    client = await address.connect()
    for piece in pieces:
        client.send(piece)
    await client.rest()
    return True


@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [b"GET / HTTP/1.1\r\n"],
        [b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", b"x"],
        [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HT"],
        [b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", b"x"],
    ],
    ids=["nothing", "half a head", "half a body", "half a second head", "half a body too big"],
)
async def test_a_request_that_does_not_end_is_cut_off(pieces: list[bytes]) -> None:
    async with serving(APP, http=Impatient) as address:
        assert await is_cut_off(address, *pieces)
        assert address.server.server_state.connections == set()


async def test_one_that_trickles_in_is_cut_off_all_the_same() -> None:
    async with serving(APP, http=Impatient) as address:
        client = await address.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        ended = asyncio.create_task(client.rest())
        count = 0
        while not ended.done():
            client.send(f"X-{count}: y\r\n".encode())
            count += 1
            await asyncio.wait([ended], timeout=0.01)
        assert count < 100


async def test_a_request_that_is_being_answered_is_not_cut_off() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with asyncio.timeout(5 * Impatient.arrives_s_max):
                await receive()
        except TimeoutError:
            await hello(scope, receive, send)

    async with serving(slow, http=Impatient) as address:
        answer = await address.exchange(get("/", address.port, "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("headers", [[], ["Connection: close"]], ids=["kept", "closed"])
async def test_a_reader_that_takes_nothing_is_cut_off(headers: list[str]) -> None:
    async with serving(APP, http=Impatient) as address:
        client = await address.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one that reads
        client.send(get("/big", address.port, *headers))
        state = address.server.server_state
        await until(lambda: state.total_requests == 1)
        await until(lambda: not state.connections)
        client.close()


class Patient(Impatient):
    taken_s_max = 0.5


async def test_a_slow_reader_that_goes_on_taking_gets_it_all() -> None:
    async with serving(APP, http=Patient) as address:
        client = await address.connect()
        client.send(get("/big", address.port))
        await client.head()
        for _ in range(8):
            await client.reader.readexactly(BIG // 8)
            await pause(Patient.taken_s_max / 5)
        client.close()


async def test_one_connection_too_many_is_closed_and_the_next_after_it_is_not() -> None:
    async with serving(APP, connections_max=2) as address:
        first, second = await address.connect(), await address.connect()
        for client in (first, second):
            client.send(get("/", address.port))
            await client.head()
        assert await address.exchange(get("/", address.port)) == b""
        first.close()
        await until(lambda: len(address.server.server_state.connections) == 1)
        third = await address.connect()
        third.send(get("/", address.port))
        assert (await third.head()).startswith(b"HTTP/1.1 200")
        for client in (second, third):
            client.close()


# --- the machine


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        with pytest.raises(SetupError, match=r"port \d+ of 127.0.0.1 cannot be used .* --port"):
            listen("127.0.0.1", port_of(taken))


def test_so_is_an_address_that_is_not_ours() -> None:
    with pytest.raises(SetupError, match="cannot be used"):
        listen("192.0.2.1", 0)
    with pytest.raises(SetupError, match="cannot be used"):
        listen("no such host", 0)


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("localhost", socket.AF_INET)])
def test_it_listens_at_once_on_any_free_port(host: str, family: socket.AddressFamily) -> None:
    with listen(host, 0) as listening:
        assert listening.family == family
        with socket.create_connection(("127.0.0.1", port_of(listening)), timeout=ANSWER_S_MAX):
            pass


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1_024, 4_096, 1_000 + FILES_BESIDE_SOCKETS),
        (1_024, -1, 1_000 + FILES_BESIDE_SOCKETS),
        (4_096, 4_096, 4_096),
        (-1, -1, -1),
    ],
)
def test_the_limit_of_open_files_is_raised_as_far_as_is_needed(soft: int, hard: int, expected: int) -> None:
    assert files_max(1_000, soft, hard) == expected


def test_a_limit_that_is_high_enough_stays() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_connections(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_a_machine_that_does_not_allow_that_many_is_told() -> None:
    with pytest.raises(
        SetupError, match="1000 connections need 1256 open files and this machine allows 1024"
    ):
        files_max(1_000, 256, 1_024)
