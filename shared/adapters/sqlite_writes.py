"""What the store writes: each function is a part of one transaction, which its caller begins and ends."""

import sqlite3
from collections.abc import Sequence

from shared.adapters.sqlite_rows import (
    INSERT_ENTRY,
    INSERT_POLISHED,
    changed_columns,
    entry_values,
    key_cell,
    polished_values,
    session_columns,
)
from shared.domain.session import SessionDocument
from shared.domain.values import SessionId
from shared.errors import WriteConflict
from shared.ports import EntryRow, PolishedRow, RecordName, Stored, Version

ERASED_TABLES = ("entries", "polished", "records")


def create_session(connection: sqlite3.Connection, stored: Stored) -> None:
    columns = {"id": stored.session, "version": stored.version, **session_columns(stored.document)}
    places = ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT INTO sessions ({', '.join(columns)}) VALUES ({places})", tuple(columns.values())
    )
    _put_secrets(connection, stored.session, stored.document)


def update_session(connection: sqlite3.Connection, base: Stored, stored: Stored) -> None:
    """Raises WriteConflict if what is stored is not `base`."""
    before, after = base.document, stored.document
    columns = {**changed_columns(before, after), "version": stored.version}
    assignments = ", ".join(f"{name} = ?" for name in columns)
    written = connection.execute(
        f"UPDATE sessions SET {assignments} WHERE id = ? AND version = ?",
        (*columns.values(), base.session, base.version),
    )
    _check_written(written)
    if (before.wrapped_key, before.config) != (after.wrapped_key, after.config):
        _put_secrets(connection, base.session, after)


def delete_session(connection: sqlite3.Connection, base: Stored) -> None:
    """Raises WriteConflict if what is stored is not `base`."""
    guarded = "WHERE id = ? AND version = ?"
    for table in ("session_keys", "session_configs"):
        connection.execute(
            f"DELETE FROM {table} WHERE row = (SELECT row FROM sessions {guarded})",
            (base.session, base.version),
        )
    _check_written(connection.execute(f"DELETE FROM sessions {guarded}", (base.session, base.version)))


def add_entries(connection: sqlite3.Connection, session: SessionId, rows: Sequence[EntryRow]) -> None:
    connection.executemany(INSERT_ENTRY, [entry_values(session, row) for row in rows])


def add_polished(connection: sqlite3.Connection, session: SessionId, rows: Sequence[PolishedRow]) -> None:
    connection.executemany(INSERT_POLISHED, [polished_values(session, row) for row in rows])


def put_record(
    connection: sqlite3.Connection,
    place: tuple[SessionId, RecordName],
    body: bytes,
    base: Version | None,
    version: Version,
) -> None:
    """Raises WriteConflict if what is stored is not of version `base`."""
    # A counter of its own, not the highest number in use: that one would come again once its record is erased, and
    # whoever watches would take the new record for one already told.
    connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'changes'")
    new = (version, last_change(connection), body, *place)
    if base is None:
        connection.execute(
            "INSERT INTO records (version, change, fields, session, name) VALUES (?, ?, ?, ?, ?)", new
        )
        return
    written = connection.execute(
        "UPDATE records SET version = ?, change = ?, fields = ? WHERE session = ? AND name = ? AND version = ?",
        (*new, base),
    )
    _check_written(written)


def delete_rows(connection: sqlite3.Connection, session: SessionId) -> int:
    return sum(
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,)).rowcount
        for table in ERASED_TABLES
    )


def last_change(connection: sqlite3.Connection) -> int:
    """How many times records were written: the place of whoever watches."""
    change: int = connection.execute("SELECT value FROM counters WHERE name = 'changes'").fetchone()[0]
    return change


def _put_secrets(connection: sqlite3.Connection, session: SessionId, document: SessionDocument) -> None:
    cell = key_cell(document.wrapped_key) if document.wrapped_key else None
    _put_secret(connection, session, "session_keys", cell)
    _put_secret(connection, session, "session_configs", document.config or None)


def _put_secret(connection: sqlite3.Connection, session: SessionId, table: str, secret: bytes | None) -> None:
    row = "(SELECT row FROM sessions WHERE id = ?)"
    if secret is None:
        connection.execute(f"DELETE FROM {table} WHERE row = {row}", (session,))
    else:
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({row}, ?)", (session, secret))


def _check_written(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount == 0:
        raise WriteConflict("somebody else wrote this first")
