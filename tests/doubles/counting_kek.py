"""A key-encryption key that counts what it opens."""

from shared.ports import KeyEncryption


class CountingKek:
    """`ports.KeyEncryption` over another."""

    def __init__(self, inner: KeyEncryption) -> None:
        self._inner = inner
        self.opened = 0

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        return self._inner.encrypt(plaintext, associated_data)

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        self.opened += 1
        return self._inner.decrypt(ciphertext, associated_data)
