"""A backlog on several streams: where it is split, who is fed what, in which order it is told, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import pytest

from services.ingest.catch_up import BACKLOG, CELL
from services.ingest.engines.base import Capabilities, EngineStream, Hint, Hypothesis, Through
from services.ingest.engines.base import Final as FinalWords
from services.ingest.engines.parallel import Parallel, ParallelStream
from services.ingest.engines.scripted import ScriptedEngine
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, Span
from shared.errors import EngineUnavailable
from tests.doubles.clock import ManualClock
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
        self._saying: asyncio.Queue[Hypothesis | EngineUnavailable] = asyncio.Queue(1_000)

    def say(self, *said: Hypothesis | EngineUnavailable) -> None:
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
            if isinstance(said, EngineUnavailable):
                raise said
            yield said

    async def close(self) -> None:
        self.closed = True


class Puppets:
    def __init__(self, streams_max: int = 3) -> None:
        self.capabilities = Capabilities("puppets", True, 0, 0, streams_max)
        self.streams: list[PuppetStream] = []
        self.configs: list[SessionConfig] = []
        self.checked = self.closed = False

    async def open(self, config: SessionConfig, start: int) -> PuppetStream:
        self.configs.append(config)
        self.streams.append(PuppetStream(start))
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


async def feed(stream: ParallelStream, start: int, until: int, piece: int = CELL) -> None:
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


# --- where it is split


async def test_who_keeps_up_is_heard_by_one_stream() -> None:
    engine = Puppets()
    stream = await opened(engine)
    for at in range(0, 2 * BACKLOG, 2 * CELL):
        await feed(stream, at, at + 2 * CELL, piece=2 * CELL)
        engine.streams[0].say(Through(at + 2 * CELL))
        await everybody_is_heard()
    (only,) = engine.streams
    assert only.flushes == []
    assert only.pieces == BACKLOG // CELL, "as they came"
    await stream.close()


async def test_a_backlog_goes_on_at_its_first_pause_to_a_stream_of_its_own() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + 3 * CELL)
    first, second = engine.streams
    assert (first.start, first.position, first.flushes) == (0, LATE, [LATE])
    assert (second.start, second.position, second.flushes) == (LATE, LATE + 3 * CELL, [])
    assert bytes(first.heard_pcm + second.heard_pcm) == pcm(0, LATE + 3 * CELL)
    assert engine.configs == [CONFIG, CONFIG]
    await stream.close()


async def test_what_an_earlier_connection_covered_is_no_backlog() -> None:
    start = 10 * LATE
    engine = Puppets()
    stream = await opened(engine, start=start)
    await feed(stream, start, start + LATE)
    assert [each.start for each in engine.streams] == [start]
    await feed(stream, start + LATE, start + LATE + CELL)
    assert [each.start for each in engine.streams] == [start, start + LATE]
    await stream.close()


async def test_a_piece_of_many_cells_is_split_where_its_pause_is() -> None:
    pause_at = LATE + 2 * CELL
    engine = Puppets()
    stream = await opened(engine, lambda cell: cell == pcm(pause_at, pause_at + CELL))
    await feed(stream, 0, LATE)
    await feed(stream, LATE, LATE + 5 * CELL + 7, piece=8 * CELL)
    first, second = engine.streams
    assert (first.flushes, second.start) == ([pause_at], pause_at)
    assert bytes(first.heard_pcm + second.heard_pcm) == pcm(0, LATE + 5 * CELL + 7)
    await stream.close()


async def test_no_word_is_cut_where_nobody_pauses() -> None:
    engine = Puppets()
    stream = await opened(engine, never)
    await feed(stream, 0, 2 * BACKLOG, piece=3 * CELL + 1)
    assert [each.flushes for each in engine.streams] == [[]]
    assert bytes(engine.streams[0].heard_pcm) == pcm(0, 2 * BACKLOG)
    await stream.close()


async def test_silence_is_a_pause_and_speech_is_none_unless_told_otherwise() -> None:
    for sample, streams in ((b"\x00\x00", 2), (b"\x00\x10", 1)):
        engine = Puppets()
        stream = await Parallel(engine).open(CONFIG, 0)
        for at in range(0, LATE + CELL, CELL):
            await stream.feed(at, sample * CELL)
        assert len(engine.streams) == streams
        await stream.close()


async def test_part_of_a_cell_is_not_enough_to_tell_a_pause() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE)
    await feed(stream, LATE, LATE + CELL - 1, piece=CELL)
    assert len(engine.streams) == 1
    await stream.close()


async def test_the_end_of_a_hole_is_no_place_to_split() -> None:
    """The stream before it was flushed where the hole begins; a second flush at its end would settle the hole."""
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE)
    await stream.flush(LATE)
    await feed(stream, LATE + 4 * CELL, LATE + 5 * CELL)
    assert [each.flushes for each in engine.streams] == [[LATE]]
    await feed(stream, LATE + 5 * CELL, LATE + 6 * CELL)
    assert [each.flushes for each in engine.streams] == [[LATE, LATE + 5 * CELL], []]
    await stream.close()


async def test_a_flush_is_for_the_stream_that_hears_what_is_fed_now() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    await stream.flush(LATE + CELL)
    assert [each.flushes for each in engine.streams] == [[LATE], [LATE + CELL]]
    await feed(stream, LATE + CELL, 2 * LATE)
    await feed(stream, 2 * LATE, 2 * LATE + CELL)
    assert [each.start for each in engine.streams] == [0, LATE, 2 * LATE]
    await stream.close()


async def test_no_more_streams_are_open_at_once_than_the_engine_allows() -> None:
    engine = Puppets(streams_max=2)
    stream = await opened(engine)
    await feed(stream, 0, 4 * LATE)
    assert len(engine.streams) == 2
    engine.streams[0].say(Through(LATE))
    await told(stream, 1)
    await everybody_is_heard()
    await feed(stream, 4 * LATE, 5 * LATE)
    assert len(engine.streams) == 3
    await stream.close()


# --- what is told


async def test_words_of_later_audio_wait_until_everything_before_them_is_settled() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    first, second = engine.streams
    later = words(LATE, LATE + 9)
    second.say(later)
    await everybody_is_heard()
    first.say(words(0, 10), Through(LATE))
    assert await told(stream, 3) == [words(0, 10), Through(LATE), later]
    second.say(Through(LATE + CELL))
    assert await told(stream, 1) == [Through(LATE + CELL)]
    await stream.close()


async def test_hints_are_of_the_newest_stream_and_an_untold_one_gives_way() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    first, second = engine.streams
    first.say(Hint(Span(0, 10), "long ago"))
    second.say(Hint(Span(LATE, LATE + 1), "n"), Hint(Span(LATE, LATE + 2), "now"))
    await everybody_is_heard()
    assert await told(stream, 1) == [Hint(Span(LATE, LATE + 2), "now")]
    second.say(Hint(Span(LATE, LATE + 3), "now and"))
    await everybody_is_heard()
    first.say(words(0, 10))
    await everybody_is_heard()
    assert await told(stream, 1) == [words(0, 10)]
    await stream.close()


async def test_words_that_are_held_do_not_take_the_hint_off_the_screen() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    engine.streams[1].say(Hint(Span(LATE, LATE + 2), "now"), words(LATE, LATE + 2))
    await everybody_is_heard()
    assert await told(stream, 1) == [Hint(Span(LATE, LATE + 2), "now")]
    await stream.close()


async def test_what_a_retired_stream_still_says_is_discarded() -> None:
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, LATE + CELL)
    first, second = engine.streams
    first.say(Through(LATE), words(LATE, LATE + 1))
    await everybody_is_heard()
    second.say(words(LATE, LATE + 2))
    await everybody_is_heard()
    assert await told(stream, 2) == [Through(LATE), words(LATE, LATE + 2)]
    await stream.close()


async def test_a_stream_that_is_through_is_closed_and_the_others_are_not() -> None:
    before = asyncio.all_tasks()
    engine = Puppets()
    stream = await opened(engine)
    await feed(stream, 0, 2 * LATE + CELL)
    first, second, third = engine.streams
    listening = asyncio.create_task(told(stream, 2))
    second.say(Through(2 * LATE))
    await everybody_is_heard()
    assert not second.closed, "it is heard, and not yet told"
    first.say(Through(LATE))
    assert await listening == [Through(LATE), Through(2 * LATE)]
    await everybody_is_heard()
    assert [each.closed for each in (first, second, third)] == [True, True, False]
    assert len(asyncio.all_tasks() - before) == 1, "only the third is listened to"
    await stream.close()


async def test_a_backlog_on_four_streams_is_told_as_one_stream_would() -> None:
    until = 5 * LATE
    splits: list[bytes] = []

    def is_pause(cell: bytes) -> bool:
        splits.append(cell)
        return True

    alone = await _all_said(await ScriptedEngine(ManualClock()).open(CONFIG, 0), until)
    parallel = Parallel(ScriptedEngine(ManualClock()), is_pause)
    together = await _all_said(await parallel.open(CONFIG, 0), until)
    assert len(splits) == 3
    assert [each for each in together if isinstance(each, FinalWords)] == [
        each for each in alone if isinstance(each, FinalWords)
    ]


async def _all_said(stream: EngineStream, until: int) -> list[Hypothesis]:
    async def play() -> None:
        await feed(stream, 0, until)
        await stream.flush(until)

    playing = asyncio.create_task(play())
    said: list[Hypothesis] = []
    async for each in stream.heard():
        said.append(each)
        if each == Through(until) and playing.done():
            break
    await playing
    await stream.close()
    return said


# --- how it ends


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
