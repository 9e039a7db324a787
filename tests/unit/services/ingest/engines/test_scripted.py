"""The scripted engine says which audio it was given, and fails as it is told to."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from services.ingest.engines.scripted import AHEAD_MAX, CELL, CELLS_PER_UTTERANCE, Faults, ScriptedEngine
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, Span, samples
from shared.errors import EngineUnavailable
from tests.doubles.clock import ManualClock

CONFIG = SessionConfig()


def audio(count: int, first: int = 0) -> bytes:
    return b"".join(((first + n) % 30_000).to_bytes(2, "little") for n in range(count))


def word(cell: int, pcm: bytes) -> str:
    return f"{cell}:{hashlib.sha256(pcm).hexdigest()[:8]}"


async def taken(heard: AsyncIterator[Hypothesis], count: int) -> list[Hypothesis]:
    return [await anext(heard) for _ in range(count)]


async def test_every_cell_is_said_with_its_number_and_hash() -> None:
    stream = await ScriptedEngine(ManualClock()).open(CONFIG, 2 * CELL)
    pcm = audio(2 * CELL)
    await stream.feed(2 * CELL, pcm)
    said = await taken(stream.heard(), 4)
    cells = [pcm[: CELL * BYTES_PER_SAMPLE], pcm[CELL * BYTES_PER_SAMPLE :]]
    assert [each.text for each in said if isinstance(each, Final)] == [word(2, cells[0]), word(3, cells[1])]
    assert [each.until for each in said if isinstance(each, Through)] == [3 * CELL, 4 * CELL]


async def test_a_part_of_a_cell_is_hinted_at_and_said_at_a_flush() -> None:
    stream = await ScriptedEngine(ManualClock()).open(CONFIG, 0)
    heard = stream.heard()
    await stream.feed(0, audio(100))
    assert await taken(heard, 1) == [Hint(Span(0, 100), word(0, audio(100)))]
    await stream.flush(100)
    final, through = await taken(heard, 2)
    assert isinstance(final, Final)
    assert (final.text, final.span, final.utterance_end) == (word(0, audio(100)), Span(0, 100), True)
    assert through == Through(100)


async def test_an_utterance_ends_at_every_tenth_second_of_the_take() -> None:
    start = (CELLS_PER_UTTERANCE - 2) * CELL
    stream = await ScriptedEngine(ManualClock()).open(CONFIG, start)
    await stream.feed(start, audio(3 * CELL))
    said = await taken(stream.heard(), 6)
    assert [each.utterance_end for each in said if isinstance(each, Final)] == [False, True, False]


async def test_an_answer_that_is_late_comes_when_its_time_has_come() -> None:
    clock = ManualClock()
    stream = await ScriptedEngine(clock, Faults(delay_ms=500)).open(CONFIG, 0)
    await stream.feed(0, audio(CELL))
    first = asyncio.ensure_future(anext(stream.heard()))
    clock.advance(499)
    await asyncio.wait([first], timeout=0.01)
    assert not first.done()
    clock.advance(1)
    assert isinstance(await first, Final)


async def test_a_slow_engine_falls_behind_and_makes_its_feeder_wait() -> None:
    clock = ManualClock()
    stream = await ScriptedEngine(clock, Faults(slow=2)).open(CONFIG, 0)
    await stream.feed(0, audio(AHEAD_MAX + CELL))
    more = asyncio.ensure_future(stream.feed(AHEAD_MAX + CELL, audio(CELL)))
    await asyncio.wait([more], timeout=0.01)
    assert not more.done()
    hearing = asyncio.ensure_future(taken(stream.heard(), 6))
    await asyncio.sleep(0)
    clock.advance(2 * 60_250)
    await hearing
    await more


async def test_a_mute_engine_answers_for_everything_once_it_speaks_again() -> None:
    clock = ManualClock()
    engine = ScriptedEngine(clock, Faults(mute_at=CELL, mute_ms=3_000))
    stream = await engine.open(CONFIG, 0)
    heard = stream.heard()
    await stream.feed(0, audio(CELL))
    assert len(await taken(heard, 2)) == 2
    await stream.feed(CELL, audio(CELL))
    hearing = asyncio.ensure_future(taken(heard, 2))
    await asyncio.sleep(0)
    clock.advance(2_999)
    await asyncio.wait([hearing], timeout=0.01)
    assert not hearing.done()
    clock.advance(1)
    assert len(await hearing) == 2


async def test_a_stream_dies_where_it_is_told_and_the_next_one_lives() -> None:
    engine = ScriptedEngine(ManualClock(), Faults(dies_at=(CELL + 5,)))
    stream = await engine.open(CONFIG, 0)
    await stream.feed(0, audio(CELL))
    with pytest.raises(EngineUnavailable):
        await stream.feed(CELL, audio(CELL))
    with pytest.raises(EngineUnavailable):
        await anext(stream.heard())
    with pytest.raises(EngineUnavailable):
        await stream.flush(2 * CELL)
    await stream.close()
    again = await engine.open(CONFIG, 0)
    await again.feed(0, audio(2 * CELL))
    assert len(await taken(again.heard(), 4)) == 4


async def test_a_deaf_engine_hears_speech_without_words() -> None:
    stream = await ScriptedEngine(ManualClock(), Faults(deaf=Span(CELL + 1, CELL + 2))).open(CONFIG, 0)
    await stream.feed(0, audio(3 * CELL))
    said = await taken(stream.heard(), 6)
    assert [each.span for each in said if isinstance(each, Wordless)] == [Span(CELL, 2 * CELL)]
    assert len([each for each in said if isinstance(each, Final)]) == 2


async def test_streams_are_refused_as_often_as_told() -> None:
    engine = ScriptedEngine(ManualClock(), Faults(refuses=2))
    for _ in range(2):
        with pytest.raises(EngineUnavailable):
            await engine.open(CONFIG, 0)
    await engine.open(CONFIG, 0)


async def test_an_unheard_hint_gives_way_to_the_next() -> None:
    stream = await ScriptedEngine(ManualClock()).open(CONFIG, 0)
    for at in range(5):
        await stream.feed(at, audio(1, at))
    assert await taken(stream.heard(), 1) == [Hint(Span(0, 5), word(0, audio(5)))]


def test_what_it_promises_follows_from_its_cells() -> None:
    can = ScriptedEngine(ManualClock(), Faults(delay_ms=40)).capabilities
    assert can.word_times
    assert (can.utterance_ms_max, can.settles_in_ms) == (250, 290)
    assert samples(can.utterance_ms_max / 1_000) == CELL
