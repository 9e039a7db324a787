"""A backlog on several streams: where it is split, who is fed what, and in which order it is told."""

import asyncio

from services.ingest.catch_up import BACKLOG, CELL
from services.ingest.engines.base import EngineStream, Hint, Hypothesis, Through
from services.ingest.engines.base import Final as FinalWords
from services.ingest.engines.parallel import Parallel
from services.ingest.engines.scripted import ScriptedEngine
from shared.domain.values import Span
from tests.doubles.clock import ManualClock
from tests.unit.services.ingest.connections import pcm
from tests.unit.services.ingest.engines.puppets import (
    CONFIG,
    LATE,
    Puppets,
    everybody_is_heard,
    feed,
    never,
    opened,
    told,
    words,
)

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
