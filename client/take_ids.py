"""Which take a file is: derived from the session and the audio, so that the same file resumes where it stopped, and
another file never writes over it. Only one run at a time may be a take."""

import fcntl
import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.domain.values import SessionId, TakeId
from shared.errors import Refuse, SetupError

_OFFSET_BITS: Final = 62
"""Positions in a file are signed 64-bit numbers, and a lock reaches one byte beyond its own."""


class AlreadyStreaming(Refuse):
    """Another process streams this file into this session right now."""

    close_code = 4409


def take_id_of(session: SessionId, digest: bytes) -> TakeId:
    """A UUID (version 8: of a recipe of one's own) from the session and the digest of the audio."""
    mixed = bytearray(hashlib.sha256(session.encode("ascii") + digest).digest()[:16])
    mixed[6] = (mixed[6] & 0x0F) | 0x80
    mixed[8] = (mixed[8] & 0x3F) | 0x80
    return TakeId(str(uuid.UUID(bytes=bytes(mixed))))


@contextmanager
def only_run(take_id: TakeId, folder: Path | None = None) -> Iterator[None]:
    """Held while a take is streamed from this machine; the kernel lets go of it however its holder ends.

    To the server two runs of one take are one recorder that keeps redialling: each would displace the other for ever.

    Raises AlreadyStreaming, or SetupError if the lock file cannot be used.
    """
    path = (folder or Path(tempfile.gettempdir())) / f"steno-streams-{os.getuid()}.lock"
    try:
        # Not through a link: in a directory that everybody writes to, somebody else may have put one there.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(
            f"cannot use {path} ({error.strerror}); remove it, or point TMPDIR elsewhere"
        ) from None
    try:
        _lock(descriptor, take_id)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, take_id: TakeId) -> None:
    # One file for all takes, a byte of it for each: nothing is left behind that anybody would have to tidy up.
    byte = uuid.UUID(take_id).int >> (128 - _OFFSET_BITS)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except (BlockingIOError, PermissionError):
        raise AlreadyStreaming(
            "this file is being streamed into this session already; wait for that run, or stop it"
        ) from None
