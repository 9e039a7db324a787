"""What a stream says, on its way to who listens: what replaces what, who waits for whom, and how it ends."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.engines.base import Final, Health, Hint, Hypothesis, Through, Trouble, Wordless
from services.ingest.engines.voice import UNTAKEN_MAX, Voice
from shared.domain.values import Span
from shared.errors import EngineUnavailable

DEATH = EngineUnavailable("it died")


def hint(until: int) -> Hint:
    return Hint(Span(0, until), f"up to {until}")


def words(start: int, until: int) -> Final:
    return Final(Span(start, until), f"{start} to {until}")


async def told(voice: Voice, count: int) -> list[Hypothesis]:
    heard = voice.heard()
    async with asyncio.timeout(5):
        return [await anext(heard) for _ in range(count)]


async def told_until_its_death(voice: Voice) -> list[Hypothesis]:
    said: list[Hypothesis] = []
    with pytest.raises(EngineUnavailable, match="it died"):
        await _take_all(voice, said)
    return said


async def _take_all(voice: Voice, said: list[Hypothesis]) -> None:
    async with asyncio.timeout(5):
        async for each in voice.heard():
            said.append(each)


async def told_until_its_close(voice: Voice) -> list[Hypothesis]:
    async with asyncio.timeout(5):
        return [each async for each in voice.heard()]


async def everybody_has_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


# --- what is said


async def test_what_is_said_is_told_in_order() -> None:
    voice = Voice("a stream")
    said: list[Hypothesis] = [
        words(0, 10),
        Wordless(Span(10, 20)),
        Health(Trouble.RECONNECTING),
        Through(20),
        words(20, 30),
    ]
    for each in said:
        voice.say(each)
    assert await told(voice, 5) == said


async def test_a_hint_nobody_has_taken_gives_way_to_the_next_word_of_any_kind() -> None:
    voice = Voice("a stream")
    voice.say(hint(1))
    voice.say(hint(2))
    voice.say(words(0, 3))
    voice.say(hint(4))
    voice.say_through(5)
    voice.say(hint(6))
    assert await told(voice, 3) == [words(0, 3), Through(5), hint(6)]


async def test_a_hint_that_was_taken_is_not_taken_back() -> None:
    voice = Voice("a stream")
    voice.say(hint(1))
    assert await told(voice, 1) == [hint(1)]
    voice.say(words(0, 3))
    assert await told(voice, 1) == [words(0, 3)]


async def test_only_the_last_place_is_told_where_nothing_was_said_between() -> None:
    voice = Voice("a stream")
    for until in (10, 20, 30):
        voice.say_through(until)
    voice.say(words(30, 40))
    voice.say_through(50)
    assert await told(voice, 3) == [Through(30), words(30, 40), Through(50)]


async def test_a_place_that_is_said_as_such_replaces_none() -> None:
    """The answer to a flush may be the same place again, and somebody waits for it."""
    voice = Voice("a stream")
    voice.say(Through(10))
    voice.say(Through(10))
    assert await told(voice, 2) == [Through(10), Through(10)]


async def test_a_place_that_was_taken_is_not_replaced() -> None:
    voice = Voice("a stream")
    voice.say_through(10)
    assert await told(voice, 1) == [Through(10)]
    voice.say_through(20)
    assert await told(voice, 1) == [Through(20)]


# --- who waits


async def test_who_listens_is_woken_by_the_first_word() -> None:
    voice = Voice("a stream")
    listening = asyncio.create_task(told(voice, 2))
    await everybody_has_run()
    voice.say(words(0, 10))
    await everybody_has_run()
    assert not listening.done()
    voice.say_through(10)
    assert await listening == [words(0, 10), Through(10)]


async def test_who_says_too_much_waits_until_something_is_taken() -> None:
    voice = Voice("a stream")
    for at in range(UNTAKEN_MAX):
        assert not voice.is_full
        async with asyncio.timeout(5):
            await voice.has_room()
        voice.say(words(at, at + 1))
    assert voice.is_full
    waiting = asyncio.create_task(voice.has_room())
    await everybody_has_run()
    assert not waiting.done()
    await told(voice, 1)
    assert not voice.is_full
    async with asyncio.timeout(5):
        await waiting


async def test_room_taken_by_another_is_waited_for_again() -> None:
    voice = full()
    waiting = asyncio.create_task(voice.has_room())
    await everybody_has_run()
    await told(voice, 1)
    voice.say(words(UNTAKEN_MAX, UNTAKEN_MAX + 1))
    await everybody_has_run()
    assert not waiting.done()
    await told(voice, 1)
    async with asyncio.timeout(5):
        await waiting


def full() -> Voice:
    voice = Voice("a stream")
    for at in range(UNTAKEN_MAX):
        voice.say(words(at, at + 1))
    return voice


@pytest.mark.parametrize("dies", [True, False])
async def test_nobody_waits_for_room_where_all_is_over(dies: bool) -> None:
    voice = full()
    waiting = asyncio.create_task(voice.has_room())
    await everybody_has_run()
    if dies:
        voice.fail(DEATH)
    else:
        voice.close()
    async with asyncio.timeout(5):
        await waiting
        await voice.has_room()
    assert voice.is_full == dies, "a close forgets what was not taken"


# --- how it ends


async def test_what_was_said_before_a_death_is_told_and_then_the_death() -> None:
    voice = Voice("a stream")
    voice.say(words(0, 10))
    voice.say(hint(12))
    voice.fail(DEATH)
    heard = voice.heard()
    assert [await anext(heard), await anext(heard)] == [words(0, 10), hint(12)]
    with pytest.raises(EngineUnavailable, match="it died"):
        await anext(heard)


async def test_who_listens_is_told_of_a_death_at_once() -> None:
    voice = Voice("a stream")
    listening = asyncio.create_task(told(voice, 1))
    await everybody_has_run()
    voice.fail(DEATH)
    with pytest.raises(EngineUnavailable, match="it died"):
        await listening


async def test_the_first_death_counts() -> None:
    voice = Voice("a stream")
    voice.fail(DEATH)
    voice.fail(EngineUnavailable("its connection was lost"))
    assert await told_until_its_death(voice) == []
    with pytest.raises(EngineUnavailable, match="it died"):
        voice.check()


async def test_a_close_ends_who_listens_and_forgets_what_was_not_taken() -> None:
    voice = Voice("a stream")
    voice.say(words(0, 10))
    voice.say(words(10, 20))
    heard = voice.heard()
    assert await anext(heard) == words(0, 10)
    voice.close()
    assert [each async for each in heard] == []
    assert await told_until_its_close(voice) == []


async def test_a_close_wakes_who_listens() -> None:
    voice = Voice("a stream")
    listening = asyncio.create_task(told_until_its_close(voice))
    await everybody_has_run()
    voice.close()
    assert await listening == []


async def test_a_close_forgets_a_death_that_nobody_was_told_of() -> None:
    voice = Voice("a stream")
    voice.fail(DEATH)
    voice.close()
    assert await told_until_its_close(voice) == []


def test_who_feeds_is_told_why_there_is_no_more() -> None:
    voice = Voice("this stream of a vendor")
    voice.check()
    assert not voice.is_over
    voice.fail(DEATH)
    assert voice.is_over
    with pytest.raises(EngineUnavailable, match="it died"):
        voice.check()
    voice.close()
    with pytest.raises(EngineUnavailable, match="^this stream of a vendor is closed$"):
        voice.check()


def test_a_closed_voice_is_over() -> None:
    voice = Voice("a stream")
    voice.close()
    assert voice.is_over
    with pytest.raises(EngineUnavailable):
        voice.check()


# --- any order of all of it


@given(st.lists(st.sampled_from(["words", "hint", "through", "take"]), max_size=60))
async def test_no_words_are_lost_and_no_place_is_told_before_them(steps: list[str]) -> None:
    voice = Voice("a stream")
    heard = voice.heard()
    said: list[Hypothesis] = []
    taken: list[Hypothesis] = []
    untaken = 0
    for at, step in enumerate(steps):
        match step:
            case "words":
                said.append(words(at, at + 1))
                voice.say(said[-1])
                untaken += 1
            case "hint":
                voice.say(hint(at + 1))
            case "through":
                voice.say_through(at + 1)
            case _ if untaken:
                taken.append(await anext(heard))
                untaken -= isinstance(taken[-1], Final)
    voice.fail(DEATH)
    taken += await told_until_its_death(voice)
    assert [each for each in taken if isinstance(each, Final)] == said
    settled = 0
    for each in taken:
        if isinstance(each, Final):
            assert settled <= each.span.start
        if isinstance(each, Through):
            settled = each.until
    places = [at + 1 for at, step in enumerate(steps) if step == "through"]
    assert settled == max(places, default=0), "the last place is always told"
