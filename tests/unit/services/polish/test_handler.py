"""Each utterance is polished once, whoever repeats, dies or comes between."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, repeat

import pytest

from services.polish.handler import PAGE, PolishHandler
from services.polish.polishers.base import Answer
from shared.domain.session import Move, SessionConfig
from shared.errors import EngineUnavailable, StoreUnavailable
from shared.ports import RecordName, Store, Subscriber
from tests.doubles.counting_kek import CountingKek
from tests.doubles.faulty_store import NONE, REFUSED, REPLY_LOST, Fault, FaultyStore
from tests.unit.services.scene import SESSION, Scene, gap, words


class Echo:
    """Says what it was given, in brackets, and remembers nothing but how often it was asked."""

    model = "echo"
    prompt_version = "7"

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        if self.fails:
            raise EngineUnavailable("the polisher is away")
        self.asked += 1
        await asyncio.sleep(0)
        return Answer(f"<{text}>", (config.style,) if config.style else ())

    async def close(self) -> None:
        pass


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.begin()
    return scene


def handler_of(scene: Scene, echo: Echo | None = None, store: Store | None = None) -> PolishHandler:
    return PolishHandler(store or scene.store, scene.bus, scene.kek, echo or Echo(), scene.clock)


async def test_complete_utterances_are_polished_and_an_open_one_waits(scene: Scene) -> None:
    await scene.log(
        words("one", 0), words("two", 1, end=False), words("three", 2), words("four", 3, end=False)
    )
    await handler_of(scene).handle(SESSION)
    assert await scene.polished() == [(0, 0, "<one>"), (1, 2, "<two three>")]
    assert await scene.field(RecordName.POLISH, "cursor") == 3


async def test_the_open_utterance_ends_when_nobody_records_any_more(scene: Scene) -> None:
    await scene.log(words("one", 0, end=False))
    handler = handler_of(scene)
    await handler.handle(SESSION)
    assert await scene.polished() == []
    await scene.interrupt()
    await handler.handle(SESSION)
    assert await scene.polished() == [(0, 0, "<one>")]


async def test_while_the_last_words_before_a_finish_still_come_the_utterance_goes_on(scene: Scene) -> None:
    stored = await scene.log(words("one", 0, end=False))
    await scene.change(stored.document.moved(Move.FINISH))
    await handler_of(scene).handle(SESSION)
    assert await scene.polished() == []
    await scene.log(words("two", 1, end=False))
    await scene.finish()
    await handler_of(scene).handle(SESSION)
    assert await scene.polished() == [(0, 1, "<one two>")]


async def test_a_reopened_session_goes_on_where_polish_was(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await scene.finish()
    await handler_of(scene).handle(SESSION)
    stored = await scene.stored()
    await scene.change(stored.document.moved(Move.RECORD))
    await scene.log(words("two", 5))
    await handler_of(scene).handle(SESSION)
    assert await scene.polished() == [(0, 0, "<one>"), (1, 1, "<two>")]


async def test_gaps_are_passed_and_never_polished(scene: Scene) -> None:
    await scene.log(gap(0), words("one", 1, end=False), gap(2), gap(2))
    echo = Echo()
    await handler_of(scene, echo).handle(SESSION)
    assert await scene.polished() == [(1, 2, "<one>")]
    assert await scene.field(RecordName.POLISH, "cursor") == 4
    assert echo.asked == 1


async def test_a_repeated_wake_up_polishes_nothing_again(scene: Scene) -> None:
    await scene.log(words("one", 0))
    echo = Echo()
    for _ in range(3):
        await handler_of(scene, echo).handle(SESSION)
    assert echo.asked == 1
    assert len(await scene.polished()) == 1


async def test_two_at_once_write_each_utterance_once(scene: Scene) -> None:
    await scene.log(*(words(f"word {n}", n) for n in range(40)))
    await asyncio.gather(*(handler_of(scene).handle(SESSION) for _ in range(4)))
    assert await scene.polished() == [(n, n, f"<word {n}>") for n in range(40)]


async def test_many_at_once_in_one_process_ask_for_each_utterance_once(scene: Scene) -> None:
    await scene.log(*(words(f"word {n}", n) for n in range(40)))
    echo = Echo()
    handler = handler_of(scene, echo)
    await asyncio.gather(*(handler.handle(SESSION) for _ in range(8)))
    assert await scene.polished() == [(n, n, f"<word {n}>") for n in range(40)]
    assert echo.asked == 40


async def test_whoever_comes_while_it_is_handled_is_done_once_its_own_words_are(scene: Scene) -> None:
    handler = handler_of(scene)
    for n in range(0, 30, 2):
        await scene.log(words(f"{n}", n))
        first = asyncio.create_task(handler.handle(SESSION))
        for _ in range(n):
            await asyncio.sleep(0)
        await scene.log(words(f"{n + 1}", n + 1))
        await handler.handle(SESSION)
        assert len(await scene.polished()) == n + 2
        await first


async def test_many_at_once_fail_together(scene: Scene) -> None:
    await scene.log(words("one", 0))
    echo = Echo()
    echo.fails = True
    handler = handler_of(scene, echo)
    failed = await asyncio.gather(*(handler.handle(SESSION) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [EngineUnavailable] * 3
    echo.fails = False
    await handler.handle(SESSION)
    assert echo.asked == 1


async def test_a_long_log_is_polished_page_by_page(scene: Scene) -> None:
    count = PAGE + 88
    await scene.log(*(words(f"{n}", n, end=n % 3 == 2) for n in range(count)))
    await scene.finish()
    await handler_of(scene).handle(SESSION)
    polished = await scene.polished()
    assert [first for first, _, _ in polished] == list(range(0, count, 3))
    assert polished[-1] == (count - 3, count - 1, f"<{count - 3} {count - 2} {count - 1}>")


async def test_an_utterance_of_more_entries_than_a_page_is_cut_there(scene: Scene) -> None:
    step_s = 50 / (PAGE + 8)
    await scene.log(*(words("x", n * step_s, end=False) for n in range(PAGE + 8)))
    await handler_of(scene).handle(SESSION)
    assert [(first, last) for first, last, _ in await scene.polished()] == [(0, PAGE - 1)]


@pytest.mark.parametrize("fault", [REFUSED, REPLY_LOST], ids=["refused", "reply lost"])
@pytest.mark.parametrize("kind", ["reads", "writes"])
@pytest.mark.parametrize("calls", range(8))
async def test_wherever_it_dies_the_next_one_completes_it(
    scene: Scene, fault: Fault, kind: str, calls: int
) -> None:
    """The store answers so many calls and no more; whatever had been written by then, the end is the same."""
    await scene.log(*(words(f"{n}", n) for n in range(40)), gap(40))
    await scene.finish()
    dying = FaultyStore(scene.memory, scene.clock, **{kind: chain(repeat(NONE, calls), repeat(fault))})
    with suppress(StoreUnavailable):
        await handler_of(scene, store=dying).handle(SESSION)
    await handler_of(scene).handle(SESSION)
    assert await scene.polished() == [(n, n, f"<{n}>") for n in range(40)]
    assert await scene.field(RecordName.POLISH, "cursor") == 41


async def test_a_polisher_that_is_away_costs_nothing_but_time(scene: Scene) -> None:
    await scene.log(words("one", 0))
    echo = Echo()
    echo.fails = True
    with pytest.raises(EngineUnavailable):
        await handler_of(scene, echo).handle(SESSION)
    echo.fails = False
    await handler_of(scene, echo).handle(SESSION)
    assert await scene.polished() == [(0, 0, "<one>")]


async def test_what_was_written_beside_a_tombstone_is_removed(scene: Scene) -> None:
    await scene.log(words("one", 0))

    class DeletesMeanwhile(Echo):
        async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
            await scene.delete()
            await scene.memory.erase(SESSION)
            return await super().polish(text, config)

    await handler_of(scene, DeletesMeanwhile()).handle(SESSION)
    assert await scene.everything_of() == []


async def test_a_wake_up_for_a_deleted_or_unknown_session_is_harmless(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await scene.delete()
    echo = Echo()
    await handler_of(scene, echo).handle(SESSION)
    await handler_of(scene, echo).handle(type(SESSION)("00000000-0000-4000-8000-00000000dead"))
    assert echo.asked == 0
    assert await scene.everything_of() == []


async def test_after_the_end_the_draft_is_told_of_the_last_polished_text(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    assert await scene.bus.take(Subscriber.AUTOSAVE, 1_000) is None
    await scene.log(words("two", 1))
    await scene.finish()
    await handler_of(scene).handle(SESSION)
    assert await scene.bus.take(Subscriber.AUTOSAVE, 1_000) is not None


async def test_it_is_stored_how_the_text_came_about() -> None:
    scene = Scene()
    await scene.begin(SessionConfig(style="terse"))
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    [row] = await scene.memory.polished(SESSION, 0, 10)
    assert (row.model, row.prompt_version, row.flags) == ("echo", "7", ("terse",))
    assert b"one" not in row.sealed


async def test_however_many_wake_ups_the_key_is_opened_once(scene: Scene) -> None:
    kek = CountingKek(scene.kek)
    handler = PolishHandler(scene.store, scene.bus, kek, Echo(), scene.clock)
    for n in range(20):
        await scene.log(words(f"{n}", n, end=n % 3 == 2))
        await handler.handle(SESSION)
    assert len(await scene.polished()) == 6
    assert kek.opened == 1
