"""The tables of the embedded backend, the version they have, and how a file comes to have them."""

import sqlite3
from typing import Final

from shared.errors import SetupError

SCHEMA_VERSION: Final = 1
"""Raised with every change of TABLES; a file of a higher one was written by a newer Steno and is left alone."""

APPLICATION_ID: Final = 0x53544E4F
"""Marks the file as Steno's ("STNO"), so that no other program's database is ever filled with our tables."""

PAGE_BYTES: Final = 4_096

KEY_CELL_BYTES: Final = 2_304
"""Every wrapped key fills a cell of this size, so that no page holds two and deleting one leaves no copy of it.

`secure_delete` zeroes a deleted row where it lies. But when SQLite moves rows between pages, what they were moved from
stays in the slack of the old page: deleting 20 of 60 interleaved sessions left one to five old rows there. For sealed
records that is harmless once their key is gone, so of keys nothing may stay: cells of one size, one to a page,
are always overwritten to the last byte by whatever takes their place.
"""

TABLES: Final = (
    """CREATE TABLE counters (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "INSERT INTO counters VALUES ('changes', 0), ('checks', 0)",
    """CREATE TABLE sessions (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        version TEXT NOT NULL,
        owner TEXT NOT NULL,
        log_id TEXT NOT NULL,
        state TEXT NOT NULL,
        holder TEXT NOT NULL,
        heartbeat_at_ms INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        next_index INTEGER NOT NULL,
        published_through INTEGER NOT NULL,
        take INTEGER NOT NULL,
        taken_at_ms INTEGER NOT NULL,
        takes TEXT NOT NULL,
        finished_at_ms INTEGER,
        purge_at_ms INTEGER
    )""",
    "CREATE INDEX sessions_owned ON sessions (owner, created_at_ms DESC, id)",
    "CREATE INDEX sessions_touched ON sessions (heartbeat_at_ms)",
    """CREATE INDEX sessions_unfinished ON sessions (id)
        WHERE state IN ('recording', 'interrupted', 'finishing')""",
    "CREATE INDEX sessions_tombstones ON sessions (id) WHERE state = 'purged'",
    "CREATE INDEX sessions_retention ON sessions (purge_at_ms) WHERE purge_at_ms IS NOT NULL",
    # Apart from the sessions, which every commit writes anew: these are written once and removed once.
    "CREATE TABLE session_keys (row INTEGER PRIMARY KEY, cell BLOB NOT NULL)",
    "CREATE TABLE session_configs (row INTEGER PRIMARY KEY, sealed BLOB NOT NULL)",
    """CREATE TABLE entries (
        session TEXT NOT NULL,
        idx INTEGER NOT NULL,
        take INTEGER NOT NULL,
        start INTEGER NOT NULL,
        until INTEGER NOT NULL,
        sealed BLOB,
        engine TEXT NOT NULL,
        confidence INTEGER,
        utterance_end INTEGER NOT NULL,
        cause TEXT,
        wall_ms INTEGER NOT NULL,
        PRIMARY KEY (session, idx)
    ) WITHOUT ROWID""",
    """CREATE TABLE polished (
        session TEXT NOT NULL,
        idx INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        model TEXT NOT NULL,
        prompt_version TEXT NOT NULL,
        flags TEXT NOT NULL,
        PRIMARY KEY (session, idx)
    ) WITHOUT ROWID""",
    """CREATE TABLE records (
        session TEXT NOT NULL,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        change INTEGER NOT NULL,
        fields BLOB NOT NULL,
        PRIMARY KEY (session, name)
    ) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX records_changed ON records (change)",
    """CREATE TABLE wakeups (
        session TEXT NOT NULL,
        subscriber TEXT NOT NULL,
        generation INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        due_at_ms INTEGER,
        ticket TEXT,
        taken_generation INTEGER,
        died_at_ms INTEGER,
        error TEXT NOT NULL,
        PRIMARY KEY (session, subscriber)
    ) WITHOUT ROWID""",
    "CREATE INDEX wakeups_due ON wakeups (subscriber, due_at_ms) WHERE due_at_ms IS NOT NULL",
    "CREATE INDEX wakeups_dead ON wakeups (died_at_ms) WHERE died_at_ms IS NOT NULL",
)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the file's tables; 0 for an empty file.

    Raises SetupError if it is not a Steno database, or a newer Steno's.
    """
    version = _number(connection, "PRAGMA user_version")
    holds_tables = _number(connection, "SELECT count(*) FROM sqlite_schema") > 0
    if holds_tables and _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise SetupError("the database belongs to another program; choose another data directory")
    if version > SCHEMA_VERSION:
        raise SetupError(
            f"the data directory was written by a newer Steno (schema {version}, this one knows"
            f" {SCHEMA_VERSION}); update Steno, or choose another data directory"
        )
    return version


def create_tables(connection: sqlite3.Connection) -> None:
    """Fill an empty file, inside the caller's transaction."""
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _number(connection: sqlite3.Connection, query: str) -> int:
    number: int = connection.execute(query).fetchone()[0]
    return number
