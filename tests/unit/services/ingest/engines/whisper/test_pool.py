"""Who is recognised when: finals first, every stream in its turn, hints only the newest."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.ingest.engines.whisper.pool import Answer, Pool
from shared.errors import EngineUnavailable
from tests.unit.services.ingest.engines.whisper.voices import Asked, ByHand, task


@pytest.fixture
def by_hand() -> ByHand:
    return ByHand()


@pytest.fixture
async def pool(by_hand: ByHand) -> AsyncIterator[Pool]:
    pool = Pool(by_hand, workers=1)
    yield pool
    by_hand.release()
    await pool.close()


async def begun(by_hand: ByHand) -> Asked:
    """The next recognition to begin; waits for the pool's thread to come to it."""
    return await asyncio.to_thread(by_hand.begun)


async def served(by_hand: ByHand, count: int) -> list[str]:
    """The names of the next tasks, in the order in which they are begun."""
    names = []
    for _ in range(count):
        asked = await begun(by_hand)
        names.append(asked.task.pcm.decode())
        asked.answer("")
    return names


async def occupy(pool: Pool, by_hand: ByHand) -> tuple[Answer, Asked]:
    """Keep the only worker busy, so that what comes now has to wait."""
    answer = pool.lane().final(task("first"))
    return answer, await begun(by_hand)


async def test_an_answer_is_what_was_recognised(pool: Pool, by_hand: ByHand) -> None:
    answer, asked = await occupy(pool, by_hand)
    asked.answer("take two")
    assert (await answer).text == "take two"


async def test_finals_go_first_then_guesses_then_hints(pool: Pool, by_hand: ByHand) -> None:
    _, busy = await occupy(pool, by_hand)
    one, other = pool.lane(), pool.lane()
    one.hint(task("hint"))
    one.guess(task("guess"))
    other.final(task("final"))
    other.final(task("final too"))
    busy.answer("")
    assert await served(by_hand, 4) == ["final", "final too", "guess", "hint"]


async def test_streams_take_turns(pool: Pool, by_hand: ByHand) -> None:
    _, busy = await occupy(pool, by_hand)
    greedy, modest = pool.lane(), pool.lane()
    for n in range(3):
        greedy.final(task(f"greedy {n}"))
    modest.final(task("modest"))
    busy.answer("")
    assert await served(by_hand, 4) == ["greedy 0", "modest", "greedy 1", "greedy 2"]


async def test_only_the_newest_hint_and_guess_of_a_stream_wait(pool: Pool, by_hand: ByHand) -> None:
    _, busy = await occupy(pool, by_hand)
    lane = pool.lane()
    old = [lane.hint(task("old hint")), lane.guess(task("old guess"))]
    lane.hint(task("new hint"))
    lane.guess(task("new guess"))
    assert all(each.cancelled() for each in old)
    busy.answer("")
    assert await served(by_hand, 2) == ["new guess", "new hint"]


async def test_a_guess_that_came_true_is_a_final(pool: Pool, by_hand: ByHand) -> None:
    _, busy = await occupy(pool, by_hand)
    one, other = pool.lane(), pool.lane()
    other.guess(task("other guess"))
    guess = one.guess(task("guess"))
    one.promote(guess)
    one.drop_guess()
    busy.answer("")
    assert await served(by_hand, 2) == ["guess", "other guess"]
    assert guess.result().text == ""


async def test_a_guess_that_did_not_is_dropped(pool: Pool, by_hand: ByHand) -> None:
    _, busy = await occupy(pool, by_hand)
    lane = pool.lane()
    guess = lane.guess(task("guess"))
    lane.drop_guess()
    lane.hint(task("hint"))
    busy.answer("")
    assert await served(by_hand, 1) == ["hint"]
    assert guess.cancelled()


async def test_hints_leave_a_worker_to_finals(by_hand: ByHand) -> None:
    pool = Pool(by_hand, workers=2)
    hints = [pool.lane().hint(task(f"hint {n}")) for n in range(2)]
    first = await begun(by_hand)
    assert first.task.pcm == b"hint 0"
    final = pool.lane().final(task("final"))
    second = await begun(by_hand)
    assert second.task.pcm == b"final"
    first.answer("")
    second.answer("")
    await final
    assert await served(by_hand, 1) == ["hint 1"]
    assert all([await each for each in hints])
    await pool.close()


async def test_a_recognition_that_fails_fails_its_asker_and_nobody_else(pool: Pool, by_hand: ByHand) -> None:
    answer, busy = await occupy(pool, by_hand)
    other = pool.lane().final(task("other"))
    busy.fail(MemoryError())
    with pytest.raises(MemoryError):
        await answer
    (await begun(by_hand)).answer("well")
    assert (await other).text == "well"


async def test_a_closed_lane_leaves_nothing_waiting(pool: Pool, by_hand: ByHand) -> None:
    _, busy = await occupy(pool, by_hand)
    lane, other = pool.lane(), pool.lane()
    waiting = [lane.final(task("final")), lane.guess(task("guess")), lane.hint(task("hint"))]
    last = other.hint(task("of another"))
    lane.close()
    lane.close()
    assert all(each.cancelled() for each in waiting)
    busy.answer("")
    assert await served(by_hand, 1) == ["of another"]
    await last


async def test_a_lane_closed_during_its_recognition_hears_no_more_of_it(pool: Pool, by_hand: ByHand) -> None:
    lane = pool.lane()
    answer = lane.final(task("final"))
    asked = await begun(by_hand)
    lane.close()
    answer.cancel()
    asked.answer("too late")
    assert answer.cancelled()


async def test_closing_waits_for_what_runs_and_cancels_what_waits(by_hand: ByHand) -> None:
    pool = Pool(by_hand, workers=1)
    running, busy = await occupy(pool, by_hand)
    waiting = pool.lane().final(task("waiting"))
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    assert not closing.done()
    busy.answer("last")
    await closing
    assert waiting.cancelled()
    assert (await running).text == "last"
    assert by_hand.is_idle
    with pytest.raises(EngineUnavailable, match="shutting down"):
        pool.lane()
