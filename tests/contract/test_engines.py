"""What every engine keeps (`services/ingest/engines/base.py`), with real speech."""

import asyncio
import os
import random
import threading
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from services.ingest.connection import WINDOW_LIVE
from services.ingest.engines.base import Engine, Final, Health, Hint, Through, Wordless
from shared.domain.session import SessionConfig
from shared.domain.values import SAMPLES_PER_SECOND, samples
from shared.errors import EngineUnavailable
from shared.tasks import stop
from tests.contract.engines import CHUNK, ENGINES, UNTIL, feed, finals, part, play, throughs


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def engine(name: str) -> AsyncIterator[Engine]:
    made = ENGINES[name]()
    await made.check()
    yield made
    await made.close()


async def test_finals_are_in_order_apart_and_inside_the_audio_fed(engine: Engine) -> None:
    start = samples(0.3) + 1
    said = await play(engine, [part(start, UNTIL)])
    spans = [each.span for each in finals(said)]
    assert spans
    assert start <= spans[0].start
    assert spans[-1].until <= UNTIL
    assert all(one.until <= next_one.start for one, next_one in pairwise(spans))
    assert all(span.length * 1_000 <= _longest(engine) * SAMPLES_PER_SECOND for span in spans)


def _longest(engine: Engine) -> int:
    return engine.capabilities.utterance_ms_max


async def test_credit_outlasts_the_longest_utterance(engine: Engine) -> None:
    """Else engine and recorder would each wait for the other's next word."""
    can = engine.capabilities
    assert samples((can.utterance_ms_max + can.settles_in_ms) / 1_000) < WINDOW_LIVE


async def test_words_lie_in_their_final_and_are_there_if_promised(engine: Engine) -> None:
    for final in finals(await play(engine, [part(0, UNTIL)])):
        assert isinstance(final, Final)
        assert final.text
        assert bool(final.words) == engine.capabilities.word_times
        assert all(final.span.start <= word.span.start for word in final.words)
        assert all(word.span.until <= final.span.until for word in final.words)


async def test_through_follows_what_it_covers_and_nothing_before_it_comes_later(engine: Engine) -> None:
    reached = 0
    for each in await play(engine, [part(0, UNTIL)]):
        if isinstance(each, Through):
            assert reached <= each.until
            reached = each.until
        elif isinstance(each, Final | Wordless):
            assert reached <= each.span.start
    assert reached == UNTIL


async def test_a_hint_comes_before_the_final_and_is_about_what_is_not_final(engine: Engine) -> None:
    stream = await engine.open(SessionConfig(), 0)
    for at in range(0, samples(1.6), CHUNK):
        await stream.feed(at, part(at, at + CHUNK).pcm)
    reached = 0
    async for each in stream.heard():
        if isinstance(each, Hint):
            break
        if isinstance(each, Health):
            continue
        reached = each.until if isinstance(each, Through) else each.span.until
    await stream.close()
    assert isinstance(each, Hint)
    assert each.text
    assert reached <= each.span.start < each.span.until <= samples(1.6)


async def test_the_last_word_ends_an_utterance(engine: Engine) -> None:
    last = finals(await play(engine, [part(0, samples(1.1))]))[-1]
    assert isinstance(last, Final)
    assert last.utterance_end


async def test_a_flush_finalises_all_that_was_fed_wherever_it_comes(engine: Engine) -> None:
    at = samples(1.3) + 7
    said = await play(engine, [part(0, at), part(at, samples(2.2))])
    assert at in throughs(said)
    assert [each for each in finals(said) if each.span.start < at < each.span.until] == []
    assert any(each.span.until <= at for each in finals(said))
    assert any(each.span.start >= at for each in finals(said))


async def test_a_flush_of_nothing_is_answered_and_may_be_repeated(engine: Engine) -> None:
    said = await play(engine, [part(800, 800), part(800, 800), part(800, 801)])
    assert throughs(said)[-1] == 801
    assert set(throughs(said)) <= {800, 801}


async def test_after_a_flush_audio_may_go_on_beyond_a_hole(engine: Engine) -> None:
    beyond = samples(4.9) + 3
    together = await play(engine, [part(0, samples(1.1)), part(beyond, UNTIL)])
    apart = await play(engine, [part(beyond, UNTIL)])
    after = [each for each in finals(together) if each.span.start >= samples(1.1)]
    assert after == finals(apart)
    assert all(each.span.start >= beyond for each in after)


async def test_the_size_of_chunks_changes_no_final(engine: Engine) -> None:
    sizes = random.Random(7)
    odd = await play(engine, [part(0, UNTIL)], iter(lambda: sizes.choice((1, 77, 511, 1_601, 7_000)), 0))
    at_once = await play(engine, [part(0, UNTIL)], iter(lambda: UNTIL, 0))
    assert finals(odd) == finals(at_once) == finals(await play(engine, [part(0, UNTIL)]))


async def test_a_new_stream_at_any_covered_place_repeats_the_undisturbed_run(engine: Engine) -> None:
    undisturbed = await play(engine, [part(0, UNTIL)])
    covered = {*throughs(undisturbed), *(each.span.until for each in finals(undisturbed))} - {UNTIL}
    assert len(covered) > 3
    for place in covered:
        again = await play(engine, [part(place, UNTIL)])
        assert finals(again) == [each for each in finals(undisturbed) if each.span.start >= place], place


async def test_silence_is_settled_while_it_lasts(engine: Engine) -> None:
    stream = await engine.open(SessionConfig(), samples(6.5))
    feeding = asyncio.create_task(feed(stream, [part(samples(6.5), UNTIL)]))
    reached = [each.until async for each in _until_flushed(stream.heard()) if isinstance(each, Through)]
    await feeding
    await stream.close()
    assert len(reached) > 1


async def _until_flushed(heard: AsyncIterator[object]) -> AsyncIterator[object]:
    async for each in heard:
        yield each
        if each == Through(UNTIL):
            return


async def test_streams_of_one_engine_do_not_hear_each_other(engine: Engine) -> None:
    parts = [[part(0, samples(4.5))], [part(samples(4.9), UNTIL)]]
    alone = [finals(await play(engine, each)) for each in parts]
    beside = await asyncio.gather(*(play(engine, each) for each in parts))
    assert [finals(said) for said in beside] == alone


async def test_a_closed_stream_is_silent_refuses_audio_and_may_be_closed_again(engine: Engine) -> None:
    stream = await engine.open(SessionConfig(), 0)
    await stream.feed(0, part(0, samples(2.0)).pcm)
    await stream.close()
    await stream.close()
    assert [each async for each in stream.heard()] == []
    with pytest.raises(EngineUnavailable):
        await stream.feed(samples(2.0), part(samples(2.0), samples(2.1)).pcm)
    with pytest.raises(EngineUnavailable):
        await stream.flush(samples(2.0))


async def test_closing_ends_a_listener_and_whoever_waits_to_feed(engine: Engine) -> None:
    stream = await engine.open(SessionConfig(), 0)
    listening = asyncio.create_task(anext(aiter(stream.heard()), None))
    await asyncio.sleep(0)
    await stream.close()
    assert await listening is None


async def test_a_closed_engine_opens_no_stream_and_may_be_closed_again(engine: Engine) -> None:
    await engine.close()
    await engine.close()
    with pytest.raises(EngineUnavailable):
        await engine.open(SessionConfig(), 0)


async def test_nothing_is_left_of_an_engine(name: str) -> None:
    # Whatever loads once for all is loaded by the first.
    first = ENGINES[name]()
    await first.check()
    await first.close()
    before = _alive()
    engine = ENGINES[name]()
    whole, cut_short, cancelled = [await engine.open(SessionConfig(), 0) for _ in range(3)]
    await feed(whole, [part(0, samples(1.0))])
    await cut_short.feed(0, part(0, samples(3.3)).pcm)
    await cut_short.close()
    await stop(asyncio.create_task(feed(cancelled, [part(0, UNTIL)])))
    await cancelled.close()
    await engine.close()
    await whole.close()
    assert _alive() == before


def _alive() -> tuple[int, int, int]:
    return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))
