"""The service under the recorders: instances that can be killed or moved, one store behind them, and the sweep."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, cast

import tink
from tink import aead

from services.autosave.sweep import Sweep
from services.ingest.admission import Gate
from services.ingest.desk import Desk
from services.ingest.recording import Parts
from services.ingest.tickets import TicketKey, Tickets
from services.ingest.ws import serve
from shared.domain.entries import Logged
from shared.domain.session import SessionDocument
from shared.domain.values import Holder, Principal, SessionId
from shared.errors import DictationError, Retry
from shared.ports import KeyEncryption
from shared.sealing import open_entry, unwrap_key
from tests.doubles.faulty_store import Fault, FaultyStore
from tests.doubles.memory import MemoryBlobs, MemoryBus, MemoryStore
from tests.flow.engines import MakeEngine, bare
from tests.flow.network import Wire
from tests.flow.virtual_time import VirtualClock

DOCTOR = Principal("dr-okafor")
_instance: ContextVar[int] = ContextVar("instance", default=0)


@dataclass
class Instance:
    """One ingest process. Everything it runs is a task of its number, so that a kill leaves nothing of it."""

    number: int
    desk: Desk
    store: FaultyStore
    wires: set[Wire] = field(default_factory=set)
    is_draining: bool = False


@dataclass
class World:
    random: Random
    faults: Callable[[], Iterator[Fault]]
    """Of each new instance's writes."""
    make_engine: MakeEngine = field(default_factory=bare)
    sessions_max: int = 200
    clock: VirtualClock = field(default_factory=VirtualClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    instances: list[Instance | None] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What a service should never have raised."""

    def __post_init__(self) -> None:
        self.bus = MemoryBus(self.clock)
        self.kek = _key_encryption()
        self.tickets = Tickets([TicketKey(self.random.randbytes(32))])
        self._numbers = count(1)
        self._tasks: dict[int, set[asyncio.Task[Any]]] = {}
        asyncio.get_running_loop().set_task_factory(cast(Any, self._make_task))

    # --- instances

    def start(self, places: int) -> None:
        """So many instances, each behind an address of its own."""
        self.instances = [self._new_instance() for _ in range(places)]

    def _new_instance(self) -> Instance:
        store = FaultyStore(self.store, self.clock, self.faults())
        gate = Gate(store, self.clock, self.kek, self.tickets, self._draw_id, retention_days=None)
        engine = self.make_engine(self.clock)
        desk = Desk(gate, Parts(engine, self.bus, self.clock), self.sessions_max)
        instance = Instance(next(self._numbers), desk, store)
        self._run(instance, desk.watch())
        return instance

    def connect(self, turn: int, wire: Wire) -> bool:
        """Hand a dial to the instance whose turn it is. One that stops takes nobody in."""
        instance = self.instances[turn % len(self.instances)]
        if instance is None or instance.is_draining:
            return False
        instance.wires.add(wire)
        self._run(instance, self._serve(instance, wire))
        return True

    async def _serve(self, instance: Instance, wire: Wire) -> None:
        try:
            await serve(wire.server, instance.desk)
        except (DictationError, AssertionError, RuntimeError, LookupError, TypeError) as error:
            self.failures.append(f"serving a connection: {error!r}")
        finally:
            instance.wires.discard(wire)

    async def kill(self, place: int) -> None:
        """As by SIGKILL: nothing it runs runs on, and what it had sent to the store may still land."""
        instance = self.instances[place]
        if instance is None:
            return
        self.instances[place] = None
        while left := self._tasks.pop(instance.number, set()):
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        for wire in instance.wires:
            wire.server_died()

    async def move(self, place: int) -> None:
        """As by SIGTERM: the instance drains, and then it is gone."""
        instance = self.instances[place]
        if instance is None or instance.is_draining:
            return
        instance.is_draining = True
        await asyncio.wait_for(asyncio.shield(self._run(instance, instance.desk.drain())), 10)
        if self.instances[place] is instance:
            await self.kill(place)

    def restart(self, place: int) -> None:
        if self.instances[place] is None:
            self.instances[place] = self._new_instance()

    async def sweep(self) -> None:
        """As once a minute; an outage leaves the rest to the next one."""
        store = FaultyStore(self.store, self.clock, self.faults())
        sweep = Sweep(store, self.bus, self.blobs, self.clock, lambda: Holder(self._draw_id()))
        try:
            await sweep.run_once()
        except Retry:
            pass
        await store.landed()

    async def close(self) -> None:
        for place in range(len(self.instances)):
            await self.kill(place)
        asyncio.get_running_loop().set_task_factory(None)

    def ticket(self, session: SessionId) -> str:
        return self.tickets.issue(session, DOCTOR, self.clock.wall_ms())

    # --- what is stored

    async def document(self, session: SessionId) -> SessionDocument:
        stored = await self.store.load(session)
        assert stored is not None
        return stored.document

    async def log(self, session: SessionId) -> list[Logged]:
        stored = await self.store.load(session)
        if stored is None or not stored.document.wrapped_key:
            return []
        key = await unwrap_key(self.kek, session, stored.document.wrapped_key)
        return [open_entry(key, row) for row in await self.store.entries(session, 0, 1_000_000)]

    # --- tasks

    def _run(self, instance: Instance, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        token = _instance.set(instance.number)
        try:
            return asyncio.create_task(work)
        finally:
            _instance.reset(token)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        if number := _instance.get():
            mine = self._tasks.setdefault(number, set())
            mine.add(task)
            task.add_done_callback(mine.discard)
        return task

    def _draw_id(self) -> str:
        return f"{self.random.getrandbits(128):032x}"


def _key_encryption() -> KeyEncryption:
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    primitive: KeyEncryption = handle.primitive(aead.Aead)
    return primitive
