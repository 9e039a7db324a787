"""Files that are there, whole, after a power cut, or not there at all."""

import os
import secrets
from pathlib import Path


def create_whole(path: Path, body: bytes, scratch: Path) -> None:
    """Make the file `path` (0600) with `body` in it, by way of a file in `scratch`, a directory of the same disk.

    Nobody ever sees a part of it. It is durable once the directory is synced.

    Raises FileExistsError if it exists, and other OSErrors; nothing is left behind then.
    """
    temporary = scratch / f"{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(descriptor)
        # A link, not a rename: a rename would silently replace what somebody else has made meanwhile.
        path.hardlink_to(temporary)
    finally:
        temporary.unlink()


def sync_directory(directory: Path) -> None:
    """Make durable which files `directory` holds."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
