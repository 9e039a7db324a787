"""The clients of Google's own services: made without dialling, and without credentials one sentence says what to do."""

import json
from collections.abc import Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.adapters.firestore import FirestoreStore
from shared.adapters.gcs import GcsBlobs
from shared.adapters.google_clients import CALL_MS_MAX, CHANNEL_OPTIONS, once
from shared.adapters.kms import KmsKey
from shared.adapters.pubsub import PubsubPublisher
from shared.errors import SetupError
from shared.lease import ATTEMPT_MS_MAX
from tests.providers.kms import KEY

OPENED: list[Callable[[], Any]] = [
    lambda: FirestoreStore.open("test"),
    lambda: PubsubPublisher.open("test", "sessions"),
    lambda: GcsBlobs.open("test", "drafts"),
    lambda: KmsKey.open(KEY),
]
NAMES = ["firestore", "pubsub", "gcs", "kms"]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One where nobody has signed in, outside of Google's cloud."""
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "FIRESTORE_EMULATOR_HOST",
        "PUBSUB_EMULATOR_HOST",
        "STORAGE_EMULATOR_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def service_account(path: Path) -> str:
    """A made-up one, as a file."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    fields = {
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "nobody@test.invalid",
        "token_uri": "https://127.0.0.1:9/token",
    }
    path.write_text(json.dumps(fields))
    return str(path)


@pytest.mark.parametrize("opened", OPENED, ids=NAMES)
async def test_without_credentials_one_sentence_says_what_to_do(opened: Callable[[], Any]) -> None:
    with pytest.raises(SetupError, match="gcloud auth application-default login"):
        opened()


@pytest.mark.parametrize("opened", OPENED, ids=NAMES)
async def test_with_credentials_it_opens_without_dialling(
    opened: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", service_account(tmp_path / "account.json"))
    closing = opened().close()
    if isawaitable(closing):
        await closing


def test_a_call_is_tried_once_and_no_longer_than_its_caller_waits() -> None:
    assert once(CALL_MS_MAX) == {"retry": None, "timeout": CALL_MS_MAX / 1_000}
    assert CALL_MS_MAX <= ATTEMPT_MS_MAX


def test_a_lost_server_is_dialled_again_within_a_second() -> None:
    assert dict(CHANNEL_OPTIONS)["grpc.max_reconnect_backoff_ms"] <= 1_000
