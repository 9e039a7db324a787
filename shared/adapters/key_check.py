"""Whether this key-encryption key is the one the data was written with, found out at start and not at the first word."""

from pathlib import Path
from typing import Final

import tink

from shared.adapters.durable_files import create_whole, sync_directory
from shared.errors import SetupError
from shared.ports import KeyEncryption

NAME: Final = "key.check"
PROBE_BYTES_MAX: Final = 4_096

_CONTENT: Final = b"steno"
_PLACE: Final = b"steno key check v1"


def check_key(data_dir: Path, kek: KeyEncryption) -> None:
    """Leaves a probe sealed with `kek` in a new data directory; opens the probe that it finds. Blocks.

    Raises SetupError if the probe was sealed with another key, or the directory cannot be used.
    """
    probe = data_dir / NAME
    try:
        if not probe.exists():
            _leave(probe, kek.encrypt(_CONTENT, _PLACE))
        with probe.open("rb") as file:
            sealed = file.read(PROBE_BYTES_MAX)
    except OSError as error:
        raise SetupError(
            f"cannot use the data directory {data_dir} ({error.strerror}); make it yours to read and write,"
            " or choose another with --data-dir"
        ) from None
    if not _opens(sealed, kek):
        raise SetupError(
            f"the key file is not the one that the data in {data_dir} was written with; restore that one from your"
            " backup, or choose another data directory with --data-dir"
        )


def _leave(probe: Path, sealed: bytes) -> None:
    probe.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        create_whole(probe, sealed, scratch=probe.parent)
    except FileExistsError:
        # Another process was first: what it left is opened like any other.
        return
    sync_directory(probe.parent)


def _opens(sealed: bytes, kek: KeyEncryption) -> bool:
    try:
        return kek.decrypt(sealed, _PLACE) == _CONTENT
    except tink.TinkError:
        return False
