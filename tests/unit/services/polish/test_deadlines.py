"""How long polish may take over one session, on a clock that runs by itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from services.polish.handler import BUDGET_MS, LAST_MS, PolishHandler
from services.polish.polishers.base import UPGRADE_DUE, Answer
from services.polish.polishers.offline import RulesPolisher
from shared.domain.events import SESSION as NAMED
from shared.domain.session import SessionConfig
from shared.domain.values import SessionId
from shared.errors import EngineUnavailable, Retry, StoreUnavailable
from shared.lease import ATTEMPT_MS_MAX
from shared.ports import EntryRow, Subscriber
from shared.push import ACKNOWLEDGED, Receiver
from shared.subscriber import HANDLE_MS_MAX, LEASE_MS
from tests.doubles.clock import ManualClock
from tests.doubles.letters import MemoryLetters
from tests.doubles.memory import MemoryBus, MemoryStore
from tests.flow.virtual_time import VirtualClock, run
from tests.unit.services.scene import SESSION, Scene, words

SLOWEST_MS = 6_000
"""The longest deadline that a vendor may be given."""

PUSHES_MAX = 200
"""More than any story here needs: one that is woken for ever has an end."""


class Slow:
    """Takes its time over each text, and stands in for a better polisher as often as it is told to."""

    model = "slow"
    prompt_version = "1"

    def __init__(self, takes_ms: int, stand_ins: int = 0) -> None:
        self.asked: list[str] = []
        self._takes_ms = takes_ms
        self._stand_ins = stand_ins

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        await VirtualClock().sleep_ms(self._takes_ms if len(self.asked) >= self._stand_ins else 0)
        self.asked.append(text)
        return Answer(text, (UPGRADE_DUE,) if len(self.asked) <= self._stand_ins else ())

    async def close(self) -> None:
        pass


class Pushed:
    """Polish as a bus that pushes has it: each wake-up is a request, which is in time, or comes again."""

    def __init__(self, scene: Scene, polisher: Slow) -> None:
        self.clock = VirtualClock()
        self.scene = scene
        self.bus = MemoryBus(self.clock)
        self.took_ms: list[int] = []
        self.handler = PolishHandler(scene.store, self.bus, scene.kek, polisher, self.clock)
        self._receiver = Receiver(
            Subscriber.POLISH, self.handler.handle, MemoryLetters(), self.clock, caller=None
        )

    async def woken(self) -> bool:
        """Whether polish was; that wake-up is gone then."""
        delivery = await self.bus.take(Subscriber.POLISH, LEASE_MS)
        if delivery is not None:
            await self.bus.done(delivery)
        return delivery is not None

    async def until_quiet(self) -> None:
        """Whatever wakes polish is pushed to it, one after the other."""
        await self.bus.wake(SESSION, Subscriber.POLISH)
        while (delivery := await self.bus.take(Subscriber.POLISH, LEASE_MS)) is not None:
            assert len(self.took_ms) < PUSHES_MAX
            assert await self.push() == ACKNOWLEDGED
            await self.bus.done(delivery)

    async def push(self) -> int:
        began_ms = self.clock.monotonic_ms()
        status = await self._receiver.receive(None, _body())
        self.took_ms.append(self.clock.monotonic_ms() - began_ms)
        return status


async def _body() -> AsyncIterator[bytes]:
    yield json.dumps({"message": {"attributes": {NAMED: SESSION}}}).encode()


async def dictated(count: int) -> Scene:
    scene = Scene()
    await scene.begin()
    await scene.log(*(words(f"word {n}", n) for n in range(count)))
    await scene.finish()
    return scene


def each_once(count: int) -> list[tuple[int, int, str]]:
    return [(n, n, f"word {n}") for n in range(count)]


@pytest.mark.parametrize("takes_ms", [300, 2_000, SLOWEST_MS])
def test_a_backlog_of_any_length_is_polished_once_by_pushes_that_are_in_time(takes_ms: int) -> None:
    async def story() -> None:
        polisher = Slow(takes_ms)
        pushed = Pushed(await dictated(400), polisher)
        await pushed.until_quiet()
        assert await pushed.scene.polished() == each_once(400)
        assert len(polisher.asked) == 400
        assert max(pushed.took_ms) <= BUDGET_MS + takes_ms

    run(story())


def test_a_push_that_waits_its_turn_behind_a_long_one_is_in_time_too() -> None:
    async def story() -> None:
        polisher = Slow(SLOWEST_MS)
        pushed = Pushed(await dictated(40), polisher)
        pushes = []
        for _ in range(12):
            pushes.append(asyncio.create_task(pushed.push()))
            await pushed.clock.sleep_ms(5_000)
        assert set(await asyncio.gather(*pushes)) == {ACKNOWLEDGED}
        assert max(pushed.took_ms) <= 2 * (BUDGET_MS + LAST_MS) < HANDLE_MS_MAX
        await pushed.until_quiet()
        assert await pushed.scene.polished() == each_once(40)
        assert len(polisher.asked) == 40

    run(story())


def test_whoever_always_writes_second_is_in_time_as_well() -> None:
    """Two processes; each write of the one refuses that of the other."""

    async def story() -> None:
        scene = await dictated(60)
        pushed = [Pushed(scene, Slow(SLOWEST_MS)) for _ in range(2)]
        assert await asyncio.gather(*(each.push() for each in pushed)) == [ACKNOWLEDGED] * 2
        assert [await each.woken() for each in pushed] == [True] * 2
        for each in pushed:
            assert max(each.took_ms) <= BUDGET_MS + SLOWEST_MS
        await pushed[0].until_quiet()
        assert await scene.polished() == each_once(60)

    run(story())


def test_upgrades_that_take_long_go_on_with_the_next_push() -> None:
    async def story() -> None:
        polisher = Slow(SLOWEST_MS, stand_ins=20)
        pushed = Pushed(await dictated(20), polisher)
        await pushed.until_quiet()
        assert await pushed.scene.polished() == each_once(20) + each_once(20)
        assert len(polisher.asked) == 40
        assert max(pushed.took_ms) <= BUDGET_MS + SLOWEST_MS

    run(story())


def test_a_draft_is_woken_for_what_was_polished_before_a_push_ends() -> None:
    async def story() -> None:
        pushed = Pushed(await dictated(40), Slow(SLOWEST_MS))
        await pushed.push()
        assert await pushed.bus.take(Subscriber.AUTOSAVE, LEASE_MS) is not None

    run(story())


class Away(Slow):
    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        await super().polish(text, config, before)
        raise EngineUnavailable("the polisher is away")


def test_what_makes_no_progress_fails_and_is_not_woken_for_ever() -> None:
    async def story() -> None:
        pushed = Pushed(await dictated(2), Away(BUDGET_MS + 1))
        with pytest.raises(EngineUnavailable):
            await pushed.handler.handle(SESSION)
        assert not await pushed.woken()

    run(story())


class NotYet(Slow):
    """What it says must always be said again better, and never is."""

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        return replace(await super().polish(text, config, before), flags=(UPGRADE_DUE,))


def test_a_text_that_cannot_be_polished_better_yet_is_left_to_the_sweep_however_long_that_took() -> None:
    async def story() -> None:
        pushed = Pushed(await dictated(1), NotYet(BUDGET_MS + 1))
        await pushed.until_quiet()
        assert len(pushed.took_ms) == 2

    run(story())


class StandsStill(MemoryStore):
    """While it reads, a machine's time passes."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        self._clock.advance(2 * BUDGET_MS)
        return await super().entries(session, start, limit)


async def test_each_handling_polishes_something_however_late_it_begins() -> None:
    scene = Scene()
    scene.memory = scene.store = StandsStill(scene.clock)
    await scene.begin()
    await scene.log(*(words(f"word {n}", n) for n in range(3)))
    await scene.finish()
    handler = PolishHandler(scene.store, scene.bus, scene.kek, RulesPolisher(), scene.clock)
    for n in range(3):
        await handler.handle(SESSION)
        assert len(await scene.polished()) == n + 1


class Silent(MemoryBus):
    """Never answers."""

    def __init__(self) -> None:
        super().__init__(ManualClock())

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        await asyncio.get_running_loop().create_future()


def test_a_bus_that_says_nothing_lets_the_push_come_again_and_the_store_is_not_blamed() -> None:
    async def story() -> None:
        scene = await dictated(40)
        handler = PolishHandler(scene.store, Silent(), scene.kek, Slow(SLOWEST_MS), VirtualClock())
        with pytest.raises(Retry, match="the bus does not answer") as given_up:
            await handler.handle(SESSION)
        assert not isinstance(given_up.value, StoreUnavailable)

    run(story())


class LongSessions(MemoryStore):
    """Erasing takes longer than any one call may: a call for each page of a long log."""

    async def erase(self, session: SessionId) -> int:
        await VirtualClock().sleep_ms(3 * ATTEMPT_MS_MAX)
        return await super().erase(session)


def test_what_was_written_beside_a_tombstone_is_removed_however_long_that_takes() -> None:
    async def story() -> None:
        scene = Scene()
        scene.memory = scene.store = LongSessions()
        await scene.begin()
        await scene.log(words("one", 0))
        handler = PolishHandler(scene.store, scene.bus, scene.kek, RulesPolisher(), scene.clock)
        await handler.handle(SESSION)
        await scene.delete()
        await handler.handle(SESSION)
        assert await scene.everything_of() == []

    run(story())
