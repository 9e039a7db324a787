"""One supervisor for each data directory; the kernel lets go of the lock however its holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import SetupError

NAME: Final = "supervisor.lock"


@contextmanager
def only_supervisor(data_dir: Path) -> Iterator[None]:
    """Holds the data directory. Raises SetupError, saying who does, if another has it, or if it cannot be used."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(
            f"cannot use the data directory {data_dir} ({error.strerror}); make it yours to read and write,"
            " or choose another with --data-dir"
        ) from None
    try:
        _take(descriptor, data_dir)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise SetupError(
            f"Steno is already running on {data_dir} (process {holder}); stop that one, or choose another"
            " directory with --data-dir"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
