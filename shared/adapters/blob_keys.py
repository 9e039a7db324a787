"""What a blob key may look like: the same for every storage, and none that could name something outside of it."""

import re
from typing import Final

from shared.errors import Broken

KEY_CHARACTERS_MAX: Final = 512

_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def check_key(key: str) -> None:
    """Raises Broken for a malformed key: keys are ours, no peer's."""
    if len(key) > KEY_CHARACTERS_MAX or not _KEY.fullmatch(key):
        raise Broken("a blob key is malformed")


def check_prefix(prefix: str) -> None:
    """Raises Broken for what no key begins with. All begin with nothing."""
    if prefix:
        check_key(prefix.removesuffix("/"))
