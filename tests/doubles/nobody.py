"""What a user without rights may do, for tests of permissions that must hold for root too."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Final

NOBODY: Final = 65_534


@contextmanager
def without_rights() -> Iterator[None]:
    """All threads of this process as a user who owns nothing, unless they are no more than one already."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def place_of_nobody() -> Iterator[Path]:
    """A directory that the user of `without_rights` owns and reaches, which pytest's own are not."""
    place = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        yield place
    finally:
        rmtree(place)
