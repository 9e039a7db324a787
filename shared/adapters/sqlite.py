"""The embedded store: one SQLite file, in write-ahead mode, shared by all processes of one machine."""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from shared.adapters.sqlite_file import (
    DatabaseFiles,
    SqliteThread,
    in_transaction,
    open_connections,
    prove_writable,
    transaction,
    truncate_wal,
)
from shared.adapters.sqlite_rows import (
    SELECT_ENTRIES,
    SELECT_POLISHED,
    SELECT_SESSIONS,
    Row,
    entry_row,
    fetch,
    polished_row,
    record_fields,
    stored_record,
    stored_session,
)
from shared.adapters.sqlite_writes import (
    add_entries,
    add_polished,
    create_session,
    delete_rows,
    delete_session,
    last_change,
    put_record,
    update_session,
)
from shared.domain.session import SessionDocument
from shared.domain.values import Principal, SessionId
from shared.errors import StoreUnavailable
from shared.ports import EntryRow, PolishedRow, RecordFields, RecordName, Stored, StoredRecord, Version

WATCH_EVERY_MS: Final = 100
"""How soon what polish and autosave wrote is noticed. Looking costs no disk access while nothing has changed."""

CHANGES_PAGE: Final = 500

OWNED: Final = (
    f"{SELECT_SESSIONS} WHERE owner = ? AND created_at_ms < ? AND state <> 'purged'"
    " ORDER BY created_at_ms DESC, id LIMIT ?"
)
UNFINISHED: Final = f"{SELECT_SESSIONS} WHERE state IN ('recording', 'interrupted', 'finishing') AND id > ? ORDER BY id LIMIT ?"
TOUCHED: Final = f"{SELECT_SESSIONS} WHERE heartbeat_at_ms >= ? AND id > ? ORDER BY id LIMIT ?"
PURGEABLE: Final = (
    f"{SELECT_SESSIONS} WHERE (state = 'purged' OR purge_at_ms <= ?) AND id > ? ORDER BY id LIMIT ?"
)
CHANGED: Final = "SELECT session, change FROM records WHERE change > ? ORDER BY change LIMIT ?"

ALWAYS_MS: Final = 2**62
"""Later than any time."""


class SqliteStore:
    """`ports.Store` over SQLite. Writes and reads have a thread and a connection each, so that no read waits for a
    write to reach the disk; the file itself admits one writer at a time among all processes.
    """

    def __init__(self, writes: SqliteThread, reads: SqliteThread, told_through: int) -> None:
        """Use `open`."""
        self._writes = writes
        self._reads = reads
        self._told_through = told_through
        self._erased_in_wal = False

    @classmethod
    def open(cls, path: Path) -> "SqliteStore":
        """The store in the file `path`, made with its directory if need be. Blocks; for start-up.

        Raises SetupError, with what to do, if the place cannot be used.
        """
        writing, reading = open_connections(path, 2)
        files = DatabaseFiles(path)
        told_through = last_change(reading)
        return cls(
            SqliteThread(writing, "store-write", files),
            SqliteThread(reading, "store-read", files),
            told_through,
        )

    # --- sessions

    async def load(self, session: SessionId) -> Stored | None:
        rows = await self._reads.run(lambda c: fetch(c, f"{SELECT_SESSIONS} WHERE id = ?", session))
        return stored_session(rows[0]) if rows else None

    async def create(self, session: SessionId, document: SessionDocument) -> Stored:
        stored = Stored(session, document, _new_version())
        await self._writes.run(in_transaction(lambda c: create_session(c, stored)))
        return stored

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        stored = Stored(base.session, document, _new_version())
        await self._writes.run(lambda c: self._write(c, base, stored, entries))
        return stored

    async def forget(self, base: Stored) -> None:
        await self._writes.run(in_transaction(lambda c: delete_session(c, base)))

    # --- logs and records

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        rows = await self._reads.run(lambda c: fetch(c, SELECT_ENTRIES, session, start, limit))
        return [entry_row(row) for row in rows]

    async def polished(self, session: SessionId, start: int, limit: int) -> list[PolishedRow]:
        rows = await self._reads.run(lambda c: fetch(c, SELECT_POLISHED, session, start, limit))
        return [polished_row(row) for row in rows]

    async def record(self, session: SessionId, name: RecordName) -> StoredRecord | None:
        query = "SELECT fields, version FROM records WHERE session = ? AND name = ?"
        rows = await self._reads.run(lambda c: fetch(c, query, session, name))
        return stored_record(rows[0]) if rows else None

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        version = _new_version()
        body = record_fields(fields)

        def work(connection: sqlite3.Connection) -> None:
            put_record(connection, (session, name), body, base, version)
            add_polished(connection, session, polished)

        await self._writes.run(in_transaction(work))
        return version

    async def erase(self, session: SessionId) -> int:
        return await self._writes.run(lambda c: self._erase(c, session))

    # --- lists

    async def owned(self, owner: Principal, before_ms: int | None, limit: int) -> list[Stored]:
        return await self._list(OWNED, owner, ALWAYS_MS if before_ms is None else before_ms, limit)

    async def unfinished(self, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._list(UNFINISHED, after or "", limit)

    async def touched(self, since_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._list(TOUCHED, since_ms, after or "", limit)

    async def purgeable(self, now_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        return await self._list(PURGEABLE, now_ms, after or "", limit)

    async def _list(self, query: str, *values: str | int) -> list[Stored]:
        rows = await self._reads.run(lambda c: fetch(c, query, *values))
        return [stored_session(row) for row in rows]

    # --- the instance

    def watch(self) -> AsyncIterator[SessionId]:
        # From what was told last, not from now: a listener that begins again after a failure misses nothing so.
        return self._changes(self._told_through)

    async def _changes(self, told_through: int) -> AsyncIterator[SessionId]:
        looked_at: int | None = None
        while True:
            current = await self._reads.run(_data_version)
            if current != looked_at:
                page = await self._changed_after(told_through)
                for session in dict.fromkeys(session for session, _ in page):
                    yield SessionId(session)
                told_through = page[-1][1] if page else told_through
                self._told_through = max(self._told_through, told_through)
                looked_at = current if len(page) < CHANGES_PAGE else None
            else:
                await asyncio.sleep(WATCH_EVERY_MS / 1_000)

    async def _changed_after(self, change: int) -> list[Row]:
        return await self._reads.run(lambda c: fetch(c, CHANGED, change, CHANGES_PAGE))

    async def check(self) -> None:
        await self._writes.run(in_transaction(prove_writable))

    async def close(self) -> None:
        await self._reads.close()
        await self._writes.close()

    # --- in the writing thread

    def _write(
        self, connection: sqlite3.Connection, base: Stored, stored: Stored, entries: Sequence[EntryRow]
    ) -> None:
        with transaction(connection):
            update_session(connection, base, stored)
            add_entries(connection, base.session, entries)
        if base.document.wrapped_key and not stored.document.wrapped_key:
            # The write-ahead log still holds the key; if others are reading now, `erase` comes back to it.
            self._erased_in_wal = not truncate_wal(connection)

    def _erase(self, connection: sqlite3.Connection, session: SessionId) -> int:
        with transaction(connection):
            rows = delete_rows(connection, session)
        if rows or self._erased_in_wal:
            self._erased_in_wal = True
            if not truncate_wal(connection):
                raise StoreUnavailable(
                    "what was deleted is still in the write-ahead log, because others are reading; try again"
                )
            self._erased_in_wal = False
        return rows


def _data_version(connection: sqlite3.Connection) -> int:
    """Grows when another connection, of any process, has written."""
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def _new_version() -> Version:
    return Version(secrets.token_hex(8))
