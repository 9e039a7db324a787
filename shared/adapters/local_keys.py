"""The local key-encryption key: a file that only its owner may read, kept apart from what its keys wrap."""

import os
import stat
from pathlib import Path
from typing import Final

import tink
from tink import aead, secret_key_access

from shared.adapters.durable_files import create_whole, sync_directory
from shared.errors import SetupError
from shared.ports import KeyEncryption

KEY_FILE_BYTES_MAX: Final = 65_536

aead.register()


def open_key_file(path: Path, *, create: bool = True) -> KeyEncryption:
    """The key in the file `path`. If there is none, it is made (0600, its directory 0700) where `create` allows it. Blocks.

    With `create=False` a missing file is an error: sessions exist that a new key could not read.

    Raises SetupError, with what to do.
    """
    try:
        if not path.exists():
            if not create:
                raise SetupError(
                    f"the key file {path} is missing, and without it the sessions in the data directory cannot be"
                    " read; restore it from your backup, or choose a new data directory"
                )
            _make(path)
        return _loaded(_read(path), path)
    except OSError as error:
        raise SetupError(
            f"cannot use the key file {path} ({error.strerror}); make it and its directory yours to read and write"
        ) from None


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    body = tink.json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    try:
        create_whole(path, body.encode(), scratch=path.parent)
    except FileExistsError:
        # Another process was first; its key is the one to use.
        return
    sync_directory(path.parent)


def _read(path: Path) -> bytes:
    # Without waiting: whoever put a pipe there would have start-up wait for its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise SetupError(f"the key file {path} is not a file; restore it from your backup")
        if mode & 0o077:
            raise SetupError(f"others may read the key file {path}; run: chmod 600 {path}")
        return file.read(KEY_FILE_BYTES_MAX)


def _loaded(body: bytes, path: Path) -> KeyEncryption:
    try:
        handle = tink.json_proto_keyset_format.parse(body.decode(), secret_key_access.TOKEN)
        primitive: KeyEncryption = handle.primitive(aead.Aead)
    except (tink.TinkError, UnicodeDecodeError):
        raise SetupError(
            f"the key file {path} is damaged or holds no such key; restore it from your backup"
        ) from None
    return primitive
