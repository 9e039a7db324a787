"""The store on Firestore: every write is one RPC, guarded by the update time of the document it replaces.

No transactions: they cost two seconds a conflict and lock for a minute when their process dies. No retries by the
library: they repeat what already landed. What an unanswered write became is settled above, by reading.

Indexes that the queries here need, which no emulator misses (infra/terraform makes them):

    collection sessions, composite    owner ASC, state ASC, created_at_ms DESC, __name__ ASC     `owned`
                                      id ASC, heartbeat_at_ms ASC                                `touched`
                                      id ASC, purge_at_ms ASC                                    `purgeable`
    collection sessions, single       state ASC                                                  `unfinished`
    collection group records, single  changed_at_ms ASC                                          `watch`
    TTL policy                        sessions.expires_at (tombstones only)

Single-field indexes are made for everything else unless exempted; they cost a write each, and nothing asks them:
sessions and entries and polished *; records fields, write.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, Self

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore_v1 import AsyncClient, FieldFilter
from google.cloud.firestore_v1.async_document import AsyncDocumentReference
from google.cloud.firestore_v1.base_document import DocumentSnapshot

from shared.adapters.firestore_client import close_client, guarded, open_client, read
from shared.adapters.firestore_documents import (
    ENTRIES,
    POLISHED,
    RECORDS,
    SESSIONS,
    Fields,
    changed_fields,
    document_id,
    entry_fields,
    entry_row,
    polished_fields,
    polished_row,
    record_body,
    session_document,
    session_fields,
    stored_record,
)
from shared.adapters.firestore_listen import Listener, now_ms
from shared.adapters.google_clients import CALL_MS_MAX, once
from shared.domain.session import SessionDocument, SessionState
from shared.domain.values import Principal, SessionId
from shared.errors import WriteConflict
from shared.ports import EntryRow, PolishedRow, RecordFields, RecordName, Stored, StoredRecord, Version

ERASE_PAGE: Final = 400
"""Well below the 500 writes that one batch may hold in every edition of Firestore."""

UNFINISHED: Final = [SessionState.RECORDING, SessionState.INTERRUPTED, SessionState.FINISHING]
LISTED: Final = [*UNFINISHED, SessionState.FINISHED]
ALWAYS_MS: Final = 2**62
"""Later than any time."""


class FirestoreStore:
    """`ports.Store`. Belongs to the event loop it was opened in."""

    def __init__(self, client: AsyncClient, call_ms_max: int) -> None:
        """Use `open`."""
        self._client = client
        self._once = once(call_ms_max)
        self._listener = Listener(client)
        self._sessions = client.collection(SESSIONS)

    @classmethod
    def open(cls, project: str, emulator: str | None = None, call_ms_max: int = CALL_MS_MAX) -> Self:
        """Dials nothing yet; `check` does. `emulator` is HOST:PORT."""
        return cls(open_client(project, emulator), call_ms_max)

    # --- sessions

    async def load(self, session: SessionId) -> Stored | None:
        snapshot = await read(self._session(session).get(**self._once))
        return _stored(snapshot) if snapshot.exists else None

    async def create(self, session: SessionId, document: SessionDocument) -> Stored:
        created = self._session(session).create(session_fields(session, document), **self._once)
        result = await guarded(created)
        return Stored(session, document, _version(result.update_time))

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        reference = self._session(base.session)
        before, after = (session_fields(base.session, each) for each in (base.document, document))
        batch = self._client.batch()
        for row in entries:
            batch.create(reference.collection(ENTRIES).document(document_id(row.index)), entry_fields(row))
        batch.update(reference, changed_fields(before, after), option=self._if_unchanged(base.version))
        results = await guarded(batch.commit(**self._once))
        return Stored(base.session, document, _version(results[-1].update_time))

    async def forget(self, base: Stored) -> None:
        option = self._if_unchanged(base.version)
        await guarded(self._session(base.session).delete(option=option, **self._once))

    # --- logs and records

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        return [entry_row(each) for each in await self._log(session, ENTRIES, start, limit)]

    async def polished(self, session: SessionId, start: int, limit: int) -> list[PolishedRow]:
        return [polished_row(each) for each in await self._log(session, POLISHED, start, limit)]

    async def _log(self, session: SessionId, name: str, start: int, limit: int) -> list[Fields]:
        log = self._session(session).collection(name)
        query = log.order_by("__name__").start_at({"__name__": log.document(document_id(start))}).limit(limit)
        return [_fields(snapshot) for snapshot in await read(query.get(**self._once))]

    async def record(self, session: SessionId, name: RecordName) -> StoredRecord | None:
        snapshot = await read(self._record(session, name).get(**self._once))
        return stored_record(_fields(snapshot), _version(snapshot.update_time)) if snapshot.exists else None

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        reference = self._session(session)
        batch = self._client.batch()
        for row in polished:
            batch.create(
                reference.collection(POLISHED).document(document_id(row.index)), polished_fields(row)
            )
        body = record_body(fields, now_ms())
        if base is None:
            batch.create(self._record(session, name), body)
        else:
            batch.update(self._record(session, name), body, option=self._if_unchanged(base))
        results = await guarded(batch.commit(**self._once))
        return _version(results[-1].update_time)

    async def erase(self, session: SessionId) -> int:
        return sum([await self._erase(session, name) for name in (ENTRIES, POLISHED, RECORDS)])

    async def _erase(self, session: SessionId, name: str) -> int:
        erased = 0
        while True:
            page = self._session(session).collection(name).select([]).limit(ERASE_PAGE)
            found = await read(page.get(**self._once))
            if not found:
                return erased
            batch = self._client.batch()
            for snapshot in found:
                batch.delete(snapshot.reference)
            await read(batch.commit(**self._once))
            erased += len(found)

    # --- lists

    async def owned(self, owner: Principal, before_ms: int | None, limit: int) -> list[Stored]:
        query = (
            _where(self._sessions, "owner", "==", owner)
            .where(filter=FieldFilter("state", "in", LISTED))
            .where(filter=FieldFilter("created_at_ms", "<", ALWAYS_MS if before_ms is None else before_ms))
            .order_by("created_at_ms", direction="DESCENDING")
            .order_by("__name__")
        )
        return await self._list(query, limit)

    async def unfinished(self, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._list(self._by_id(_where(self._sessions, "state", "in", UNFINISHED), after), limit)

    async def touched(self, since_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        query = _where(self._sessions, "heartbeat_at_ms", ">=", since_ms)
        return await self._list(_beyond(query, after, "heartbeat_at_ms"), limit)

    async def purgeable(self, now_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        tombstones = self._by_id(_where(self._sessions, "state", "==", SessionState.PURGED), after)
        due = _beyond(_where(self._sessions, "purge_at_ms", "<=", now_ms), after, "purge_at_ms")
        return _first_by_id([*await self._list(tombstones, limit), *await self._list(due, limit)], limit)

    def _by_id(self, query: Any, after: SessionId | None) -> Any:
        ordered = query.order_by("__name__")
        return ordered if after is None else ordered.start_after({"__name__": self._session(after)})

    async def _list(self, query: Any, limit: int) -> list[Stored]:
        return [_stored(snapshot) for snapshot in await read(query.limit(limit).get(**self._once))]

    # --- the instance

    def watch(self) -> AsyncIterator[SessionId]:
        return self._listener.changes()

    async def check(self) -> None:
        # Read as well: a service account may be allowed the one and not the other.
        probe = self._client.collection("checks").document("probe")
        await read(probe.set({"at_ms": now_ms()}, **self._once))
        await read(probe.get(**self._once))

    async def close(self) -> None:
        self._listener.close()
        await close_client(self._client)

    # --- names

    def _session(self, session: SessionId) -> AsyncDocumentReference:
        return self._sessions.document(session)

    def _record(self, session: SessionId, name: RecordName) -> AsyncDocumentReference:
        record: AsyncDocumentReference = self._session(session).collection(RECORDS).document(name.value)
        return record

    def _if_unchanged(self, version: Version) -> Any:
        try:
            moment = DatetimeWithNanoseconds.from_rfc3339(version)  # type: ignore[no-untyped-call]  # ships none
        except ValueError:
            raise WriteConflict("no write of this store has that version") from None
        return self._client.write_option(last_update_time=moment.timestamp_pb())


def _where(query: Any, field: str, operator: str, value: object) -> Any:
    return query.where(filter=FieldFilter(field, operator, value))


def _beyond(query: Any, after: SessionId | None, compared: str) -> Any:
    """In the order of ids, of a query that compares another field: both must be in one index, ids first."""
    return _where(query, "id", ">", after or "").order_by("id").order_by(compared)


def _stored(snapshot: DocumentSnapshot[Any]) -> Stored:
    return Stored(SessionId(snapshot.id), session_document(_fields(snapshot)), _version(snapshot.update_time))


def _fields(snapshot: DocumentSnapshot[Any]) -> Fields:
    return snapshot.to_dict() or {}


def _version(update_time: Any) -> Version:
    """An update time to the nanosecond, as text that is the same however it was read."""
    return Version(update_time.rfc3339())


def _first_by_id(found: Iterable[Stored], limit: int) -> list[Stored]:
    by_id = {stored.session: stored for stored in found}
    return [by_id[session] for session in sorted(by_id)[:limit]]
