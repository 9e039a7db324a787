"""The ports in memory: deterministic, without threads and files, at home on any event loop.

Every handle on the same data is the same object, so nothing here closes.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from shared.adapters.blob_keys import check_key, check_prefix
from shared.adapters.retries import (
    ATTEMPTS_MAX,
    ERROR_CHARACTERS_MAX,
    HIDDEN_MS_MAX,
    LOST_WORKER,
    RETRY_MS_MAX,
    retry_after_ms,
)
from shared.domain.session import SessionDocument, SessionState
from shared.domain.values import Principal, SessionId
from shared.errors import WriteConflict
from shared.ports import (
    Clock,
    DeadLetter,
    Delivery,
    EntryRow,
    PolishedRow,
    RecordFields,
    RecordName,
    Stored,
    StoredRecord,
    Subscriber,
    Version,
    Wakeup,
)

UNFINISHED = frozenset({SessionState.RECORDING, SessionState.INTERRUPTED, SessionState.FINISHING})


class _Row(Protocol):
    @property
    def index(self) -> int: ...


R = TypeVar("R", bound=_Row)


@dataclass
class _Logs:
    """Everything of a session beside its document."""

    entries: dict[int, EntryRow] = field(default_factory=dict)
    polished: dict[int, PolishedRow] = field(default_factory=dict)
    records: dict[RecordName, StoredRecord] = field(default_factory=dict)


class MemoryStore:
    """`ports.Store`."""

    def __init__(self) -> None:
        self._sessions: dict[SessionId, Stored] = {}
        self._logs: defaultdict[SessionId, _Logs] = defaultdict(_Logs)
        self._writes = 0
        self._changed: dict[SessionId, int] = {}
        self._watchers: set[asyncio.Event] = set()

    async def load(self, session: SessionId) -> Stored | None:
        return self._sessions.get(session)

    async def create(self, session: SessionId, document: SessionDocument) -> Stored:
        if session in self._sessions:
            raise WriteConflict("the session exists")
        self._sessions[session] = Stored(session, document, self._new_version())
        return self._sessions[session]

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        self._check_stored(base)
        _append(self._logs[base.session].entries, entries)
        self._sessions[base.session] = Stored(base.session, document, self._new_version())
        return self._sessions[base.session]

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        return _page(self._logs[session].entries, start, limit)

    async def polished(self, session: SessionId, start: int, limit: int) -> list[PolishedRow]:
        return _page(self._logs[session].polished, start, limit)

    async def record(self, session: SessionId, name: RecordName) -> StoredRecord | None:
        return self._logs[session].records.get(name)

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        logs = self._logs[session]
        stored = logs.records.get(name)
        if (stored.version if stored else None) != base:
            raise WriteConflict("somebody else wrote this record first")
        _append(logs.polished, polished)
        version = self._new_version()
        logs.records[name] = StoredRecord(dict(fields), version)
        self._changed.pop(session, None)
        self._changed[session] = self._writes
        for watcher in self._watchers:
            watcher.set()
        return version

    async def erase(self, session: SessionId) -> int:
        logs = self._logs.pop(session, _Logs())
        return len(logs.entries) + len(logs.polished) + len(logs.records)

    async def forget(self, base: Stored) -> None:
        self._check_stored(base)
        del self._sessions[base.session]

    async def owned(self, owner: Principal, before_ms: int | None, limit: int) -> list[Stored]:
        mine = [
            stored
            for stored in self._all()
            if stored.document.owner == owner
            and stored.document.state is not SessionState.PURGED
            and (before_ms is None or stored.document.created_at_ms < before_ms)
        ]
        return sorted(mine, key=lambda stored: -stored.document.created_at_ms)[:limit]

    async def unfinished(self, after: SessionId | None, limit: int) -> list[Stored]:
        return [stored for stored in self._all(after) if stored.document.state in UNFINISHED][:limit]

    async def touched(self, since_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        return [stored for stored in self._all(after) if stored.document.heartbeat_at_ms >= since_ms][:limit]

    async def purgeable(self, now_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        return [stored for stored in self._all(after) if _is_purgeable(stored.document, now_ms)][:limit]

    def watch(self) -> AsyncIterator[SessionId]:
        return self._changes(self._writes)

    async def _changes(self, told_through: int) -> AsyncIterator[SessionId]:
        news = asyncio.Event()
        self._watchers.add(news)
        try:
            while True:
                news.clear()
                told, told_through = told_through, self._writes
                for session in [each for each, change in self._changed.items() if change > told]:
                    yield session
                await news.wait()
        finally:
            self._watchers.discard(news)

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def _all(self, after: SessionId | None = None) -> list[Stored]:
        return [stored for session, stored in sorted(self._sessions.items()) if session > (after or "")]

    def _check_stored(self, base: Stored) -> None:
        stored = self._sessions.get(base.session)
        if stored is None or stored.version != base.version:
            raise WriteConflict("somebody else wrote this session first")

    def _new_version(self) -> Version:
        self._writes += 1
        return Version(str(self._writes))


def _append(log: dict[int, R], rows: Sequence[R]) -> None:
    indexes = [row.index for row in rows]
    if len({*indexes} - log.keys()) < len(indexes):
        raise WriteConflict("an entry of this index exists")
    log.update(zip(indexes, rows, strict=True))


def _page(log: dict[int, R], start: int, limit: int) -> list[R]:
    return [row for index, row in sorted(log.items()) if index >= start][:limit]


def _is_purgeable(document: SessionDocument, now_ms: int) -> bool:
    due_ms = document.purge_at_ms
    return document.state is SessionState.PURGED or (due_ms is not None and due_ms <= now_ms)


@dataclass
class _Wake:
    """What one subscriber is to look at, as a row of the embedded bus says it."""

    due_at_ms: int | None
    generation: int = 1
    attempts: int = 0
    ticket: str | None = None
    taken_generation: int = 0
    died_at_ms: int | None = None
    error: str = ""


class MemoryBus:
    """`ports.Bus`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wakes: dict[tuple[SessionId, Subscriber], _Wake] = {}
        self._taken = 0

    async def publish(self, wakeup: Wakeup) -> None:
        for subscriber in Subscriber:
            await self.wake(wakeup.session, subscriber)

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        now_ms = self._clock.wall_ms()
        wake = self._wakes.get((session, subscriber))
        if wake is None:
            self._wakes[session, subscriber] = _Wake(due_at_ms=now_ms)
            return
        wake.generation += 1
        if wake.due_at_ms is None:
            assert wake.died_at_ms is not None
            wake.due_at_ms = max(now_ms, wake.died_at_ms + RETRY_MS_MAX)

    async def take(self, subscriber: Subscriber, lease_ms: int) -> Delivery | None:
        assert 0 < lease_ms <= HIDDEN_MS_MAX
        for _, session, wake in self._due(subscriber):
            if wake.ticket is not None and wake.attempts >= ATTEMPTS_MAX:
                self._bury(wake, LOST_WORKER)
                continue
            self._taken += 1
            wake.attempts += 1
            wake.ticket = str(self._taken)
            wake.taken_generation = wake.generation
            wake.due_at_ms = self._clock.wall_ms() + lease_ms
            return Delivery(session, subscriber, wake.attempts, wake.ticket)
        return None

    async def done(self, delivery: Delivery) -> None:
        wake = self._held(delivery)
        if wake is None:
            return
        if wake.generation == wake.taken_generation:
            del self._wakes[delivery.session, delivery.subscriber]
        else:
            again = _Wake(due_at_ms=self._clock.wall_ms(), generation=wake.generation)
            self._wakes[delivery.session, delivery.subscriber] = again

    async def failed(self, delivery: Delivery, error: str, *, permanent: bool) -> None:
        wake = self._held(delivery)
        if wake is None:
            return
        if permanent or delivery.attempts >= ATTEMPTS_MAX:
            self._bury(wake, error)
            return
        wake.ticket = None
        wake.error = error[:ERROR_CHARACTERS_MAX]
        wake.due_at_ms = self._clock.wall_ms() + retry_after_ms(delivery.attempts)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        letters = [
            DeadLetter(session, subscriber, wake.attempts, wake.error, wake.died_at_ms)
            for (session, subscriber), wake in sorted(self._wakes.items(), key=lambda each: each[0])
            if wake.died_at_ms is not None
        ]
        return sorted(letters, key=lambda letter: letter.died_at_ms)[:limit]

    async def replay(self, letter: DeadLetter) -> bool:
        wake = self._wakes.get((letter.session, letter.subscriber))
        if wake is None or wake.died_at_ms is None:
            return False
        wake.generation += 1
        wake.died_at_ms = None
        wake.error = ""
        wake.attempts = 0 if wake.ticket is None else 1
        if wake.ticket is None:
            wake.due_at_ms = self._clock.wall_ms()
        return True

    async def forget_session(self, session: SessionId) -> int:
        gone = [key for key in self._wakes if key[0] == session]
        for key in gone:
            del self._wakes[key]
        return len(gone)

    async def close(self) -> None:
        pass

    def _due(self, subscriber: Subscriber) -> list[tuple[int, SessionId, _Wake]]:
        now_ms = self._clock.wall_ms()
        due = [
            (wake.due_at_ms, session, wake)
            for (session, whose), wake in self._wakes.items()
            if whose is subscriber
            and wake.due_at_ms is not None
            and not now_ms < wake.due_at_ms <= now_ms + HIDDEN_MS_MAX
        ]
        return sorted(due, key=lambda each: each[:2])

    def _held(self, delivery: Delivery) -> _Wake | None:
        wake = self._wakes.get((delivery.session, delivery.subscriber))
        return wake if wake is not None and wake.ticket == delivery.ticket else None

    def _bury(self, wake: _Wake, error: str) -> None:
        now_ms = self._clock.wall_ms()
        wake.ticket = None
        wake.died_at_ms = now_ms
        wake.error = error[:ERROR_CHARACTERS_MAX]
        wake.due_at_ms = None if wake.generation == wake.taken_generation else now_ms + RETRY_MS_MAX


class MemoryBlobs:
    """`ports.Blobs`."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    async def create(self, key: str, body: bytes) -> None:
        check_key(key)
        if self._bodies.setdefault(key, body) != body:
            raise WriteConflict("a blob of this key exists, with other content")

    async def read(self, key: str) -> bytes | None:
        check_key(key)
        return self._bodies.get(key)

    async def list(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        return sorted(key for key in self._bodies if key.startswith(prefix))

    async def delete(self, key: str) -> None:
        check_key(key)
        self._bodies.pop(key, None)

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass
