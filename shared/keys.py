"""The keys of sessions, opened once and kept for a while: opening one asks the key-encryption key, which may be far."""

from collections import OrderedDict
from typing import Final

from shared.domain.values import SessionId
from shared.ports import KeyEncryption, Stored
from shared.sealing import SessionKey, unwrap_key

KEYS_MAX: Final = 256


class Keys:
    """The most recently used `keys_max` keys; the longest unused is dropped for the next."""

    def __init__(self, kek: KeyEncryption, keys_max: int = KEYS_MAX) -> None:
        self._kek = kek
        self._keys_max = keys_max
        self._kept: OrderedDict[tuple[SessionId, bytes], SessionKey] = OrderedDict()

    async def of(self, stored: Stored) -> SessionKey:
        """Raises SetupError if the session's key does not open."""
        name = (stored.session, stored.document.wrapped_key)
        if name not in self._kept:
            self._kept[name] = await unwrap_key(self._kek, *name)
        key = self._kept[name]
        self._kept.move_to_end(name)
        if len(self._kept) > self._keys_max:
            self._kept.popitem(last=False)
        return key
