"""An engine whose streams say what a test tells them to, and what the tests of a backlog on several of them share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from services.ingest.catch_up import BACKLOG, CELL
from services.ingest.engines.base import Capabilities, EngineStream, Hypothesis
from services.ingest.engines.base import Final as FinalWords
from services.ingest.engines.parallel import Parallel, ParallelStream
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, Span
from tests.unit.services.ingest.connections import pcm

CONFIG: Final = SessionConfig(language="de")
LATE: Final = BACKLOG + CELL
"""The first cell that is one too many for a single stream."""


class PuppetStream:
    """Notes what it is given, and says what it is told to."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.position = start
        self.heard_pcm = bytearray()
        self.pieces = 0
        self.flushes: list[int] = []
        self.closed = False
        self._saying: asyncio.Queue[Hypothesis | Exception | None] = asyncio.Queue(1_000)

    def say(self, *said: Hypothesis | Exception | None) -> None:
        """An exception is raised; None ends it without one."""
        for each in said:
            self._saying.put_nowait(each)

    async def feed(self, start: int, pcm: bytes) -> None:
        assert not self.closed
        assert start == self.position or (self.flushes and start > self.position)
        self.position = start + len(pcm) // BYTES_PER_SAMPLE
        self.heard_pcm += pcm
        self.pieces += 1

    async def flush(self, at: int) -> None:
        assert at >= self.position
        self.position = at
        self.flushes.append(at)

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while True:
            said = await self._saying.get()
            if isinstance(said, Exception):
                raise said
            if said is None:
                return
            yield said

    async def close(self) -> None:
        self.closed = True


class Puppets:
    def __init__(self, streams_max: int = 3, kind: type[PuppetStream] = PuppetStream) -> None:
        self._kind = kind
        self.capabilities = Capabilities("puppets", True, 0, 0, streams_max)
        self.streams: list[PuppetStream] = []
        self.configs: list[SessionConfig] = []
        self.checked = self.closed = False

    async def open(self, config: SessionConfig, start: int) -> PuppetStream:
        self.configs.append(config)
        self.streams.append(self._kind(start))
        return self.streams[-1]

    async def check(self) -> None:
        self.checked = True

    async def close(self) -> None:
        self.closed = True


def always(_: bytes) -> bool:
    return True


def never(_: bytes) -> bool:
    return False


async def opened(
    engine: Puppets, is_pause: Callable[[bytes], bool] = always, start: int = 0
) -> ParallelStream:
    return await Parallel(engine, is_pause).open(CONFIG, start)


async def feed(stream: EngineStream, start: int, until: int, piece: int = CELL) -> None:
    for at in range(start, until, piece):
        await stream.feed(at, pcm(at, min(until, at + piece)))


async def everybody_is_heard() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def told(stream: ParallelStream, count: int) -> list[Hypothesis]:
    heard = stream.heard()
    async with asyncio.timeout(5):
        return [await anext(heard) for _ in range(count)]


def words(start: int, until: int) -> FinalWords:
    return FinalWords(Span(start, until), f"{start} to {until}")
