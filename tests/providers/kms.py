"""Google Cloud KMS as its clients see it, on this machine: the same calls over gRPC, and real encryption.

Its keys are Tink keysets that never leave the process. A destroyed key, lies about checksums, silence and an outage
come on demand.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import tink
from google.cloud.kms_v1.types import DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse
from google_crc32c import value as crc32c
from tink import aead

SERVICE: Final = "google.cloud.kms.v1.KeyManagementService"
KEY: Final = "projects/test/locations/europe-west1/keyRings/steno/cryptoKeys/sessions"

aead.register()


@dataclass
class FakeKms:
    """One key, and how it misbehaves."""

    address: str = ""
    destroyed: bool = False
    forbidden: bool = False
    down: bool = False
    damaging: bool = False
    """What it answers is altered on the way."""
    deaf: bool = False
    """It does not say that checksums of what it was sent were looked at."""
    answering: threading.Event = field(default_factory=threading.Event)
    """Cleared, it keeps its callers waiting."""
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._primitive: aead.Aead = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(
            aead.Aead
        )
        self.answering.set()

    def encrypt(self, request: EncryptRequest, context: grpc.ServicerContext) -> EncryptResponse:
        place = self._admit(request, context, request.plaintext, request.plaintext_crc32c)
        ciphertext = self._primitive.encrypt(request.plaintext, place)
        return EncryptResponse(
            name=f"{request.name}/cryptoKeyVersions/1",
            ciphertext=self._sent(ciphertext),
            ciphertext_crc32c=crc32c(ciphertext),
            verified_plaintext_crc32c=not self.deaf,
            verified_additional_authenticated_data_crc32c=not self.deaf,
        )

    def decrypt(self, request: DecryptRequest, context: grpc.ServicerContext) -> DecryptResponse:
        place = self._admit(request, context, request.ciphertext, request.ciphertext_crc32c)
        try:
            plaintext = self._primitive.decrypt(request.ciphertext, place)
        except tink.TinkError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Decryption failed: the ciphertext is invalid.")
        return DecryptResponse(plaintext=self._sent(plaintext), plaintext_crc32c=crc32c(plaintext))

    def _admit(self, request: Any, context: grpc.ServicerContext, body: bytes, checksum: int | None) -> bytes:
        """The associated data of a request that may be answered."""
        self.calls.append(type(request).__name__)
        self.answering.wait()
        place: bytes = request.additional_authenticated_data
        for status, is_so in (
            (grpc.StatusCode.UNAVAILABLE, self.down),
            (grpc.StatusCode.PERMISSION_DENIED, self.forbidden),
            (grpc.StatusCode.NOT_FOUND, request.name != KEY),
            (grpc.StatusCode.FAILED_PRECONDITION, self.destroyed),
            (grpc.StatusCode.INVALID_ARGUMENT, checksum != crc32c(body)),
            (grpc.StatusCode.INVALID_ARGUMENT, request.additional_authenticated_data_crc32c != crc32c(place)),
        ):
            if is_so:
                context.abort(status, "a message that names what it should not")
        return place

    def _sent(self, body: bytes) -> bytes:
        return body[:-1] + bytes([body[-1] ^ 1]) if self.damaging else body


@contextmanager
def serving() -> Iterator[FakeKms]:
    """A key service on a port of its own, gone afterwards."""
    kms = FakeKms()
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    handlers = {
        "Encrypt": _handler(kms.encrypt, EncryptRequest, EncryptResponse),
        "Decrypt": _handler(kms.decrypt, DecryptRequest, DecryptResponse),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    kms.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield kms
    finally:
        kms.answering.set()
        server.stop(grace=None).wait()


def _handler(call: Callable[..., Any], request: Any, response: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(call, request.deserialize, response.serialize)
