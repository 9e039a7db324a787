"""The sweep takes up what the dead left undone: once, whoever sweeps at the same time, and never against the living."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from itertools import chain, count, repeat

import pytest

from services.autosave.handler import AutosaveHandler
from services.autosave.sweep import THOROUGH_EVERY_MS, Sweep
from services.autosave.upkeep import TAKE_KEPT_MS
from services.autosave.walk import FAILURES_IN_A_ROW_MAX
from services.polish.handler import PolishHandler
from services.polish.polishers.offline import RulesPolisher
from shared.config import LogFormat, LogLevel
from shared.deletion import TOMBSTONE_DAYS, drafts_of
from shared.domain.session import STALE_AFTER_MS, Move, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY, Holder, SessionId, TakeId
from shared.errors import Retry, StoreUnavailable
from shared.observe import configure
from shared.ports import RecordName, Store, Stored, Subscriber, Wakeup
from tests.doubles.faulty_store import NONE, REFUSED, REPLY_LOST, Fault, FaultyStore
from tests.doubles.memory import MemoryBus
from tests.unit.services.scene import SESSION, Scene, words

DAY_MS = TAKE_KEPT_MS
_numbers = count()


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("test", LogLevel.ERROR, LogFormat.JSON, StringIO())


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.begin()
    return scene


def sweep_of(scene: Scene, store: Store | None = None, bus: MemoryBus | None = None) -> Sweep:
    return Sweep(
        store or scene.store,
        bus or scene.bus,
        scene.blobs,
        scene.clock,
        lambda: Holder(f"sweep-{next(_numbers)}"),
    )


async def captured(scene: Scene, until: int) -> None:
    """The recorder says that it has captured this much."""
    document = await scene.document()
    await scene.change(document.with_take(replace(document.takes[0], captured_until=until)))


async def woken(scene: Scene) -> set[Subscriber]:
    found = set()
    for subscriber in Subscriber:
        delivery = await scene.bus.take(subscriber, 1_000)
        if delivery is not None:
            found.add(subscriber)
            await scene.bus.done(delivery)
    return found


BOTH = set(Subscriber)


async def test_a_session_that_somebody_holds_is_left_to_them(scene: Scene) -> None:
    before = await scene.stored()
    await sweep_of(scene).run_once()
    scene.clock.advance(STALE_AFTER_MS - 1)
    await sweep_of(scene).run_once()
    assert await scene.stored() == before


async def test_a_dead_holder_is_let_go_and_the_rest_is_woken(scene: Scene) -> None:
    await scene.log(words("one", 0, end=False))
    scene.clock.advance(STALE_AFTER_MS)
    await sweep_of(scene).run_once()
    document = await scene.document()
    assert (document.state, document.holder, document.published_through) == (
        SessionState.INTERRUPTED,
        NOBODY,
        1,
    )
    assert await woken(scene) == BOTH


async def test_what_was_not_announced_is_announced_once(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await scene.interrupt()
    await sweep_of(scene).run_once()
    assert (await scene.document()).published_through == 1
    assert (await scene.document()).state is SessionState.INTERRUPTED
    assert await woken(scene) == BOTH
    before = await scene.stored()
    await sweep_of(scene).run_once()
    assert await scene.stored() == before


async def test_a_bus_that_is_away_is_made_up_for_later(scene: Scene) -> None:
    class Deaf(MemoryBus):
        async def publish(self, wakeup: Wakeup) -> None:
            raise Retry("away")

        async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
            raise Retry("away")

    await scene.log(words("one", 0))
    scene.clock.advance(STALE_AFTER_MS)
    await sweep_of(scene, bus=Deaf(scene.clock)).run_once()
    document = await scene.document()
    assert (document.state, document.published_through) == (SessionState.INTERRUPTED, 0)
    await sweep_of(scene).run_once()
    assert (await scene.document()).published_through == 1
    assert await woken(scene) == BOTH


async def test_a_finish_nobody_completed_is_completed(scene: Scene) -> None:
    stored = await scene.log(words("one", 0))
    await scene.change(stored.document.moved(Move.FINISH).let_go(scene.clock.wall_ms()))
    await sweep_of(scene).run_once()
    document = await scene.document()
    assert (document.state, document.holder) == (SessionState.FINISHED, NOBODY)
    assert document.finished_at_ms == scene.clock.wall_ms()


async def test_a_finish_whose_audio_is_not_delivered_waits_a_day(scene: Scene) -> None:
    await captured(scene, 900)
    await scene.change((await scene.document()).moved(Move.FINISH).let_go(scene.clock.wall_ms()))
    scene.clock.advance(DAY_MS - 1)
    await sweep_of(scene).run_once()
    assert (await scene.document()).state is SessionState.FINISHING
    scene.clock.advance(1)
    await sweep_of(scene).run_once()
    assert (await scene.document()).state is SessionState.FINISHED
    [row] = await scene.memory.entries(SESSION, 0, 10)
    assert (row.take, row.start, row.until, row.cause) == (1, 0, 900, "abandoned")


async def test_a_recorder_has_a_day_to_return_then_its_audio_is_a_gap(scene: Scene) -> None:
    await captured(scene, 900)
    await scene.interrupt()
    sweep = sweep_of(scene)
    for _ in range(24):
        await sweep.run_once()
        assert (await scene.document()).next_index == 0
        scene.clock.advance(DAY_MS // 24)
    await sweep.run_once()
    document = await scene.document()
    assert (document.state, document.next_index, document.published_through) == (SessionState.FINISHED, 1, 1)
    assert await woken(scene) == BOTH


async def test_a_finished_session_still_misses_what_another_take_never_brought(scene: Scene) -> None:
    document = await scene.document()
    tail = Take(TakeId("take-2"), 2, 1, covered=100, captured_until=500, seen_at_ms=scene.clock.wall_ms())
    await scene.change(document.with_take(tail))
    await scene.finish()
    sweep = sweep_of(scene)
    await sweep.run_once()
    assert await scene.memory.entries(SESSION, 0, 10) == []
    for _ in range(25):
        scene.clock.advance(THOROUGH_EVERY_MS)
        await sweep.run_once()
    [row] = await scene.memory.entries(SESSION, 0, 10)
    assert (row.take, row.start, row.until) == (2, 100, 500)
    assert (await scene.document()).state is SessionState.FINISHED


async def test_more_takes_than_one_commit_holds_are_all_closed(scene: Scene) -> None:
    document = await scene.document()
    for number in range(1, 41):
        document = document.with_take(
            Take(TakeId(f"take-{number}"), number, 1, captured_until=10, seen_at_ms=scene.clock.wall_ms())
        )
    await scene.change(document)
    await scene.interrupt()
    scene.clock.advance(DAY_MS)
    await sweep_of(scene).run_once()
    rows = await scene.memory.entries(SESSION, 0, 100)
    assert [row.take for row in rows] == list(range(1, 41))
    assert (await scene.document()).state is SessionState.FINISHED


async def test_two_sweeps_at_once_write_each_gap_once(scene: Scene) -> None:
    await captured(scene, 900)
    await scene.interrupt()
    scene.clock.advance(DAY_MS)
    await asyncio.gather(*(sweep_of(scene).run_once() for _ in range(4)))
    assert len(await scene.memory.entries(SESSION, 0, 10)) == 1
    assert (await scene.document()).state is SessionState.FINISHED


@pytest.mark.parametrize("fault", [REFUSED, REPLY_LOST], ids=["refused", "reply lost"])
@pytest.mark.parametrize("calls", range(8))
async def test_wherever_it_dies_the_next_one_completes_it(scene: Scene, fault: Fault, calls: int) -> None:
    await scene.log(words("one", 0))
    await captured(scene, 900_000)
    await scene.interrupt()
    scene.clock.advance(DAY_MS)
    dying = FaultyStore(scene.memory, scene.clock, reads=chain(repeat(NONE, calls), repeat(fault)))
    try:
        await sweep_of(scene, store=dying).run_once()
    except StoreUnavailable:
        pass
    scene.clock.advance(STALE_AFTER_MS)
    await sweep_of(scene).run_once()
    assert [row.cause for row in await scene.memory.entries(SESSION, 0, 10)] == [None, "abandoned"]
    document = await scene.document()
    assert (document.state, document.published_through) == (SessionState.FINISHED, 2)


async def test_polish_and_drafts_that_lag_are_woken_until_they_do_not(scene: Scene) -> None:
    await scene.log(words("one", 0))
    stored = await scene.finish()
    await scene.change(replace(stored.document, published_through=1))
    sweep = sweep_of(scene)
    await sweep.run_once()
    assert await woken(scene) == BOTH
    await PolishHandler(scene.store, scene.bus, scene.kek, RulesPolisher(), scene.clock).handle(SESSION)
    await woken(scene)
    await sweep.run_once()
    assert await woken(scene) == {Subscriber.AUTOSAVE}
    await AutosaveHandler(scene.store, scene.bus, scene.blobs, scene.kek, scene.clock).handle(SESSION)
    await sweep.run_once()
    assert await woken(scene) == set()
    assert await scene.field(RecordName.DRAFT, "polished") == 1


async def test_a_text_that_waits_to_be_polished_again_wakes_polish(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await scene.finish()
    await PolishHandler(scene.store, scene.bus, scene.kek, RulesPolisher(), scene.clock).handle(SESSION)
    record = await scene.memory.record(SESSION, RecordName.POLISH)
    assert record is not None
    await scene.memory.write_record(
        SESSION, RecordName.POLISH, {**record.fields, "upgraded": 0}, record.version
    )
    await woken(scene)
    await sweep_of(scene).run_once()
    assert Subscriber.POLISH in await woken(scene)


async def test_the_first_sweep_looks_at_sessions_of_any_age_and_later_ones_at_recent_ones(
    scene: Scene,
) -> None:
    await scene.log(words("one", 0))
    stored = await scene.finish()
    await scene.change(replace(stored.document, published_through=1))
    scene.clock.advance(400 * DAY_MS)
    sweep = sweep_of(scene)
    await sweep.run_once()
    assert await woken(scene) == BOTH
    for _ in range(100):
        scene.clock.advance(THOROUGH_EVERY_MS // 20)
        await sweep.run_once()
    assert await woken(scene) == set()


# --- deletion


async def test_when_its_time_is_over_nothing_of_it_is_left(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await AutosaveHandler(scene.store, scene.bus, scene.blobs, scene.kek, scene.clock).handle(SESSION)
    await scene.change(replace(await scene.document(), purge_at_ms=scene.clock.wall_ms() + 1))
    await sweep_of(scene).run_once()
    assert await scene.everything_of() != []
    scene.clock.advance(1)
    await sweep_of(scene).run_once()
    assert await scene.everything_of() == []
    document = await scene.document()
    assert (document.state, document.wrapped_key, document.config) == (SessionState.PURGED, b"", b"")


async def test_what_was_written_beside_a_tombstone_is_removed_by_the_next_sweep(scene: Scene) -> None:
    await scene.delete()
    sweep = sweep_of(scene)
    await sweep.run_once()
    await scene.blobs.create(f"{drafts_of(SESSION)}log-1/00000000", b"late")
    await scene.memory.write_record(SESSION, RecordName.DRAFT, {"through": 1}, None)
    scene.clock.advance(60_000)
    await sweep.run_once()
    assert await scene.everything_of() == []


async def test_a_tombstone_is_kept_for_its_time_and_no_longer(scene: Scene) -> None:
    await scene.delete()
    sweep = sweep_of(scene)
    for _ in range(TOMBSTONE_DAYS):
        await sweep.run_once()
        assert (await scene.document()).state is SessionState.PURGED
        scene.clock.advance(DAY_MS)
    await sweep.run_once()
    assert await scene.memory.load(SESSION) is None


async def test_a_tombstone_that_still_has_remains_is_kept(scene: Scene) -> None:
    await scene.delete()
    scene.clock.advance(TOMBSTONE_DAYS * DAY_MS)
    await scene.blobs.create(f"{drafts_of(SESSION)}log-1/00000000", b"late")
    sweep = sweep_of(scene)
    await sweep.run_once()
    assert await scene.memory.load(SESSION) is not None
    assert await scene.everything_of() == []
    await sweep.run_once()
    assert await scene.memory.load(SESSION) is None


# --- many sessions


async def many(scene: Scene, number: int) -> list[SessionId]:
    sessions = [SessionId(f"00000000-0000-4000-9000-{n:012}") for n in range(number)]
    for session in sessions:
        await scene.begin(session=session)
    scene.clock.advance(STALE_AFTER_MS)
    return sessions


async def test_all_pages_are_swept(scene: Scene) -> None:
    sessions = await many(scene, 150)
    await sweep_of(scene).run_once()
    states = {(await scene.document(session)).state for session in sessions}
    assert states == {SessionState.INTERRUPTED}


async def test_one_that_fails_stops_no_other(scene: Scene) -> None:
    sessions = await many(scene, 10)

    class OneLost(FaultyStore):
        """One session cannot be read."""

        async def load(self, session: SessionId) -> Stored | None:
            if session == sessions[4]:
                raise StoreUnavailable("this one is lost")
            return await super().load(session)

    await sweep_of(scene, store=OneLost(scene.memory, scene.clock)).run_once()
    states = [(await scene.document(session)).state for session in sessions]
    assert states.count(SessionState.INTERRUPTED) == 9
    assert states[4] is SessionState.RECORDING


async def test_when_the_store_fails_each_walk_gives_up_soon(scene: Scene) -> None:
    await many(scene, 10)
    asked = 0

    def reads() -> Iterator[Fault]:
        """What is due and what is unfinished is told, and nothing after that."""
        nonlocal asked
        for asked in count(1):
            yield NONE if asked <= 2 else REFUSED

    with pytest.raises(StoreUnavailable):
        await sweep_of(scene, store=FaultyStore(scene.memory, scene.clock, reads=reads())).run_once()
    lists_of_the_other_walks = 2
    assert asked == 2 + FAILURES_IN_A_ROW_MAX + lists_of_the_other_walks
