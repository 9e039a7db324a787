"""Streams of a backlog that are through: each is closed, whatever happens meanwhile, and none of it is a failure."""

import asyncio

from services.ingest.catch_up import CELL
from services.ingest.engines.base import Final as FinalWords
from services.ingest.engines.base import Hypothesis, Through
from services.ingest.engines.parallel import Parallel
from services.ingest.engines.reconnecting import Reconnecting
from services.ingest.engines.scripted import ScriptedEngine
from shared.domain.values import samples
from shared.tasks import stop
from tests.doubles.clock import ManualClock
from tests.unit.services.ingest.connections import pcm
from tests.unit.services.ingest.engines.puppets import (
    CONFIG,
    LATE,
    Puppets,
    PuppetStream,
    always,
    everybody_is_heard,
    feed,
    opened,
    words,
)


async def test_a_pause_is_a_whole_cell_however_the_audio_was_cut() -> None:
    asked: list[bytes] = []

    def is_pause(cell: bytes) -> bool:
        asked.append(cell)
        return True

    engine = Puppets()
    stream = await opened(engine, is_pause)
    await feed(stream, 0, LATE + 4 * CELL, piece=samples(0.1))
    await feed(stream, LATE + 4 * CELL, LATE + 8 * CELL, piece=samples(1))
    await stream.close()
    assert {len(cell) for cell in asked} == {CELL * 2}
    assert [each.start % CELL for each in engine.streams] == [0] * len(engine.streams)


class Slow(PuppetStream):
    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.may_close = asyncio.Event()

    async def close(self) -> None:
        await self.may_close.wait()
        await super().close()


async def test_a_retirement_that_is_cancelled_still_closes_its_stream() -> None:
    engine = Puppets(kind=Slow)
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)

    async def listen() -> list[Hypothesis]:
        return [each async for each in stream.heard()]

    listening = asyncio.create_task(listen())
    engine.streams[0].say(Through(LATE))
    await everybody_is_heard()
    await stop(listening)
    for each in engine.streams:
        assert isinstance(each, Slow)
        each.may_close.set()
    await stream.close()
    assert [each.closed for each in engine.streams] == [True, True]


class Ending(PuppetStream):
    """Ends what it says before its close has ended, as a vendor's does."""

    async def close(self) -> None:
        self.say(None)
        await everybody_is_heard()
        await super().close()


async def test_a_close_that_ends_what_a_stream_says_is_no_failure() -> None:
    engine = Puppets(kind=Ending)
    stream = await opened(engine)
    await feed(stream, 0, 2 * LATE + CELL)
    first, second, third = engine.streams
    second.say(words(LATE, LATE + 5), Through(2 * LATE))
    await everybody_is_heard()
    first.say(Through(LATE))
    await everybody_is_heard()
    heard = stream.heard()
    third.say(words(2 * LATE, 2 * LATE + 5))
    async with asyncio.timeout(5):
        told = [await anext(heard) for _ in range(4)]
        third.say(words(2 * LATE + 5, 2 * LATE + 9))
        told.append(await anext(heard))
    await stream.close()
    assert told[-1] == words(2 * LATE + 5, 2 * LATE + 9)


async def test_streams_that_are_through_together_are_no_failure() -> None:
    clock = ManualClock()
    engine = Parallel(Reconnecting(ScriptedEngine(clock), clock, lambda: 0.0), always)
    stream = await engine.open(CONFIG, 0)
    until = 4 * LATE
    for at in range(0, until, CELL):
        await stream.feed(at, pcm(at, at + CELL))
    await stream.flush(until)
    said: list[FinalWords] = []
    async with asyncio.timeout(10):
        async for each in stream.heard():
            if isinstance(each, FinalWords):
                said.append(each)
            if each == Through(until):
                break
    await stream.close()
    assert [each.span.start for each in said] == list(range(0, until, CELL))
