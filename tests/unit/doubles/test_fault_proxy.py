"""The proxy does each thing it is told: what it claims to have survived must have happened."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.doubles.fault_proxy import FaultProxy, Mode, proxying

WITHIN_S = 5


class Echo:
    """Answers what it heard, and keeps it."""

    def __init__(self) -> None:
        self.heard = b""
        self.more = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                self.heard += data
                self.more.set()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with server:
        async with proxying(f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as made:
            yield made


@pytest.fixture
async def line(proxy: FaultProxy) -> AsyncIterator["Line"]:
    made = await Line.to(proxy)
    yield made
    made.writer.transport.abort()


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, proxy: FaultProxy) -> "Line":
        host, _, port = proxy.address.partition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def said(self, words: bytes) -> None:
        self.writer.write(words)

    async def answer(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read(100)

    async def ended(self) -> bool:
        try:
            return await self.answer() == b""
        except ConnectionError:
            return True


async def arrived(echo: Echo, words: bytes) -> None:
    async with asyncio.timeout(WITHIN_S):
        while echo.heard != words:
            echo.more.clear()
            await echo.more.wait()


async def test_it_passes_both_ways(line: Line, proxy: FaultProxy) -> None:
    for words in (b"one", b"two"):
        await line.said(words)
        assert await line.answer() == words
    assert not proxy.did


async def test_a_reset_ends_what_is_there_and_not_what_comes(line: Line, proxy: FaultProxy) -> None:
    await line.said(b"one")
    await line.answer()
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await line.answer()
    again = await Line.to(proxy)
    await again.said(b"two")
    assert await again.answer() == b"two"
    again.writer.transport.abort()


async def test_lost_replies_are_heard_and_not_answered(line: Line, proxy: FaultProxy, echo: Echo) -> None:
    proxy.mode = Mode.LOSE_REPLIES
    await line.said(b"one")
    await arrived(echo, b"one")
    async with asyncio.timeout(WITHIN_S):
        await proxy.until("lost reply")
    proxy.mode = Mode.PASS
    assert await line.ended()


async def test_what_is_held_comes_later(line: Line, proxy: FaultProxy, echo: Echo) -> None:
    proxy.mode = Mode.HOLD
    await line.said(b"one")
    async with asyncio.timeout(WITHIN_S):
        await proxy.until("held")
    assert echo.heard == b""
    proxy.mode = Mode.PASS
    assert await line.answer() == b"one"


async def test_a_black_hole_swallows_and_then_ends(line: Line, proxy: FaultProxy, echo: Echo) -> None:
    proxy.mode = Mode.BLACK_HOLE
    await line.said(b"one")
    async with asyncio.timeout(WITHIN_S):
        await proxy.until("lost request")
    proxy.mode = Mode.PASS
    assert await line.ended()
    assert echo.heard == b""


async def test_refusing_ends_what_comes_and_not_what_is_there(line: Line, proxy: FaultProxy) -> None:
    await line.said(b"one")
    await line.answer()
    proxy.mode = Mode.REFUSE
    refused = await Line.to(proxy)
    assert await refused.ended()
    refused.writer.transport.abort()
    await line.said(b"two")
    assert await line.answer() == b"two"


async def test_nobody_there_is_a_reset() -> None:
    async with proxying("127.0.0.1:9") as proxy:
        line = await Line.to(proxy)
        assert await line.ended()
        line.writer.transport.abort()
