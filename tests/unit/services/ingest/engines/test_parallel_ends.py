"""A backlog on several streams: how it ends, by a death or a close, and what is left of it then."""

import asyncio

import pytest

from services.ingest.catch_up import CELL
from services.ingest.engines.base import Hypothesis
from services.ingest.engines.parallel import Parallel
from shared.errors import EngineUnavailable
from tests.unit.services.ingest.connections import pcm
from tests.unit.services.ingest.engines.puppets import (
    LATE,
    Puppets,
    everybody_is_heard,
    feed,
    opened,
    told,
    words,
)


@pytest.mark.parametrize("dying", [0, 1])
async def test_the_death_of_any_stream_is_told_after_what_was_said_before(dying: int) -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    engine.streams[0].say(words(0, 10))
    await everybody_is_heard()
    engine.streams[dying].say(EngineUnavailable("it died"))
    await everybody_is_heard()
    engine.streams[1 - dying].say(EngineUnavailable("it died too"))
    await everybody_is_heard()
    heard = stream.heard()
    assert await anext(heard) == words(0, 10)
    with pytest.raises(EngineUnavailable, match="^it died$"):
        await anext(heard)
    await stream.close()


async def test_who_listens_is_told_of_a_death_that_comes_later() -> None:
    engine = Puppets()
    stream = await opened(engine)
    listening = asyncio.create_task(told(stream, 1))
    await everybody_is_heard()
    engine.streams[0].say(EngineUnavailable("it died"))
    with pytest.raises(EngineUnavailable, match="it died"):
        await listening
    await stream.close()


async def test_a_close_closes_every_stream_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, 2 * LATE + CELL)
    await everybody_is_heard()
    await stream.close()
    await stream.close()
    assert [each.closed for each in engine.streams] == [True, True, True]
    assert asyncio.all_tasks() == before


async def test_a_closed_stream_takes_nothing_and_says_nothing_more() -> None:
    engine = Puppets()
    stream = await opened(engine)
    engine.streams[0].say(words(0, 10), words(10, 20))
    heard = stream.heard()
    assert await anext(heard) == words(0, 10)
    await everybody_is_heard()
    await stream.close()
    assert [each async for each in heard] == []
    with pytest.raises(EngineUnavailable, match="closed"):
        await stream.feed(0, pcm(0, 10))
    with pytest.raises(EngineUnavailable, match="closed"):
        await stream.flush(0)


async def test_a_close_ends_who_listens() -> None:
    stream = await opened(Puppets())

    async def listen() -> list[Hypothesis]:
        return [each async for each in stream.heard()]

    listening = asyncio.create_task(listen())
    await everybody_is_heard()
    await stream.close()
    async with asyncio.timeout(5):
        assert await listening == []


async def test_an_engine_that_is_wrapped_is_asked_for_everything_else() -> None:
    engine = Puppets()
    parallel = Parallel(engine)
    assert parallel.capabilities is engine.capabilities
    await parallel.check()
    assert (engine.checked, engine.closed) == (True, False)
    await parallel.close()
    assert engine.closed


async def test_a_mistake_in_any_stream_is_told_like_a_death() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    engine.streams[1].say(AssertionError("a sum was wrong"))
    with pytest.raises(AssertionError, match="a sum was wrong"):
        await told(stream, 1)
    await stream.close()


async def test_a_stream_that_stops_talking_before_it_is_through_is_dead() -> None:
    engine = Puppets()
    stream = await opened(engine)
    engine.streams[0].say(None)
    with pytest.raises(EngineUnavailable, match="not finished"):
        await told(stream, 1)
    await stream.close()
