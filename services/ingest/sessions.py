"""What an owner may do with sessions over HTTP: list and read them, name, finish and delete them.

Takes principals and ids, gives values; what they look like on the wire is `sessions_api.py`'s. The only things written
here are the label, the finish of a session that no recorder holds, and deletion.
"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Final

from services.ingest.follow import resumable
from services.ingest.keys import Keys
from shared.domain.entries import Logged, Polished
from shared.domain.session import Move, SessionDocument, SessionState
from shared.domain.values import NOBODY, Holder, LogId, Principal, SessionId, milliseconds
from shared.errors import (
    NotFound,
    NotYours,
    Refuse,
    Retry,
    SessionDeleted,
    StoreUnavailable,
    TakenElsewhere,
    WriteConflict,
)
from shared.lease import LogWriter, answered, take_upkeep_lease
from shared.ports import Clock, Publisher, RecordName, Store, Stored, Wakeup
from shared.sealing import open_entry, open_label, open_polished, seal_label
from shared.wire.messages import Cursors

LABEL: Final = "label"
"""The field of the `about` record."""

LOG_PAGE: Final = 512
"""Entries, and polished entries, in one answer; a reader asks on from where it ends."""

LABEL_TRIES_MAX: Final = 8


class RecorderConnected(Refuse):
    http_status = 409
    error = "taken"


@dataclass(frozen=True, slots=True)
class Summary:
    """A session as its owner sees it in a list."""

    id: SessionId
    label: str = field(repr=False)
    state: SessionState
    created_at_ms: int
    covered_ms: int
    undelivered_ms: int
    """Captured by recorders, as far as is known, and not yet in the transcript."""
    takes: int


@dataclass(frozen=True, slots=True)
class LogPage:
    log_id: LogId
    entries: list[Logged]
    polished: list[Polished]


class Sessions:
    def __init__(self, store: Store, bus: Publisher, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._keys = keys
        self._clock = clock

    # --- reading

    async def may_have_ticket(self, principal: Principal, session: SessionId) -> None:
        """A session need not exist to be recorded into; one that does must be the principal's, and not deleted."""
        stored = await answered(self._store.load(session))
        if stored is not None:
            _check_owned(stored.document, principal)

    async def owned(self, principal: Principal, before_ms: int | None, limit: int) -> list[Summary]:
        """Newest first, created before `before_ms`; more than `limit` only where the last ones began together."""
        # A reader asks on from the last creation time it saw. Were a page to end between two sessions of the same
        # millisecond, the second would never be listed.
        found = await answered(self._store.owned(principal, before_ms, 2 * limit))
        page = found[:limit]
        page += [each for each in found[limit:] if _created_ms(each) == _created_ms(page[-1])]
        return [await self._summary(stored) for stored in page]

    async def summary(self, principal: Principal, session: SessionId) -> Summary:
        return await self._summary(await self._mine(principal, session))

    async def log(self, principal: Principal, session: SessionId, cursors: Cursors) -> LogPage:
        """What a recorder with these cursors would be sent next, at most LOG_PAGE of each log."""
        stored = await self._mine(principal, session)
        key = await self._keys.of(stored)
        start = resumable(cursors, stored.document.log_id, stored.document)
        entries = await answered(self._store.entries(session, start.entries, LOG_PAGE))
        polished = await answered(self._store.polished(session, start.polished, LOG_PAGE))
        return LogPage(
            stored.document.log_id,
            [open_entry(key, row) for row in entries],
            [open_polished(key, row) for row in polished],
        )

    # --- writing

    async def set_label(self, principal: Principal, session: SessionId, label: str) -> None:
        stored = await self._mine(principal, session)
        sealed = seal_label(await self._keys.of(stored), label)
        await self._write_label(session, sealed)
        try:
            await self._mine(principal, session)
        except SessionDeleted:
            # Deleted while this was being written: the label must not outlive what the deletion removed.
            await answered(self._store.erase(session))
            raise

    async def finish(self, principal: Principal, session: SessionId) -> Summary:
        """End a session that no recorder holds, whatever its recorders have not delivered; that stays reported.

        Raises RecorderConnected while one holds it: its own finish waits for what it captured.
        """
        stored = await self._mine(principal, session)
        if stored.document.state is not SessionState.FINISHED:
            stored = await self._finish(session)
            await self._announce(stored)
        return await self._summary(stored)

    async def _finish(self, session: SessionId) -> Stored:
        writer = await self._lease(session)
        published_through = writer.document.published_through
        if published_through < writer.document.next_index and await self._announce(writer.stored):
            published_through = writer.document.next_index
        now_ms = self._clock.wall_ms()
        document = replace(
            writer.document.moved(Move.FINISH).moved(Move.COMPLETE),
            holder=NOBODY,
            heartbeat_at_ms=now_ms,
            finished_at_ms=now_ms,
            published_through=published_through,
        )
        await writer.commit(document)
        return writer.stored

    async def _lease(self, session: SessionId) -> LogWriter:
        try:
            return await take_upkeep_lease(self._store, self._clock, session, Holder(secrets.token_hex(16)))
        except TakenElsewhere:
            raise RecorderConnected(
                "a recorder is connected to this session; press Finish there, or close it and try again"
            ) from None

    async def _announce(self, stored: Stored) -> bool:
        """Wake polish and autosave. What the bus does not take now, the sweep finds by itself."""
        document = stored.document
        try:
            await answered(self._bus.publish(Wakeup(stored.session, document.log_id, document.next_index)))
        except Retry:
            return False
        return True

    async def _write_label(self, session: SessionId, sealed: bytes) -> None:
        for _ in range(LABEL_TRIES_MAX):
            about = await answered(self._store.record(session, RecordName.ABOUT))
            fields = {**(about.fields if about else {}), LABEL: sealed}
            base = about.version if about else None
            try:
                await answered(self._store.write_record(session, RecordName.ABOUT, fields, base))
                return
            except WriteConflict:
                continue
        raise StoreUnavailable("the label is being changed by others at the same time; try again")

    # --- both

    async def _mine(self, principal: Principal, session: SessionId) -> Stored:
        stored = await answered(self._store.load(session))
        if stored is None:
            raise NotFound("there is no such session")
        _check_owned(stored.document, principal)
        return stored

    async def _summary(self, stored: Stored) -> Summary:
        document = stored.document
        about = await answered(self._store.record(stored.session, RecordName.ABOUT))
        sealed = about.fields.get(LABEL) if about else None
        return Summary(
            id=stored.session,
            label=open_label(await self._keys.of(stored), sealed) if isinstance(sealed, bytes) else "",
            state=document.state,
            created_at_ms=document.created_at_ms,
            covered_ms=sum(milliseconds(take.covered) for take in document.takes),
            undelivered_ms=sum(milliseconds(take.undelivered) for take in document.takes),
            takes=len(document.takes),
        )


def _check_owned(document: SessionDocument, principal: Principal) -> None:
    if document.owner != principal:
        raise NotYours("this session belongs to somebody else")
    if document.state is SessionState.PURGED:
        raise SessionDeleted("this session was deleted")


def _created_ms(stored: Stored) -> int:
    return stored.document.created_at_ms
