"""What a sweep does first, what it does when a part of it fails, and how it comes to an end where there is very much."""

import asyncio
from dataclasses import replace
from io import StringIO
from itertools import count

import pytest

from services.autosave.sweep import RECENT_MS, THOROUGH_EVERY_MS, Sweep
from services.autosave.walk import AT_ONCE, FAILURES_IN_A_ROW_MAX, WALK_MS_MAX
from shared.config import LogFormat, LogLevel
from shared.deletion import drafts_of
from shared.domain.session import STALE_AFTER_MS, SessionState
from shared.domain.values import NOBODY, Holder, SessionId
from shared.errors import Retry, StoreUnavailable
from shared.observe import configure
from shared.ports import Publisher, RecordName, Store, Stored, StoredRecord, Subscriber, Wakeup
from tests.contract.examples import document, session_id
from tests.doubles.clock import ManualClock
from tests.doubles.faulty_store import FaultyStore
from tests.doubles.memory import MemoryBus
from tests.flow.virtual_time import VirtualClock, run
from tests.unit.services.scene import Scene

_numbers = count()


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("test", LogLevel.ERROR, LogFormat.JSON, StringIO())


@pytest.fixture
def scene() -> Scene:
    return Scene()


def sweep_of(scene: Scene, store: Store | None = None, bus: Publisher | None = None) -> Sweep:
    holders = (Holder(f"sweep-{number}") for number in _numbers)
    return Sweep(store or scene.store, bus or scene.bus, scene.blobs, scene.clock, lambda: next(holders))


async def left(scene: Scene, number: int, age_ms: int) -> list[SessionId]:
    """Finished sessions whose polish and draft lag."""
    then_ms = scene.clock.wall_ms() - age_ms
    lagging = replace(
        document(),
        state=SessionState.FINISHED,
        holder=NOBODY,
        next_index=1,
        published_through=1,
        takes=(),
        heartbeat_at_ms=then_ms,
        finished_at_ms=then_ms,
    )
    sessions = [session_id(number) for number in range(number)]
    for session in sessions:
        await scene.memory.create(session, lagging)
    return sessions


async def due(scene: Scene) -> SessionId:
    """One whose time is over."""
    session = session_id(9_999)
    over = replace(document(), state=SessionState.FINISHED, holder=NOBODY, takes=(), purge_at_ms=1)
    await scene.memory.create(session, over)
    return session


async def state_of(scene: Scene, session: SessionId) -> SessionState:
    return (await scene.document(session)).state


class Waking(MemoryBus):
    """Counts whom it wakes."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.woken: list[SessionId] = []

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        if subscriber is Subscriber.POLISH:
            self.woken.append(session)


class NoIndex(FaultyStore):
    """As a data base without one of its indexes."""

    async def touched(self, since_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        raise StoreUnavailable("an index is missing")


async def test_what_is_due_goes_though_nothing_can_be_caught_up_with(scene: Scene) -> None:
    await left(scene, 10, 0)
    session = await due(scene)
    with pytest.raises(StoreUnavailable, match="index"):
        await sweep_of(scene, store=NoIndex(scene.memory, scene.clock)).run_once()
    assert await state_of(scene, session) is SessionState.PURGED


class NoTombstones(FaultyStore):
    async def purgeable(self, now_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        raise StoreUnavailable("an index is missing")


async def test_what_lags_is_woken_though_nothing_can_be_deleted(scene: Scene) -> None:
    sessions = await left(scene, 10, 0)
    bus = Waking(scene.clock)
    with pytest.raises(StoreUnavailable, match="index"):
        await sweep_of(scene, store=NoTombstones(scene.memory, scene.clock), bus=bus).run_once()
    assert bus.woken == sessions


class Silent(MemoryBus):
    """Takes nothing, and does not say so."""

    asked = 0

    async def publish(self, wakeup: Wakeup) -> None:
        self.asked += 1
        await VirtualClock().sleep_ms(600_000)

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        self.asked += 1
        await VirtualClock().sleep_ms(600_000)


def test_while_the_bus_is_away_sessions_are_deleted_and_put_in_order() -> None:
    async def story() -> None:
        scene = Scene()
        bus = Silent(scene.clock)
        await left(scene, 100, 0)
        session = await due(scene)
        await scene.begin()
        scene.clock.advance(STALE_AFTER_MS)
        with pytest.raises(Retry) as cut_short:
            await sweep_of(scene, bus=bus).run_once()
        assert not isinstance(cut_short.value, StoreUnavailable)
        assert await state_of(scene, session) is SessionState.PURGED
        assert (await scene.document()).state is SessionState.INTERRUPTED
        assert bus.asked <= AT_ONCE + FAILURES_IN_A_ROW_MAX

    run(story())


class Slow(FaultyStore):
    """Every reading of a record takes its time, of which `clock` is told."""

    def __init__(self, scene: Scene, takes_ms: int) -> None:
        super().__init__(scene.memory, scene.clock)
        self._time = scene.clock
        self._takes_ms = takes_ms

    async def record(self, session: SessionId, name: RecordName) -> StoredRecord | None:
        self._time.advance(self._takes_ms)
        return await super().record(session, name)


async def test_a_first_sweep_over_very_many_ends_in_time_and_the_next_ones_go_on(scene: Scene) -> None:
    sessions = await left(scene, 300, 10 * RECENT_MS)
    session = await due(scene)
    bus = Waking(scene.clock)
    sweep = sweep_of(scene, store=Slow(scene, WALK_MS_MAX // 200), bus=bus)
    for until in (100, 200, 300):
        started_ms = scene.clock.monotonic_ms()
        await sweep.run_once()
        assert scene.clock.monotonic_ms() - started_ms <= WALK_MS_MAX
        assert bus.woken == sessions[:until]
        assert await state_of(scene, session) is SessionState.PURGED
    for _ in range(3):
        await sweep.run_once()
    assert bus.woken == sessions, "the whole was walked over; an hour passes before it is looked back again"


async def test_looking_back_is_done_again_after_an_hour(scene: Scene) -> None:
    sessions = await left(scene, 3, 10 * RECENT_MS)
    bus = Waking(scene.clock)
    sweep = sweep_of(scene, bus=bus)
    await sweep.run_once()
    scene.clock.advance(THOROUGH_EVERY_MS - 1)
    await sweep.run_once()
    assert bus.woken == sessions
    scene.clock.advance(1)
    await sweep.run_once()
    assert bus.woken == sessions * 2


async def test_what_was_written_beside_an_old_tombstone_is_found_on_looking_back(scene: Scene) -> None:
    await scene.begin()
    stored = await scene.stored()
    await scene.memory.write(stored, stored.document.tombstone(Holder("x"), scene.clock.wall_ms()))
    scene.clock.advance(2 * RECENT_MS)
    await scene.blobs.create(f"{drafts_of(stored.session)}log-1/00000000", b"late")
    await sweep_of(scene).run_once()
    assert await scene.everything_of() == []


class Dozing(FaultyStore):
    """Takes a second for every list."""

    lists = 0

    async def unfinished(self, after: SessionId | None, limit: int) -> list[Stored]:
        self.lists += 1
        await VirtualClock().sleep_ms(1_000)
        return await super().unfinished(after, limit)


def test_who_asks_while_a_sweep_runs_waits_for_its_end_and_does_nothing_more() -> None:
    async def story() -> None:
        scene = Scene()
        await left(scene, 3, 0)
        bus = Waking(scene.clock)
        store = Dozing(scene.memory, scene.clock)
        sweep = sweep_of(scene, store=store, bus=bus)
        first = asyncio.ensure_future(sweep.run_once())
        await VirtualClock().sleep_ms(1)
        await sweep.run_once()
        assert first.done()
        assert (len(bus.woken), store.lists) == (3, 1)
        await sweep.run_once()
        assert store.lists == 2

    run(story())
