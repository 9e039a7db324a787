"""One dictation through a dying network, told by a seed: who records, what breaks and when, and what must be true after."""

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from random import Random
from typing import Any, Final

from client.events import CheckNow, ContinueHere
from client.link_state import Intent, Phase
from services.ingest.engines.scripted import NO_FAULTS, Faults
from shared.deletion import bury, remove_remains
from shared.domain.values import Holder, Span, samples
from tests.doubles.faulty_store import Fault, seeded
from tests.flow.engines import MakeEngine, bare, catching_up, in_turn, mended
from tests.flow.recorder import Recorder
from tests.flow.stage import Stage, is_done, uuid
from tests.flow.virtual_time import run

STORY_MS_MAX: Final = 120_000
HEALED_MS_MAX: Final = 400_000
"""Once the world is whole again, everybody is done within this."""

RECORDERS_MAX: Final = 3

Trouble = Callable[[], Coroutine[Any, Any, None]]


class Story:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.healed = False
        self.notes: list[str] = []
        self.stage = Stage(self.random, _engines(self.random), self._faults)
        self.world = self.stage.world

    async def play(self) -> None:
        self.world.start(self.random.choice([1, 2]))
        self._new_recorder().record()
        await self._break_things(self.random.randrange(10_000, STORY_MS_MAX))
        deleted = self.random.random() < 0.1
        if deleted:
            await self._delete()
        await self._heal()
        try:
            if deleted:
                await self._all_hear_of_the_deletion()
            else:
                await self._all_finish()
                await self.stage.check()
        finally:
            await self.stage.close()

    def told(self) -> str:
        notes = [*self.notes, *(note for each in self.stage.recorders for note in each.notes)]
        return "\n".join(sorted(notes, key=lambda note: int(note[:7])))

    # --- what goes wrong

    def _faults(self) -> Iterator[Fault]:
        endless = seeded(self.random, self.random.choice([0, 0.05, 0.25]), after_ms_max=4_000)
        while not self.healed:
            yield next(endless)

    async def _break_things(self, until_ms: int) -> None:
        troubles: list[tuple[str, Trouble, int]] = [
            ("cut", self._cut, 2),
            ("hole", self._hole, 1),
            ("offline", self._offline, 1),
            ("ghost", self._ghost, 1),
            ("kill", self._kill, 1),
            ("move", self._move, 1),
            ("outage", self._outage, 1),
            ("sweep", self.world.sweep, 1),
            ("check", self._check_now, 1),
            ("delay", self._delay, 1),
            ("clock", self._clock, 1),
            ("person", self._person, 3),
        ]
        weights = [weight for _, _, weight in troubles]
        while self.world.clock.monotonic_ms() < until_ms:
            await self.stage.sleep(self.random.expovariate(1 / 3))
            name, trouble, _ = self.random.choices(troubles, weights)[0]
            self._note(name)
            self.stage.spawn(trouble())

    async def _cut(self) -> None:
        if wire := self._recorder.wire:
            wire.cut()

    async def _hole(self) -> None:
        if wire := self._recorder.wire:
            wire.hold()
            await self._while(20_000)
            wire.release()

    async def _offline(self) -> None:
        recorder = self._recorder
        recorder.go_offline()
        await self._while(self.random.choice([5_000, 60_000, 150_000]))
        recorder.go_online()

    async def _ghost(self) -> None:
        recorder = self._recorder
        if recorder.wire:
            recorder.wire.vanish()
            recorder.lose()

    async def _kill(self) -> None:
        place = self.random.randrange(len(self.world.instances))
        await self.world.kill(place)
        await self._while(6_000)
        self.world.restart(place)

    async def _move(self) -> None:
        place = self.random.randrange(len(self.world.instances))
        await self.world.move(place)
        await self._while(3_000)
        self.world.restart(place)

    async def _outage(self) -> None:
        stores = [instance.store for instance in self.world.instances if instance]
        for store in stores:
            store.down = True
        await self._while(40_000)
        for store in stores:
            store.down = False

    async def _check_now(self) -> None:
        self._recorder.hear(CheckNow())

    async def _delay(self) -> None:
        if wire := self._recorder.wire:
            wire.up.delay_ms = self.random.randrange(7_000)
            await self._while(10_000)
            wire.up.delay_ms = 0

    async def _clock(self) -> None:
        self.world.clock.skew_ms += self.random.randrange(-20_000, 20_000)

    async def _person(self) -> None:
        """Somebody presses something."""
        recorder = self._recorder
        match self.random.randrange(5):
            case 0 | 1 if recorder.link.intent is Intent.RECORDING:
                recorder.pause()
            case 0 | 1:
                recorder.record()
            case 2 if recorder.link.phase is Phase.STOPPED:
                recorder.hear(ContinueHere())
            case 3 if len(self.stage.recorders) < RECORDERS_MAX:
                self._new_recorder().record()
            case 4 if self.random.random() < 0.3:
                recorder.finish()

    async def _delete(self) -> None:
        self._note("delete")
        store, session = self.world.store, self.stage.session
        if await bury(store, self.world.clock, session, Holder(uuid(self.random))):
            await remove_remains(store, self.world.blobs, self.world.bus, session)

    # --- how it ends

    async def _heal(self) -> None:
        self._note("healed")
        self.healed = True
        await self.stage.spawned()
        for place in range(len(self.world.instances)):
            self.world.restart(place)

    async def _all_finish(self) -> None:
        for recorder in self.stage.recorders:
            recorder.finish()
        for recorder in self.stage.recorders:
            await self.stage.until(partial(is_done, recorder), HEALED_MS_MAX, recorder.name)

    async def _all_hear_of_the_deletion(self) -> None:
        for recorder in self.stage.recorders:
            recorder.pause()
            recorder.record()
            await self.stage.until(partial(_is_stopped, recorder), HEALED_MS_MAX, recorder.name)
        codes = {recorder.link.bye.code for recorder in self.stage.recorders if recorder.link.bye}
        assert codes <= {4410}, codes

    # --- little things

    def _new_recorder(self) -> Recorder:
        tape = samples(self.random.choice([25, 60, 3_600]))
        return self.stage.recorder(tape=tape, skew_ms=self.random.randrange(-5_000, 5_000))

    @property
    def _recorder(self) -> Recorder:
        return self.random.choice(self.stage.recorders)

    async def _while(self, ms_max: int) -> None:
        """A trouble lasts, but not beyond the healing."""
        until_ms = self.world.clock.monotonic_ms() + self.random.randrange(ms_max)
        while not self.healed and self.world.clock.monotonic_ms() < until_ms:
            await self.world.clock.sleep_ms(100)

    def _note(self, what: str) -> None:
        self.notes.append(f"{self.world.clock.monotonic_ms():7} {what}")


def _engines(random: Random) -> MakeEngine:
    """One that ends the connection when it fails, or one or several that mend themselves."""
    every = [_engine_faults(random) for _ in range(random.choice([1, 1, 2, 3]))]
    if len(every) > 1:
        return catching_up(in_turn(*every)) if random.random() < 0.5 else in_turn(*every)
    return bare(every[0]) if random.random() < 0.6 else mended(every[0])


def _engine_faults(random: Random) -> Faults:
    draw = random.random
    if draw() < 0.4:
        return NO_FAULTS
    at = random.randrange(samples(60))
    return Faults(
        delay_ms=random.choice([0, 100, 2_500]),
        slow=random.choice([0, 0, 0.5, 1.3]),
        mute_at=at if draw() < 0.3 else None,
        mute_ms=random.randrange(40_000),
        dies_at=tuple(random.randrange(samples(60)) for _ in range(random.randrange(4))),
        deaf=Span(at, at + samples(2)) if draw() < 0.2 else None,
        refuses=random.choice([0, 0, 2]),
    )


def _is_stopped(recorder: Recorder) -> bool:
    return recorder.link.phase is Phase.STOPPED and recorder.link.bye is not None


def play(seed: int) -> None:
    """Raises what went wrong, after printing the story so far and the command that tells it again."""
    stories: list[Story] = []

    async def tell() -> None:
        stories.append(Story(seed))
        await stories[0].play()

    ended_well = False
    try:
        run(tell())
        ended_well = True
    finally:
        if not ended_well:
            print(f"{stories[0].told()}\nagain: python -m tests.flow --seed {seed}")
