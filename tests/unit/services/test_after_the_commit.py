"""Polish, autosave and sweep together, two of each, over a store that fails, answers late and loses answers.

Whatever happened, once it is quiet every segment is polished once and every row is in the draft once. The seed is in the
test's name.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from functools import partial
from io import StringIO
from itertools import count
from random import Random
from typing import Any

import pytest

from services.autosave.draft import decode_part, goes_on, part_name, read_progress
from services.autosave.handler import AutosaveHandler
from services.autosave.sweep import Sweep
from services.polish.handler import PolishHandler
from services.polish.polishers.offline import RulesPolisher
from shared.config import LogFormat, LogLevel
from shared.domain.entries import Entry
from shared.domain.session import STALE_AFTER_MS, Move, SessionState
from shared.domain.values import Holder
from shared.errors import BlobsUnavailable, Resync, Retry, WriteConflict
from shared.observe import configure
from shared.ports import Subscriber
from shared.sealing import Kind
from shared.subscriber import LEASE_MS
from tests.doubles.faulty_store import Fault, FaultyStore, seeded
from tests.doubles.memory import MemoryBlobs
from tests.unit.services.scene import SESSION, Scene, gap, words

STEPS = 40
CONNECTION = Holder("connection")


class FaultyBlobs(MemoryBlobs):
    """Three calls in ten fail; half of those happen all the same."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.healthy = False

    async def create(self, key: str, body: bytes) -> None:
        luck = 1.0 if self.healthy else self.random.random()
        if luck >= 0.15:
            await super().create(key, body)
        if luck < 0.3:
            raise BlobsUnavailable("no answer")


class World:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.scene = Scene()
        self.blobs = FaultyBlobs(self.random)
        self.scene.blobs = self.blobs
        self.said = 0
        self.holders = count()
        self.running: set[asyncio.Task[None]] = set()
        self.stores: list[FaultyStore] = []

    # --- what happens

    async def step(self) -> None:
        doing = [
            self.speak,
            self.speak,
            self.polish,
            self.save,
            self.sweep,
            self.wait,
            self.interrupt,
            self.finish,
        ]
        await self.random.choice(doing)()
        await self.breathe(self.random.randint(0, 20))

    async def speak(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.said += 1
            entry = words(f"word{self.said}", self.said, end=self.random.random() < 0.5)
            await insist(partial(self.say, gap(self.said) if self.random.random() < 0.1 else entry))

    async def say(self, entry: Entry) -> None:
        """Under a lease, as ingest does: a sweep that had it loses it."""
        document = (await self.scene.document()).moved(Move.RECORD)
        if document.holder != CONNECTION:
            await self.scene.change(replace(document, holder=CONNECTION))
        await self.scene.log(entry)

    async def polish(self) -> None:
        self.start(
            PolishHandler(
                self.store(), self.scene.bus, self.scene.kek, RulesPolisher(), self.scene.clock
            ).handle(SESSION)
        )

    async def save(self) -> None:
        scene = self.scene
        self.start(
            AutosaveHandler(self.store(), scene.bus, self.blobs, scene.kek, scene.clock).handle(SESSION)
        )

    async def sweep(self) -> None:
        scene = self.scene
        sweep = Sweep(
            self.store(), scene.bus, self.blobs, scene.clock, lambda: Holder(f"sweep-{next(self.holders)}")
        )
        self.start(sweep.run_once())

    async def wait(self) -> None:
        self.scene.clock.advance(self.random.choice([1_000, 30_000, STALE_AFTER_MS]))

    async def interrupt(self) -> None:
        if (await self.scene.document()).state is SessionState.RECORDING:
            await insist(self.scene.interrupt)

    async def finish(self) -> None:
        await insist(self.scene.finish)

    # --- how

    def store(self) -> FaultyStore:
        store = FaultyStore(self.scene.memory, self.scene.clock, self.faults(), self.faults())
        self.stores.append(store)
        return store

    def faults(self) -> Iterator[Fault]:
        return seeded(self.random, 0.0 if self.blobs.healthy else 0.1, after_ms_max=5_000)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        async def forgiven() -> None:
            try:
                await work
            except (Retry, Resync):
                pass

        task = asyncio.create_task(forgiven())
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def breathe(self, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(0)
            self.scene.clock.advance(self.random.randint(0, 40))

    async def settle(self) -> None:
        while self.running:
            await self.breathe(20)
        landing = asyncio.gather(*(store.landed() for store in self.stores))
        while not landing.done():
            await self.breathe(20)

    async def end(self) -> None:
        """Everything is well again, and the session over."""
        await self.settle()
        self.blobs.healthy = True
        await self.finish()
        bus = self.scene.bus
        await bus.wake(SESSION, Subscriber.POLISH)
        # A handling that went on for long enough leaves the rest to a wake-up.
        while (delivery := await bus.take(Subscriber.POLISH, LEASE_MS)) is not None:
            await self.polish()
            await self.settle()
            await bus.done(delivery)
        await self.save()
        await self.settle()


async def insist(write: Callable[[], Awaitable[object]]) -> None:
    """Again, when a sweep wrote the session in between."""
    while True:
        try:
            await write()
            return
        except WriteConflict:
            continue


async def saved_rows(scene: Scene) -> tuple[list[int], list[int]]:
    """The indexes in the draft, as one who restores would collect them."""
    key, log_id = await scene.key(), (await scene.document()).log_id
    progress = read_progress(None, log_id)
    entries: list[int] = []
    polished: list[int] = []
    for number in range(len(await scene.blobs.list(f"drafts/{SESSION}/{log_id}/"))):
        body = await scene.blobs.read(part_name(SESSION, log_id, number))
        assert body is not None
        part = decode_part(key.open(Kind.DRAFT, number, body))
        assert part is not None
        assert goes_on(part, progress)
        progress = progress.saved(number, part)
        entries += [row.index for row in part.entries]
        polished += [row.index for row in part.polished]
    return entries, polished


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("test", LogLevel.ERROR, LogFormat.JSON, StringIO())


@pytest.mark.parametrize("seed", range(60))
async def test_every_word_is_polished_once_and_saved_once(seed: int) -> None:
    world = World(seed)
    await world.scene.begin()
    for _ in range(STEPS):
        await world.step()
    await world.end()
    scene = world.scene
    document = await scene.document()
    log = await scene.memory.entries(SESSION, 0, 10_000)
    polished = await scene.memory.polished(SESSION, 0, 10_000)
    covered = [index for row in polished for index in range(row.first, row.last + 1)]
    assert covered == sorted(set(covered))
    assert {row.index for row in log if row.cause is None} <= set(covered)
    heard = [word for _, _, text in await scene.polished() for word in text.casefold().split()]
    assert heard == sorted(set(heard), key=lambda word: int(word.removeprefix("word")))
    assert len(heard) == len([row for row in log if row.cause is None])
    assert await saved_rows(scene) == (list(range(document.next_index)), list(range(len(polished))))
