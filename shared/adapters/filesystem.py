"""The embedded blob storage: a file for each key, whole or not at all."""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from shared.adapters.blob_keys import check_key, check_prefix
from shared.adapters.durable_files import create_whole, sync_directory
from shared.errors import BlobsUnavailable, SetupError, WriteConflict

THREADS: Final = 4
"""Waiting for the disk is all they do; more would only queue in front of it."""

SCRATCH: Final = ".incoming"
"""Where files are written before they get their names. No key begins with a dot, so none can be meant."""

LEFTOVER_AFTER_MS: Final = 3_600_000
"""A scratch file this old belongs to nobody: its process was killed. A younger one may be in use by another process."""

CREATE_TRIES: Final = 5

T = TypeVar("T")


class FilesystemBlobs:
    """`ports.Blobs` in a directory; `a/b/c` is the file c in a/b."""

    def __init__(self, root: Path) -> None:
        """Use `open`."""
        self._root = root
        self._scratch = root / SCRATCH
        self._executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="blobs")
        self._closed = False

    @classmethod
    def open(cls, root: Path) -> "FilesystemBlobs":
        """The blobs in the directory `root`, made (0700) if need be. Blocks; for start-up.

        Raises SetupError, with what to do, if the directory cannot be used.
        """
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (root / SCRATCH).mkdir(mode=0o700, exist_ok=True)
            _clear_leftovers(root / SCRATCH)
        except (FileExistsError, NotADirectoryError):
            raise SetupError(f"{root} is not a directory; move it away, or choose another one") from None
        except OSError as error:
            raise SetupError(
                f"cannot write to {root} ({error.strerror}); make it writable, or choose another directory"
            ) from None
        return cls(root)

    async def create(self, key: str, body: bytes) -> None:
        path = self._path(key)
        await self._run(lambda: self._create(path, body))

    async def read(self, key: str) -> bytes | None:
        path = self._path(key)
        return await self._run(lambda: _read(path))

    async def list(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        return await self._run(lambda: _keys(self._root, prefix))

    async def delete(self, key: str) -> None:
        path = self._path(key)
        await self._run(lambda: self._delete(path))

    async def check(self) -> None:
        await self._run(self._check)

    async def close(self) -> None:
        """Returns once what was begun is done and no thread is left."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise BlobsUnavailable("the blob storage is closed")
        return await asyncio.get_running_loop().run_in_executor(self._executor, _translated, work)

    # --- in a thread

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root / key

    def _create(self, path: Path, body: bytes) -> None:
        for _ in range(CREATE_TRIES):
            try:
                self._make_directory(path.parent)
                create_whole(path, body, self._scratch)
            except FileExistsError:
                found = _read(path)
                if found is None:
                    # It, or a directory above it, was there and is gone again.
                    continue
                if found != body:
                    raise WriteConflict("a blob of this key exists, with other content") from None
            except FileNotFoundError:
                # Whoever deleted the last blob beside this one has just removed their directory.
                continue
            # For a blob that existed too: who made it may have been killed before this.
            sync_directory(path.parent)
            return
        raise BlobsUnavailable("a directory of blobs is removed again and again, or is none; try again")

    def _make_directory(self, directory: Path) -> None:
        if directory == self._root or directory.is_dir():
            return
        self._make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)

    def _delete(self, path: Path) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            sync_directory(path.parent)
        for directory in path.parents:
            if directory == self._root or not _removed_if_empty(directory):
                return

    def _check(self) -> None:
        probe = self._scratch / f"check-{secrets.token_hex(8)}.tmp"
        create_whole(probe, b"check", self._scratch)
        probe.unlink()


def _translated(work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as error:
        raise BlobsUnavailable(
            f"the directory of drafts cannot be used ({error.strerror}); check the disk and its permissions"
        ) from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _keys(root: Path, prefix: str) -> list[str]:
    top = root / prefix.rpartition("/")[0]
    files = (Path(at, name) for at, _, names in os.walk(top, onerror=_unless_gone) for name in names)
    keys = (path.relative_to(root).as_posix() for path in files)
    return sorted(key for key in keys if key.startswith(prefix) and not key.startswith("."))


def _unless_gone(error: OSError) -> None:
    """A directory may be removed while it is walked; any other trouble must not look like an empty one."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _removed_if_empty(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _clear_leftovers(scratch: Path) -> None:
    oldest_kept_ms = time.time_ns() // 1_000_000 - LEFTOVER_AFTER_MS
    for path in scratch.glob("*.tmp"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns // 1_000_000 < oldest_kept_ms:
                path.unlink()
