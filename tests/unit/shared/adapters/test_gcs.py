"""The blobs in Cloud Storage beyond their suite: deadlines, checksums, and every trouble as its sentence."""

import asyncio
import base64
import http.server
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from google_crc32c import value as crc32c

from shared.adapters.gcs import BODY_BYTES_MAX, GcsBlobs
from shared.errors import BlobsUnavailable, Broken
from shared.ports import Blobs
from tests.contract.adapters import CALL_MS_MAX
from tests.doubles.emulators import free_port, storage_bucket, storage_emulator
from tests.doubles.fault_proxy import Mode, proxying

KEY = "drafts/a/000001"
SHORT_MS = 300
SAID = "a message of the server's own that names what it should not"

CALLS: dict[str, Callable[[Blobs], Awaitable[object]]] = {
    "create": lambda blobs: blobs.create(KEY, b"sealed"),
    "read": lambda blobs: blobs.read(KEY),
    "list": lambda blobs: blobs.list("drafts/"),
    "delete": lambda blobs: blobs.delete(KEY),
    "check": lambda blobs: blobs.check(),
}


@contextmanager
def answering(status: int, body: bytes = SAID.encode(), **headers: str) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything alike: its URL, and the methods of what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def place() -> Iterator[str]:
    with storage_bucket() as place:
        yield place


@pytest.fixture
async def blobs(place: str) -> AsyncIterator[GcsBlobs]:
    url, _, bucket = place.rpartition("/")
    blobs = GcsBlobs.open("test", bucket, url, CALL_MS_MAX)
    yield blobs
    await blobs.close()


REFUSALS = {500: "did not answer", 503: "did not answer", 429: "did not answer"} | {
    401: "service account",
    403: "service account",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_said_once_and_in_our_own_words(
    status: int, call: Callable[[Blobs], Awaitable[object]]
) -> None:
    with answering(status) as (url, asked):
        blobs = GcsBlobs.open("test", "drafts", url, CALL_MS_MAX)
        with pytest.raises(BlobsUnavailable, match=REFUSALS[status]) as refused:
            await call(blobs)
        await blobs.close()
    assert SAID not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert len(asked) == 1, "the library tried again"


async def test_what_arrives_damaged_is_not_believed() -> None:
    right = base64.b64encode(crc32c(b"sealed").to_bytes(4, "big")).decode()
    with answering(200, b"seAled", X_Goog_Hash=f"crc32c={right}") as (url, _):
        blobs = GcsBlobs.open("test", "drafts", url, CALL_MS_MAX)
        with pytest.raises(BlobsUnavailable, match="damaged"):
            await blobs.read(KEY)
        await blobs.close()


async def test_an_upload_is_one_request_with_its_checksum_and_condition(place: str) -> None:
    requests = []
    bucket = place.rpartition("/")[2]

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n") + await reader.read(2_000))
        writer.close()

    async with await asyncio.start_server(keep, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        blobs = GcsBlobs.open("test", bucket, f"http://127.0.0.1:{port}", CALL_MS_MAX)
        with pytest.raises(BlobsUnavailable):
            await blobs.create(KEY, b"sealed")
        await blobs.close()
    [request] = requests
    assert b"uploadType=multipart" in request
    assert b"ifGenerationMatch=0" in request
    assert b"crc32c" in request


async def test_a_blob_too_large_for_one_upload_is_our_mistake(blobs: GcsBlobs) -> None:
    await blobs.create(KEY, bytes(BODY_BYTES_MAX))
    assert await blobs.read(KEY) == bytes(BODY_BYTES_MAX)
    with pytest.raises(Broken, match="more than one upload"):
        await blobs.create(f"{KEY}-larger", bytes(BODY_BYTES_MAX + 1))


async def test_a_bucket_that_is_not_there_is_said() -> None:
    blobs = GcsBlobs.open("test", "nobody-made-it", storage_emulator().url, CALL_MS_MAX)
    for call in (CALLS["create"], CALLS["list"], CALLS["check"]):
        with pytest.raises(BlobsUnavailable, match="does not exist"):
            await call(blobs)
    await blobs.close()


async def test_an_upload_whose_reply_was_lost_is_fine_the_second_time(place: str) -> None:
    url, _, bucket = place.rpartition("/")
    async with proxying(url.removeprefix("http://")) as proxy:
        blobs = GcsBlobs.open("test", bucket, f"http://{proxy.address}", SHORT_MS)
        proxy.mode = Mode.LOSE_REPLIES
        with pytest.raises(BlobsUnavailable, match="did not answer"):
            await blobs.create(KEY, b"sealed")
        proxy.mode = Mode.PASS
        await blobs.create(KEY, b"sealed")
        assert await blobs.read(KEY) == b"sealed"
        await blobs.close()


async def test_a_silent_server_is_given_up_in_time(place: str) -> None:
    url, _, bucket = place.rpartition("/")
    async with proxying(url.removeprefix("http://")) as proxy:
        blobs = GcsBlobs.open("test", bucket, f"http://{proxy.address}", SHORT_MS)
        proxy.mode = Mode.BLACK_HOLE
        loop = asyncio.get_running_loop()
        for call in CALLS.values():
            asked_at = loop.time()
            with pytest.raises(BlobsUnavailable):
                await call(blobs)
            assert loop.time() - asked_at < 10 * SHORT_MS / 1_000
        await blobs.close()


async def test_nobody_there_is_said() -> None:
    blobs = GcsBlobs.open("test", "drafts", f"http://127.0.0.1:{free_port()}")
    for call in CALLS.values():
        with pytest.raises(BlobsUnavailable, match="did not answer"):
            await call(blobs)
    await blobs.close()


async def test_closed_storage_says_so(blobs: GcsBlobs) -> None:
    await blobs.close()
    for call in CALLS.values():
        with pytest.raises(BlobsUnavailable, match="closed"):
            await call(blobs)
