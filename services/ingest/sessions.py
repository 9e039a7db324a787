"""What an owner may do with sessions over HTTP: list, read and export them, name, finish and delete them.

Takes principals and ids, gives values; what they look like on the wire is `sessions_api.py`'s. The only things written
here are the label, the finish of a session that no recorder holds, and deletion.
"""

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Final

from services.ingest.export import Note
from services.ingest.follow import resumable
from services.ingest.summary import Summary, summarise
from shared.deletion import bury, remove_remains
from shared.domain.entries import Logged, Polished, Segment
from shared.domain.session import Move, SessionDocument, SessionState
from shared.domain.values import NOBODY, Holder, LogId, Principal, SessionId
from shared.errors import (
    Broken,
    NotFound,
    NotYours,
    Refuse,
    Retry,
    SessionDeleted,
    StoreUnavailable,
    TakenElsewhere,
    TooMany,
    WriteConflict,
)
from shared.keys import Keys
from shared.lease import LogWriter, answered, take_upkeep_lease
from shared.observe import get_logger
from shared.ports import Blobs, Clock, Publisher, RecordName, Store, Stored
from shared.publisher import announce
from shared.sealing import SessionKey, open_entry, open_label, open_polished, seal_label
from shared.wire.messages import Cursors

LABEL: Final = "label"
"""The field of the `about` record."""

LOG_PAGE: Final = 512
"""Entries, and polished entries, in one answer; a reader asks on from where it ends."""

EXPORT_ENTRIES_MAX: Final = 20_000
"""Some twenty hours of dictation; an export is put together in memory, and this keeps it below about 20 MB."""

EXPORTS_MAX: Final = 4
"""Put together at once; more of them wait their turn."""

LABEL_TRIES_MAX: Final = 8

REMOVALS_MAX: Final = 8
"""Each finds only what was being written while the one before removed. What is left even then, the sweep removes."""

log = get_logger(__name__)


class RecorderConnected(Refuse):
    http_status = 409
    error = "taken"


@dataclass(frozen=True, slots=True)
class LogPage:
    log_id: LogId
    entries: list[Logged]
    polished: list[Polished]


class Sessions:
    def __init__(self, store: Store, blobs: Blobs, bus: Publisher, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._bus = bus
        self._keys = keys
        self._clock = clock
        self._exporting = asyncio.Semaphore(EXPORTS_MAX)

    # --- reading

    async def may_have_ticket(self, principal: Principal, session: SessionId) -> None:
        """A session need not exist to be recorded into; one that does must be the principal's, and not deleted."""
        stored = await answered(self._store.load(session))
        if stored is not None:
            _check_owner(stored.document, principal)
            _check_not_deleted(stored.document)

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

    async def note(self, principal: Principal, session: SessionId) -> Note:
        """All of the session as it is now, without the words' own times.

        Raises TooMany if it has more entries than EXPORT_ENTRIES_MAX; its log can still be read page by page.
        """
        async with self._exporting:
            stored = await self._mine(principal, session)
            document = stored.document
            _check_exportable(document.next_index)
            key = await self._keys.of(stored)
            summary = await self._summary(stored)
            entries = await self._entries(key, session, document.next_index)
            polished = await self._polished(key, session, document.next_index)
            # Read once more: a session deleted meanwhile would otherwise be exported as what was left of it.
            await self._mine(principal, session)
            if len(entries) < document.next_index:
                raise Broken("the stored log ends before its session says")
        return Note(summary, document.log_id, document.takes, entries, polished)

    async def _entries(self, key: SessionKey, session: SessionId, until: int) -> list[Logged]:
        found: list[Logged] = []
        while len(found) < until:
            limit = min(LOG_PAGE, until - len(found))
            rows = await answered(self._store.entries(session, len(found), limit))
            if not rows:
                break
            found += [_without_words(open_entry(key, row)) for row in rows]
        return found

    async def _polished(self, key: SessionKey, session: SessionId, until: int) -> list[Polished]:
        """What is polished of the entries below `until`."""
        found: list[Polished] = []
        read = 0
        while rows := await answered(self._store.polished(session, read, LOG_PAGE)):
            read += len(rows)
            _check_exportable(read)
            found += [open_polished(key, row) for row in rows if row.last < until]
        return found

    # --- writing

    async def set_label(self, principal: Principal, session: SessionId, label: str) -> None:
        stored = await self._mine(principal, session)
        sealed = seal_label(await self._keys.of(stored), label)
        await self._write_label(session, sealed)
        try:
            await self._mine(principal, session)
        except SessionDeleted:
            # Deleted while this was being written: the label must not outlive what the deletion removed.
            await self._store.erase(session)
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

    async def delete(self, principal: Principal, session: SessionId) -> None:
        """Whoever holds it, its recorder included, which is told 4410 at its next commit.

        Raises SessionDeleted if it was deleted before; whatever may be left of it is removed even then, so that asking
        again after a failure ends what the failure cut short.
        """
        stored = await self._owned(principal, session)
        await bury(self._store, self._clock, session, _draw_holder())
        for _ in range(REMOVALS_MAX):
            if await remove_remains(self._store, self._blobs, self._bus, session) == 0:
                break
        _check_not_deleted(stored.document)
        log.info("a session was deleted by its owner", session=session)

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
            return await take_upkeep_lease(self._store, self._clock, session, _draw_holder())
        except TakenElsewhere:
            raise RecorderConnected(
                "a recorder is connected to this session; press Finish there, or close it and try again"
            ) from None

    async def _announce(self, stored: Stored) -> bool:
        """Wake polish and autosave. What the bus does not take now, the sweep finds by itself."""
        try:
            await announce(self._bus, stored)
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
        stored = await self._owned(principal, session)
        _check_not_deleted(stored.document)
        return stored

    async def _owned(self, principal: Principal, session: SessionId) -> Stored:
        """The session or its tombstone."""
        stored = await answered(self._store.load(session))
        if stored is None:
            raise NotFound("there is no such session")
        _check_owner(stored.document, principal)
        return stored

    async def _summary(self, stored: Stored) -> Summary:
        about = await answered(self._store.record(stored.session, RecordName.ABOUT))
        sealed = about.fields.get(LABEL) if about else None
        if not isinstance(sealed, bytes):
            return summarise(stored, label="")
        return summarise(stored, open_label(await self._keys.of(stored), sealed))


def _check_owner(document: SessionDocument, principal: Principal) -> None:
    if document.owner != principal:
        raise NotYours("this session belongs to somebody else")


def _check_not_deleted(document: SessionDocument) -> None:
    if document.state is SessionState.PURGED:
        raise SessionDeleted("this session was deleted")


def _check_exportable(entries: int) -> None:
    if entries > EXPORT_ENTRIES_MAX:
        raise TooMany(
            f"this session has more than {EXPORT_ENTRIES_MAX} entries, too many for one file; read its log page by page"
        )


def _without_words(logged: Logged) -> Logged:
    """Each word with its times takes ten times the memory of its text."""
    if not isinstance(logged.entry, Segment):
        return logged
    return replace(logged, entry=replace(logged.entry, words=()))


def _draw_holder() -> Holder:
    return Holder(secrets.token_hex(16))


def _created_ms(stored: Stored) -> int:
    return stored.document.created_at_ms
