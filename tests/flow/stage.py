"""A session on the simulated service, its recorders, and what must be true once they are done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from random import Random
from typing import Any, Final

from client.events import ContinueHere
from client.link_state import Phase
from services.ingest.engines.scripted import NO_FAULTS, Faults
from shared.domain.entries import Logged
from shared.domain.session import SessionState
from shared.domain.values import SessionId, TakeId, samples
from tests.doubles.faulty_store import Fault
from tests.flow.engines import MakeEngine, bare
from tests.flow.oracle import check_log, check_seen, spans_missing
from tests.flow.recorder import Recorder, Service
from tests.flow.virtual_time import VirtualClock, run
from tests.flow.world import World

QUIET_MS: Final = 60_000
"""After the last recorder is done the service has nothing left to do within this."""

WAIT_MS_MAX: Final = 400_000


Act = Callable[["Stage"], Awaitable[None]]


def no_faults() -> Iterator[Fault]:
    return iter(())


class Stage:
    def __init__(
        self,
        random: Random,
        make_engine: MakeEngine,
        faults: Callable[[], Iterator[Fault]] = no_faults,
    ) -> None:
        self.random = random
        self.world = World(random, faults, make_engine)
        self.session = SessionId(uuid(random))
        self.recorders: list[Recorder] = []
        self._too_soon: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def recorder(
        self, *, tape: int = samples(3_600), skew_ms: int = 0, take_id: TakeId | None = None
    ) -> Recorder:
        """One more recorder of the session; with the take of an earlier one, it is that one started again."""
        service = Service(self.world.connect, self.world.ticket)
        name = f"recorder {len(self.recorders) + 1}"
        take_id = take_id or TakeId(uuid(self.random))
        clock = VirtualClock(skew_ms)
        recorder = Recorder(name, self.session, take_id, service, self.random, clock, tape)
        recorder.done = lambda who: self.spawn(self._check_done(who, who.tape.until))
        self.recorders.append(recorder)
        return recorder

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check_done(self, recorder: Recorder, captured_until: int) -> None:
        """Nobody is told "all done" before it is true."""
        stored = await self.world.store.load(self.session)
        take = stored.document.find_take(recorder.link.take_id) if stored else None
        if captured_until and (take is None or take.covered < captured_until):
            self._too_soon.append(f"{recorder.name} was told that {captured_until} samples are safe: {take}")

    # --- time

    async def sleep(self, seconds: float) -> None:
        await self.world.clock.sleep_ms(round(seconds * 1_000))

    async def until(self, condition: Callable[[], bool], limit_ms: int = WAIT_MS_MAX, what: str = "") -> None:
        deadline_ms = self.world.clock.monotonic_ms() + limit_ms
        while not condition():
            assert self.world.clock.monotonic_ms() < deadline_ms, f"in vain: {what or condition}"
            await self.world.clock.sleep_ms(20)

    async def spawned(self) -> None:
        """Everything spawned has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- the end

    async def done(self, recorder: Recorder) -> None:
        """The person presses Finish, and "continue here" where asked, until the page says that all is done."""
        recorder.finish()
        await self.until(lambda: is_done(recorder), what=f"{recorder.name} is done")

    async def check(self) -> list[Logged]:
        """Everything every recorder captured is stored once, in order; gives the log."""
        await self.spawned()
        document, log = await self.world.document(self.session), await self.world.log(self.session)
        assert document.state is SessionState.FINISHED
        check_log(document, log, self.recorders)
        for recorder in self.recorders:
            take = document.find_take(recorder.link.take_id)
            assert take is not None or not recorder.tape.until, f"{recorder.name} is nowhere"
            if take is not None:
                missing = spans_missing(log, take.number, recorder.tape.until)
                assert not missing, f"{recorder.name}: {missing} is lost"
            check_seen(log, recorder)
        return log

    async def close(self) -> None:
        """Everybody leaves; then nothing may be left of them in the service."""
        for recorder in self.recorders:
            await recorder.close()
        await self.world.clock.sleep_ms(QUIET_MS)
        busy = [instance.desk.is_busy for instance in self.world.instances if instance]
        await self.world.close()
        assert not any(busy), "an instance still has connections or recordings"
        assert not self.world.failures, self.world.failures
        assert not self._too_soon, self._too_soon


def is_done(recorder: Recorder) -> bool:
    """Whether its page says so; a person who is told that another recorder has the session continues here."""
    if recorder.link.phase is Phase.STOPPED:
        recorder.hear(ContinueHere())
    return recorder.link.phase is Phase.DONE


def on_stage(
    act: Act,
    instances: int = 1,
    engine_faults: Faults = NO_FAULTS,
    *,
    make_engine: MakeEngine | None = None,
    checked: bool = True,
) -> None:
    """Play `act` in virtual time, and hold what is stored to what was captured."""

    async def perform() -> None:
        stage = Stage(Random(1), make_engine or bare(engine_faults))
        stage.world.start(instances)
        try:
            await act(stage)
            if checked:
                await stage.check()
        finally:
            await stage.close()

    run(perform())


async def recorded(stage: Stage, recorder: Recorder, seconds: float) -> None:
    until = recorder.tape.until + samples(seconds)
    await stage.until(lambda: recorder.tape.until >= until, what="recorded")


def uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
