"""The loop around a handler: what it does with each kind of ending, how much it does at once, and how it stops."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import StringIO

import pytest

from shared.config import LogFormat, LogLevel
from shared.domain.values import LogId, SessionId
from shared.errors import Broken, DictationError, LeaseLost, Refuse, Retry, StoreUnavailable
from shared.observe import configure
from shared.ports import DeadLetter, Delivery, Subscriber, Wakeup
from shared.subscriber import JOBS_MAX, OUTAGE_MS, POLL_MS, Puller, until_told_to_stop
from shared.tasks import stop
from tests.doubles.clock import ManualClock
from tests.doubles.memory import MemoryBus

SESSIONS = [SessionId(f"00000000-0000-4000-8000-{n:012}") for n in range(3 * JOBS_MAX)]
Handle = Callable[[SessionId], Awaitable[None]]


class Log:
    """A handler that notes what it is given, and does what `then` says."""

    def __init__(self, then: BaseException | None = None) -> None:
        self.handled: list[SessionId] = []
        self.then = then

    async def __call__(self, session: SessionId) -> None:
        self.handled.append(session)
        if self.then is not None:
            raise self.then


class Gate:
    """A handler that waits until it is opened, and knows how many wait at most."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.done = 0

    async def __call__(self, session: SessionId) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
            self.done += 1
        finally:
            self.inside -= 1


@pytest.fixture(autouse=True)
def log() -> StringIO:
    written = StringIO()
    configure("test", LogLevel.INFO, LogFormat.JSON, written)
    return written


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bus(clock: ManualClock) -> MemoryBus:
    return MemoryBus(clock)


async def settle() -> None:
    """Let every task run until it waits for the clock or for a test."""
    for _ in range(200):
        await asyncio.sleep(0)


@asynccontextmanager
async def pulling(bus: MemoryBus, clock: ManualClock, handle: Handle) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(Puller(bus, clock, Subscriber.POLISH, handle).run())
    try:
        await settle()
        yield task
    finally:
        await stop(task)


async def wake(bus: MemoryBus, *sessions: SessionId) -> None:
    for session in sessions:
        await bus.publish(Wakeup(session, LogId("log"), 1))


async def letters(bus: MemoryBus) -> list[DeadLetter]:
    return await bus.dead_letters(100)


async def test_a_wake_up_is_handled_once_and_forgotten(bus: MemoryBus, clock: ManualClock) -> None:
    handle = Log()
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, handle):
        clock.advance(600_000)
        await settle()
    assert handle.handled == [SESSIONS[0]]


async def test_what_comes_while_it_waits_is_handled_within_one_look(
    bus: MemoryBus, clock: ManualClock
) -> None:
    handle = Log()
    async with pulling(bus, clock, handle):
        await wake(bus, SESSIONS[0])
        clock.advance(POLL_MS)
        await settle()
        assert handle.handled == [SESSIONS[0]]


async def test_a_session_woken_while_it_is_handled_is_handled_again(
    bus: MemoryBus, clock: ManualClock
) -> None:
    gate = Gate()
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, gate):
        await wake(bus, SESSIONS[0])
        gate.open.set()
        await settle()
        clock.advance(POLL_MS)
        await settle()
        assert (gate.done, gate.most) == (2, 1)


async def test_other_subscribers_are_left_alone(bus: MemoryBus, clock: ManualClock) -> None:
    handle = Log()
    await bus.wake(SESSIONS[0], Subscriber.AUTOSAVE)
    async with pulling(bus, clock, handle):
        clock.advance(POLL_MS)
        await settle()
    assert handle.handled == []


@pytest.mark.parametrize(
    "error", [Retry("away"), StoreUnavailable("away"), LeaseLost("another"), TimeoutError()]
)
async def test_what_may_work_later_is_tried_later(
    bus: MemoryBus, clock: ManualClock, error: Exception
) -> None:
    handle = Log(then=error)
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, handle):
        assert len(handle.handled) == 1
        handle.then = None
        clock.advance(1_000)
        await settle()
        assert len(handle.handled) == 2
    assert await letters(bus) == []


@pytest.mark.parametrize("error", [Refuse("no"), Broken("no")])
async def test_what_never_works_is_shown_to_a_person_by_its_kind_alone(
    bus: MemoryBus, clock: ManualClock, error: DictationError, log: StringIO
) -> None:
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, Log(then=error)):
        [letter] = await letters(bus)
    assert letter.error == type(error).__name__
    assert SESSIONS[0] in log.getvalue()


async def test_only_so_many_sessions_are_handled_at_once(bus: MemoryBus, clock: ManualClock) -> None:
    gate = Gate()
    await wake(bus, *SESSIONS)
    async with pulling(bus, clock, gate):
        assert gate.inside == JOBS_MAX
        gate.open.set()
        await settle()
        assert (gate.done, gate.most) == (len(SESSIONS), JOBS_MAX)


class LameBus(MemoryBus):
    """Answers nothing while `down`."""

    down = True

    async def take(self, subscriber: Subscriber, lease_ms: int) -> Delivery | None:
        self._check()
        return await super().take(subscriber, lease_ms)

    async def done(self, delivery: Delivery) -> None:
        self._check()
        await super().done(delivery)

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("the disk is full")


async def test_an_outage_of_the_bus_is_waited_out_and_said_once(clock: ManualClock, log: StringIO) -> None:
    bus, handle = LameBus(clock), Log()
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, handle) as task:
        for _ in range(100):
            clock.advance(OUTAGE_MS)
            await settle()
        assert not task.done()
        assert len(log.getvalue().splitlines()) == 1
        bus.down = False
        clock.advance(OUTAGE_MS)
        await settle()
        assert handle.handled == [SESSIONS[0]]
    assert "answers again" in log.getvalue()


async def test_a_bus_that_was_not_told_gives_the_wake_up_again(clock: ManualClock) -> None:
    bus, gate = LameBus(clock), Gate()
    bus.down = False
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, gate):
        bus.down = True
        gate.open.set()
        await settle()
        bus.down = False
        clock.advance(120_000)
        await settle()
        assert gate.done == 2


async def test_a_mistake_of_the_handler_ends_the_loop_instead_of_hiding(
    bus: MemoryBus, clock: ManualClock
) -> None:
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, Log(then=ZeroDivisionError())) as task:
        clock.advance(POLL_MS)
        await settle()
        assert isinstance(task.exception(), ZeroDivisionError)


async def test_stopping_lets_what_is_handled_end(bus: MemoryBus, clock: ManualClock) -> None:
    gate = Gate()
    await wake(bus, SESSIONS[0])
    async with pulling(bus, clock, gate) as task:
        task.cancel()
        await settle()
        assert not task.done()
        gate.open.set()
        await asyncio.wait([task], timeout=1)
    assert gate.done == 1
    assert await bus.take(Subscriber.POLISH, 1_000) is None


async def test_what_does_not_end_in_time_is_given_back_within_two_seconds(
    bus: MemoryBus, clock: ManualClock
) -> None:
    gate = Gate()
    await wake(bus, SESSIONS[0])
    loop = asyncio.get_running_loop()
    async with pulling(bus, clock, gate) as task:
        began_s = loop.time()
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert loop.time() - began_s < 2
    assert gate.inside == 0
    clock.advance(1_000)
    assert await bus.take(Subscriber.POLISH, 1_000) is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it(number: signal.Signals) -> None:
    waiting = asyncio.create_task(until_told_to_stop())
    await settle()
    assert not waiting.done()
    os.kill(os.getpid(), number)
    await asyncio.wait([waiting], timeout=5)
    assert waiting.done()
