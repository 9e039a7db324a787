"""A store with faults on demand, wrapped around any other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from random import Random
from typing import Any, TypeVar

from shared.domain.session import SessionDocument
from shared.domain.values import Principal, SessionId
from shared.errors import StoreUnavailable, WriteConflict
from shared.ports import (
    Clock,
    EntryRow,
    PolishedRow,
    RecordFields,
    RecordName,
    Store,
    Stored,
    StoredRecord,
    Version,
)

T = TypeVar("T")


class FaultKind(Enum):
    NONE = auto()
    REFUSED = auto()
    """Nothing happens, and the caller is told that it may have."""
    REPLY_LOST = auto()
    """It happens, and the caller is told that it may not have."""
    LATE = auto()
    """The caller is told at once that it may not have happened, and it happens `after_ms` later."""
    SLOW = auto()
    """It happens after `after_ms`, and so does the answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    after_ms: int = 0


NONE = Fault(FaultKind.NONE)
REFUSED = Fault(FaultKind.REFUSED)
REPLY_LOST = Fault(FaultKind.REPLY_LOST)


def late(after_ms: int) -> Fault:
    return Fault(FaultKind.LATE, after_ms)


def slow(after_ms: int) -> Fault:
    return Fault(FaultKind.SLOW, after_ms)


def seeded(random: Random, share: float, after_ms_max: int) -> Iterator[Fault]:
    """Faults without end, `share` of the calls with one."""
    kinds = [kind for kind in FaultKind if kind is not FaultKind.NONE]
    while True:
        yield (
            Fault(random.choice(kinds), random.randint(1, after_ms_max)) if random.random() < share else NONE
        )


class FaultyStore:
    """`ports.Store`: each write takes the next fault of `writes`, each read of `reads`; afterwards there are none.

    While `down` is set, every call is refused, and what is still to land late waits for it to end.
    """

    def __init__(
        self, inner: Store, clock: Clock, writes: Iterable[Fault] = (), reads: Iterable[Fault] = ()
    ) -> None:
        self.down = False
        self._inner = inner
        self._clock = clock
        self._writes = iter(writes)
        self._reads = iter(reads)
        self._landing: set[asyncio.Task[None]] = set()

    def next_writes(self, *faults: Fault) -> None:
        """These come first now."""
        self._writes = chain(faults, self._writes)

    def next_reads(self, *faults: Fault) -> None:
        self._reads = chain(faults, self._reads)

    async def landed(self) -> None:
        """Returns once nothing is to land late any more; on a manual clock somebody must move it."""
        while self._landing:
            await asyncio.wait(self._landing)

    # --- writes

    async def create(self, session: SessionId, document: SessionDocument) -> Stored:
        return await self._write(lambda: self._inner.create(session, document))

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        return await self._write(lambda: self._inner.write(base, document, entries))

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        return await self._write(lambda: self._inner.write_record(session, name, fields, base, polished))

    async def erase(self, session: SessionId) -> int:
        return await self._write(lambda: self._inner.erase(session))

    async def forget(self, base: Stored) -> None:
        await self._write(lambda: self._inner.forget(base))

    # --- reads

    async def load(self, session: SessionId) -> Stored | None:
        return await self._read(lambda: self._inner.load(session))

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        return await self._read(lambda: self._inner.entries(session, start, limit))

    async def polished(self, session: SessionId, start: int, limit: int) -> list[PolishedRow]:
        return await self._read(lambda: self._inner.polished(session, start, limit))

    async def record(self, session: SessionId, name: RecordName) -> StoredRecord | None:
        return await self._read(lambda: self._inner.record(session, name))

    async def owned(self, owner: Principal, before_ms: int | None, limit: int) -> list[Stored]:
        return await self._read(lambda: self._inner.owned(owner, before_ms, limit))

    async def unfinished(self, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._read(lambda: self._inner.unfinished(after, limit))

    async def touched(self, since_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._read(lambda: self._inner.touched(since_ms, after, limit))

    async def purgeable(self, now_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._read(lambda: self._inner.purgeable(now_ms, after, limit))

    def watch(self) -> AsyncIterator[SessionId]:
        return self._inner.watch()

    async def check(self) -> None:
        self._check_up()
        await self._inner.check()

    async def close(self) -> None:
        for task in self._landing:
            task.cancel()
        await asyncio.gather(*self._landing, return_exceptions=True)
        await self._inner.close()

    # --- faults

    async def _write(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._check_up()
        fault = next(self._writes, NONE)
        if fault.kind is FaultKind.LATE:
            task = asyncio.create_task(self._land(call, fault.after_ms))
            self._landing.add(task)
            task.add_done_callback(self._landing.discard)
            raise StoreUnavailable("the store did not answer")
        return await self._answer(call, fault)

    async def _read(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._check_up()
        return await self._answer(call, next(self._reads, NONE))

    async def _answer(self, call: Callable[[], Coroutine[Any, Any, T]], fault: Fault) -> T:
        if fault.kind is FaultKind.REFUSED:
            raise StoreUnavailable("the store refused")
        if fault.kind is FaultKind.SLOW:
            await self._clock.sleep_ms(fault.after_ms)
            self._check_up()
        answer = await call()
        if fault.kind is FaultKind.REPLY_LOST:
            raise StoreUnavailable("the store's answer was lost")
        return answer

    async def _land(self, call: Callable[[], Coroutine[Any, Any, object]], after_ms: int) -> None:
        await self._clock.sleep_ms(after_ms)
        while self.down:
            await self._clock.sleep_ms(after_ms)
        try:
            await call()
        except WriteConflict:
            pass  # what the version guard is for

    def _check_up(self) -> None:
        if self.down:
            raise StoreUnavailable("the store is down")
