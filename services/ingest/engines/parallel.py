"""Stage 6 of 13, around an engine: several of its streams hear a backlog at once, and speak as one, in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from services.ingest.catch_up import CELL, Lanes, cell_end, is_pause
from services.ingest.engines.base import Capabilities, Engine, EngineStream, Hint, Hypothesis
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE
from shared.errors import EngineUnavailable
from shared.tasks import stop


class Parallel:
    def __init__(self, engine: Engine, is_pause: Callable[[bytes], bool] = is_pause) -> None:
        self._engine = engine
        self._is_pause = is_pause

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    async def open(self, config: SessionConfig, start: int) -> "ParallelStream":
        first = await self._engine.open(config, start)
        return ParallelStream(self._engine, config, start, first, self._is_pause)

    async def check(self) -> None:
        await self._engine.check()

    async def close(self) -> None:
        await self._engine.close()


class ParallelStream:
    def __init__(
        self,
        engine: Engine,
        config: SessionConfig,
        start: int,
        first: EngineStream,
        is_pause: Callable[[bytes], bool],
    ) -> None:
        self._engine = engine
        self._config = config
        self._is_pause = is_pause
        self._lanes_max = engine.capabilities.streams_max
        self._lanes = Lanes(start)
        self._position = start
        self._said: deque[Hypothesis] = deque()
        self._failure: BaseException | None = None
        self._closed = False
        self._news = asyncio.Event()
        self._streams: dict[int, EngineStream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._add(first)

    async def feed(self, start: int, pcm: bytes) -> None:
        at = 0
        while True:
            position = start + at // BYTES_PER_SAMPLE
            until = at + (cell_end(position) - position) * BYTES_PER_SAMPLE
            is_due = self._lanes.is_due(position, self._lanes_max)
            piece = pcm[at:until] if is_due else pcm[at:]
            if is_due and self._closes_a_cell(position, piece) and self._is_pause(piece):
                await self._split(position)
            await self._last.feed(position, piece)
            at += len(piece)
            self._position = start + at // BYTES_PER_SAMPLE
            if at >= len(pcm):
                return

    def _closes_a_cell(self, position: int, piece: bytes) -> bool:
        return (
            position % CELL == 0
            and position == self._position
            and len(piece) == (cell_end(position) - position) * BYTES_PER_SAMPLE
        )

    async def _split(self, at: int) -> None:
        """The audio before `at` stays where it is, and is finalised there; what follows goes to a stream of its own."""
        stream = await self._engine.open(self._config, at)
        last = self._last
        self._lanes.split(at)
        self._add(stream)
        await last.flush(at)

    def _add(self, stream: EngineStream) -> None:
        lane = self._lanes.last
        self._streams[lane] = stream
        self._tasks[lane] = listening = asyncio.create_task(self._listen(lane, stream))
        listening.add_done_callback(self._listened)

    async def flush(self, at: int) -> None:
        await self._last.flush(at)
        self._position = at

    @property
    def _last(self) -> EngineStream:
        if self._closed:
            raise EngineUnavailable("this stream is closed")
        return self._streams[self._lanes.last]

    async def _listen(self, lane: int, stream: EngineStream) -> None:
        async for hypothesis in stream.heard():
            self._say(self._lanes.hear(lane, hypothesis))
            if lane < self._lanes.first:
                return
        raise EngineUnavailable("the speech engine ended a stream that was not finished")

    def _listened(self, listening: "asyncio.Task[None]") -> None:
        """Whoever waits for words must not wait for ever, whatever ended a stream."""
        error = None if listening.cancelled() else listening.exception()
        if error is not None:
            self._failure = self._failure or error
            self._news.set()

    def _say(self, given: list[Hypothesis]) -> None:
        """Bounded by the credit window: finals are no more than the audio fed, and a hint replaces the one before."""
        if given and self._said and isinstance(self._said[-1], Hint):
            self._said.pop()
        self._said.extend(given)
        self._news.set()

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while not self._closed:
            await self._retire()
            if self._said:
                yield self._said.popleft()
            elif self._failure is not None:
                raise self._failure
            else:
                self._news.clear()
                await self._news.wait()

    async def _retire(self) -> None:
        """Close the streams that are through."""
        for lane in [lane for lane in self._streams if lane < self._lanes.first]:
            await stop(self._tasks[lane])
            await self._streams[lane].close()
            del self._streams[lane], self._tasks[lane]

    async def close(self) -> None:
        self._closed = True
        self._said.clear()
        self._news.set()
        for stream in [*self._streams.values()]:
            await stream.close()
        await stop(*self._tasks.values())
