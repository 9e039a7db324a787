"""The key-encryption key in Google Cloud KMS, in the shape of a Tink primitive; it never leaves there.

Checksums go both ways, as Google asks: a bit that flips on the way would otherwise be wrapped, and no session's key
would ever open again.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import grpc
import tink
from google.api_core import exceptions
from google.cloud.kms_v1 import KeyManagementServiceClient
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
from google_crc32c import value as crc32c

from shared.adapters.google_clients import (
    CALL_MS_MAX,
    CHANNEL_OPTIONS,
    GOOGLE_OPTIONS,
    credentials_needed,
    once,
)
from shared.errors import Broken, Retry, SetupError

DAMAGED: Final = "what was sent to Cloud KMS, or came from it, arrived damaged; try again"

T = TypeVar("T")


class KmsKey:
    """`ports.KeyEncryption`. Blocks; any thread may use it.

    `encrypt` and `decrypt` raise Retry when KMS does not answer, and SetupError when the key may not be used.
    """

    def __init__(self, client: KeyManagementServiceClient, name: str, call_ms_max: int) -> None:
        """Use `open`."""
        self._client = client
        self._name = name
        self._once = once(call_ms_max)

    @classmethod
    def open(cls, name: str, address: str | None = None, call_ms_max: int = CALL_MS_MAX) -> "KmsKey":
        """The key `projects/P/locations/L/keyRings/R/cryptoKeys/K`. Dials nothing yet.

        `address` is the HOST:PORT of a stand-in; None means Google's own service. Raises SetupError without
        credentials for it.
        """
        if address is None:
            with credentials_needed():
                channel = KeyManagementServiceGrpcTransport.create_channel(options=GOOGLE_OPTIONS)
        else:
            channel = grpc.insecure_channel(address, options=list(CHANNEL_OPTIONS))
        client = KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))
        return cls(client, name, call_ms_max)

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        request = {
            **self._named(associated_data),
            "plaintext": plaintext,
            "plaintext_crc32c": crc32c(plaintext),
        }
        answer: Any = self._asked(lambda: self._client.encrypt(request=request, **self._once))
        received = answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c
        if not received or answer.ciphertext_crc32c != crc32c(answer.ciphertext):
            raise Retry(DAMAGED)
        return bytes(answer.ciphertext)

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Raises tink.TinkError if it was not wrapped by this key, or for another place."""
        request = {
            **self._named(associated_data),
            "ciphertext": ciphertext,
            "ciphertext_crc32c": crc32c(ciphertext),
        }
        try:
            answer: Any = self._asked(lambda: self._client.decrypt(request=request, **self._once))
        except Broken:
            raise tink.TinkError("Cloud KMS does not open it with this key, in this place") from None
        if answer.plaintext_crc32c != crc32c(answer.plaintext):
            raise Retry(DAMAGED)
        return bytes(answer.plaintext)

    def close(self) -> None:
        self._client.transport.close()  # type: ignore[no-untyped-call]  # ships none

    def _named(self, associated_data: bytes) -> dict[str, object]:
        return {
            "name": self._name,
            "additional_authenticated_data": associated_data,
            "additional_authenticated_data_crc32c": crc32c(associated_data),
        }

    def _asked(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except exceptions.InvalidArgument:
            raise Broken("Cloud KMS refuses what it was given") from None
        except exceptions.FailedPrecondition:
            raise SetupError(
                f"the key {self._name} is disabled or destroyed; enable or restore it, or the sessions whose keys it"
                " wraps cannot be read"
            ) from None
        except exceptions.NotFound:
            raise SetupError(f"there is no key {self._name}; apply infra/terraform") from None
        except (exceptions.Forbidden, exceptions.Unauthorized):
            raise SetupError(
                f"Cloud KMS does not let this service use {self._name}; check its service account"
            ) from None
        except (exceptions.GoogleAPICallError, exceptions.RetryError):
            raise Retry("Cloud KMS did not answer") from None
