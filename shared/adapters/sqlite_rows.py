"""Documents, entries and records as SQLite rows, and back."""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.adapters.sqlite_schema import KEY_CELL_BYTES
from shared.domain.session import SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import SessionId
from shared.errors import Broken
from shared.ports import EntryRow, PolishedRow, RecordFields, Stored, StoredRecord, Version

_PLAIN: Final = (
    "owner",
    "log_id",
    "state",
    "holder",
    "heartbeat_at_ms",
    "created_at_ms",
    "next_index",
    "published_through",
    "take",
    "taken_at_ms",
    "finished_at_ms",
    "purge_at_ms",
)
"""Fields of a document that are columns as they are; takes, key and config are not."""

SELECT_SESSIONS: Final = (
    f"SELECT id, version, {', '.join(_PLAIN)}, takes, cell, sealed FROM sessions"
    " LEFT JOIN session_keys USING (row) LEFT JOIN session_configs USING (row)"
)

_ENTRY_COLUMNS: Final = "idx, take, start, until, sealed, engine, confidence, utterance_end, cause, wall_ms"
SELECT_ENTRIES: Final = (
    f"SELECT {_ENTRY_COLUMNS} FROM entries WHERE session = ? AND idx >= ? ORDER BY idx LIMIT ?"
)
INSERT_ENTRY: Final = f"INSERT INTO entries (session, {_ENTRY_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"

_POLISHED_COLUMNS: Final = "idx, first, last, sealed, model, prompt_version, flags"
SELECT_POLISHED: Final = (
    f"SELECT {_POLISHED_COLUMNS} FROM polished WHERE session = ? AND idx >= ? ORDER BY idx LIMIT ?"
)
INSERT_POLISHED: Final = f"INSERT INTO polished (session, {_POLISHED_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"

Row = tuple[Any, ...]
Column = str | int | bytes | None


def session_columns(document: SessionDocument) -> dict[str, Column]:
    """The columns of `sessions` for a document."""
    columns: dict[str, Column] = {name: getattr(document, name) for name in _PLAIN}
    columns["takes"] = msgspec.json.encode(document.takes).decode()
    return columns


def changed_columns(before: SessionDocument, after: SessionDocument) -> dict[str, Column]:
    """The columns in which two documents differ: writing the others would touch indexes for nothing."""
    old = session_columns(before)
    return {name: value for name, value in session_columns(after).items() if value != old[name]}


def stored_session(row: Row) -> Stored:
    """From a row of SELECT_SESSIONS."""
    session, version, *plain, takes, cell, sealed = row
    fields = dict(zip(_PLAIN, plain, strict=True))
    fields["state"] = SessionState(fields["state"])
    document = SessionDocument(
        **fields,
        takes=_takes(takes),
        wrapped_key=key_in_cell(cell) if cell else b"",
        config=sealed or b"",
    )
    return Stored(SessionId(session), document, Version(version))


def key_cell(wrapped_key: bytes) -> bytes:
    """A wrapped key as it is stored: its length, itself, and zeros up to the fixed size."""
    cell = len(wrapped_key).to_bytes(2, "big") + wrapped_key
    if len(cell) > KEY_CELL_BYTES:
        raise Broken(f"a wrapped key of {len(wrapped_key)} bytes is longer than the store has room for")
    return cell.ljust(KEY_CELL_BYTES, b"\0")


def key_in_cell(cell: bytes) -> bytes:
    return cell[2 : 2 + int.from_bytes(cell[:2], "big")]


def entry_values(session: SessionId, row: EntryRow) -> Row:
    """For INSERT_ENTRY."""
    return (
        session,
        row.index,
        row.take,
        row.start,
        row.until,
        row.sealed,
        row.engine,
        row.confidence,
        row.utterance_end,
        row.cause,
        row.wall_ms,
    )


def entry_row(row: Row) -> EntryRow:
    """From a row of SELECT_ENTRIES."""
    index, take, start, until, sealed, engine, confidence, utterance_end, cause, wall_ms = row
    return EntryRow(
        index, take, start, until, sealed, engine, confidence, bool(utterance_end), cause, wall_ms
    )


def polished_values(session: SessionId, row: PolishedRow) -> Row:
    """For INSERT_POLISHED."""
    flags = msgspec.json.encode(row.flags).decode()
    return session, row.index, row.first, row.last, row.sealed, row.model, row.prompt_version, flags


def polished_row(row: Row) -> PolishedRow:
    """From a row of SELECT_POLISHED."""
    index, first, last, sealed, model, prompt_version, flags = row
    return PolishedRow(
        index, first, last, sealed, model, prompt_version, msgspec.json.decode(flags, type=tuple[str, ...])
    )


def record_fields(fields: RecordFields) -> bytes:
    return msgspec.msgpack.encode(dict(fields), order="deterministic")


def stored_record(row: Row) -> StoredRecord:
    """From `fields, version`."""
    fields, version = row
    # Without a type: text and bytes are two kinds of value here, which msgspec takes for one where it is told a union.
    decoded: Mapping[str, Column] = msgspec.msgpack.decode(fields)
    return StoredRecord(decoded, Version(version))


def _takes(text: str) -> tuple[Take, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[Take, ...])
    except msgspec.MsgspecError:
        raise Broken("the takes of a stored session cannot be read") from None


def fetch(connection: sqlite3.Connection, query: str, *values: Column) -> list[Row]:
    return connection.execute(query, values).fetchall()
