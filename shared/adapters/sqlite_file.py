"""One SQLite file used by several processes at once: opening it, its errors as sentences, and a thread per connection."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from shared.adapters.durable_files import sync_directory
from shared.adapters.sqlite_schema import PAGE_BYTES, SCHEMA_VERSION, create_tables, schema_version
from shared.errors import SetupError, StoreUnavailable, WriteConflict

BUSY_MS_MAX: Final = 1_500
"""How long a write waits for other processes' writes: less than the 2 s after which its caller stops listening."""

OPEN_MS_MAX: Final = 10_000
"""How long opening waits while other processes create the same file."""

OPEN_AGAIN_MS: Final = 20

WAL_BYTES_KEPT: Final = 4 * 2**20
"""The write-ahead log is cut to this when it starts over, else it would keep the size of its largest day."""

SETTINGS: Final = (
    f"PRAGMA busy_timeout = {BUSY_MS_MAX}",
    "PRAGMA synchronous = FULL",
    # On macOS plain fsync leaves the data in the drive's cache; elsewhere these two do nothing.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA secure_delete = ON",
    f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}",
)

_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and recording goes on by itself",
    sqlite3.SQLITE_READONLY: "the database is read-only; make its file and directory writable again",
    sqlite3.SQLITE_BUSY: "the database is locked by another program; close what else has it open",
    sqlite3.SQLITE_LOCKED: "the database is locked by another program; close what else has it open",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write the database; check the disk and its quota",
    sqlite3.SQLITE_CORRUPT: "the database is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the database file is damaged, or no database; restore it from a backup",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened; check that its directory exists and is writable",
}

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


def open_connections(path: Path, count: int) -> list[sqlite3.Connection]:
    """Connections to the database at `path`, made with its directory (0700, the file 0600) if need be. Blocks.

    Raises SetupError, with what to do, if the place cannot be used or holds something else.
    """
    _make_file(path)
    try:
        with closing(_connect(path)) as connection:
            _prepare(connection)
        return [_connect(path) for _ in range(count)]
    except sqlite3.Error as error:
        raise SetupError(f"cannot use the database {path}: {sentence(error)}") from error
    except SetupError as error:
        raise SetupError(f"cannot use the database {path}: {error}") from None


@contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool = True) -> Iterator[None]:
    """All or nothing. `durable` says whether it must outlive a power cut; a crash of the process it always does."""
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # After a commit there is none; nor after some failures, a full disk among them, which SQLite rolls back itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def in_transaction(work: Work[T]) -> Work[T]:
    def whole(connection: sqlite3.Connection) -> T:
        with transaction(connection):
            return work(connection)

    return whole


def truncate_wal(connection: sqlite3.Connection) -> bool:
    """Move everything from the write-ahead log into the database and empty the log; False if others are in the way."""
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if _primary_code(error) != sqlite3.SQLITE_LOCKED:
            raise
        return False
    return not busy


def sentence(error: sqlite3.Error) -> str:
    """What is wrong and what to do. SQLite's own words stay out: they may quote what was stored."""
    known = _SENTENCES.get(_primary_code(error))
    return known or f"the database failed ({getattr(error, 'sqlite_errorname', type(error).__name__)})"


class DatabaseFiles:
    """The files of an open database, as whoever opens it anew would find them.

    SQLite goes on writing, without an error, to files that somebody has removed or replaced: all of it would be
    acknowledged, and gone with the last process that has them open.
    """

    def __init__(self, path: Path) -> None:
        """Those of the database at `path`, which is open: each keeps its place for as long as it is."""
        self._identities = {file: _identity(file) for file in _files(path)}

    def look(self) -> None:
        """A few microseconds. Raises StoreUnavailable if one of them is no longer what is open."""
        for file, identity in self._identities.items():
            if _identity(file) != identity:
                # Not opened anew by ourselves: who moved it by mistake puts it back, and nothing is lost; and who
                # restores a backup is not done as soon as the first of it is there.
                raise StoreUnavailable(
                    f"the database file {file} was moved, deleted or replaced; put it back, or restart Steno"
                )


class SqliteThread:
    """One connection and the only thread that uses it: no statement runs on the event loop, and none beside another."""

    def __init__(self, connection: sqlite3.Connection, name: str, files: DatabaseFiles) -> None:
        self._connection = connection
        self._files = files
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._closed = False

    async def run(self, work: Work[T]) -> T:
        """The result of `work`, after all work given before it. Work that has begun ends, whoever stops waiting.

        Raises StoreUnavailable, also if the database's files have gone; WriteConflict for a constraint; what `work` raises.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._translated, work)

    async def close(self) -> None:
        """Returns once the work already given is done, and connection and thread are gone."""
        if self._closed:
            return
        closed = asyncio.get_running_loop().run_in_executor(self._executor, self._connection.close)
        self._closed = True
        self._executor.shutdown(wait=False)
        await asyncio.shield(closed)

    def _translated(self, work: Work[T]) -> T:
        self._files.look()
        try:
            result = work(self._connection)
        except sqlite3.IntegrityError:
            raise WriteConflict("somebody else wrote this first") from None
        except sqlite3.DatabaseError as error:
            if not hasattr(error, "sqlite_errorcode"):
                raise  # a mistake in our use of the module, not an answer of the database
            raise StoreUnavailable(sentence(error)) from error
        # Once more: they may have gone while it worked, and what it wrote with them.
        self._files.look()
        return result


def _files(path: Path) -> list[Path]:
    # A new log or index beside the old one parts those who have the one from those who open the other.
    return [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only where there is none. Closing any descriptor of a file drops all locks that this process has on it
        # (POSIX), so whoever else then opens and closes the database takes itself for the last one, and removes the
        # write-ahead log from under us: every commit from then on goes into a file that is gone.
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            sync_directory(path.parent)
    except (FileExistsError, NotADirectoryError):
        if path.parent.is_dir():
            return  # another process was first
        raise SetupError(f"the data directory {path.parent} is not a directory; choose another one") from None
    except OSError as error:
        raise SetupError(
            f"cannot write to {path} ({error.strerror}); make the data directory writable, or choose another one"
        ) from None


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a file that vanished since is an error, not a new and empty database.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with ExitStack() as opened:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        opened.callback(connection.close)
        # The first of them to look at the tables opens the write-ahead log too, which nobody removes from then on.
        for setting in SETTINGS:
            connection.execute(setting)
        opened.pop_all()
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + OPEN_MS_MAX / 1_000
    while True:
        try:
            _become_ours(connection)
            return
        except sqlite3.OperationalError as error:
            # Turning to write-ahead logging needs the file alone and does not wait for it: with several processes
            # starting on a new file, all but one are told that it is locked.
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(OPEN_AGAIN_MS / 1_000)


def _become_ours(connection: sqlite3.Connection) -> None:
    if schema_version(connection) < SCHEMA_VERSION:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        if schema_version(connection) < SCHEMA_VERSION:
            create_tables(connection)
        prove_writable(connection)
    # Whoever was killed before may have left erased records in the log.
    truncate_wal(connection)


def prove_writable(connection: sqlite3.Connection) -> None:
    """Changes a number that nobody reads, inside the caller's transaction: a full or read-only disk shows here."""
    connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'checks'")


def _primary_code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
