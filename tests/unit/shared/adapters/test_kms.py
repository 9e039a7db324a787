"""The key in Cloud KMS beyond its suite: nothing damaged is believed, and every trouble is its own sentence."""

import time
from collections.abc import Callable, Iterator

import pytest
import tink

from shared.adapters.kms import KmsKey
from shared.errors import DictationError, Retry, SetupError
from shared.sealing import new_key, unwrap_key
from tests.contract.adapters import CALL_MS_MAX
from tests.contract.examples import SESSION
from tests.doubles.emulators import free_port
from tests.providers.kms import KEY, FakeKms, serving

SHORT_MS = 300


@pytest.fixture
def kms() -> Iterator[FakeKms]:
    with serving() as kms:
        yield kms


@pytest.fixture
def key(kms: FakeKms) -> Iterator[KmsKey]:
    key = KmsKey.open(KEY, kms.address, CALL_MS_MAX)
    yield key
    key.close()


def test_each_is_one_call(kms: FakeKms, key: KmsKey) -> None:
    key.decrypt(key.encrypt(b"a key", b"place"), b"place")
    assert kms.calls == ["EncryptRequest", "DecryptRequest"]


async def test_a_sessions_key_costs_one_call_and_its_records_none(kms: FakeKms, key: KmsKey) -> None:
    await new_key(key, SESSION)
    assert kms.calls == ["EncryptRequest"]


TROUBLES: dict[str, tuple[Callable[[FakeKms], None], type[DictationError], str]] = {
    "destroyed": (lambda kms: setattr(kms, "destroyed", True), SetupError, "disabled or destroyed"),
    "forbidden": (lambda kms: setattr(kms, "forbidden", True), SetupError, "service account"),
    "down": (lambda kms: setattr(kms, "down", True), Retry, "did not answer"),
    "damaging": (lambda kms: setattr(kms, "damaging", True), Retry, "damaged"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_every_trouble_is_said_once(
    kms: FakeKms, key: KmsKey, trouble: tuple[Callable[[FakeKms], None], type[DictationError], str]
) -> None:
    wrapped = key.encrypt(b"a key", b"place")
    cause, kind, sentence = trouble
    cause(kms)
    kms.calls.clear()
    with pytest.raises(kind, match=sentence) as wrapping:
        key.encrypt(b"a key", b"place")
    with pytest.raises(kind, match=sentence) as unwrapping:
        key.decrypt(wrapped, b"place")
    assert "should not" not in f"{wrapping.value} {unwrapping.value}"
    assert len(kms.calls) == 2, "the library tried again"


def test_a_service_that_did_not_look_at_the_checksums_is_not_believed(kms: FakeKms, key: KmsKey) -> None:
    kms.deaf = True
    with pytest.raises(Retry, match="damaged"):
        key.encrypt(b"a key", b"place")


async def test_an_outage_is_not_taken_for_the_wrong_key(kms: FakeKms, key: KmsKey) -> None:
    """The one passes; the other tells a person to look for a backup."""
    _, wrapped = await new_key(key, SESSION)
    kms.down = True
    with pytest.raises(Retry):
        await unwrap_key(key, SESSION, wrapped)


def test_what_another_key_wrapped_does_not_open(key: KmsKey) -> None:
    with serving() as other:
        theirs = KmsKey.open(KEY, other.address, CALL_MS_MAX)
        wrapped = theirs.encrypt(b"a key", b"place")
        theirs.close()
    with pytest.raises(tink.TinkError):
        key.decrypt(wrapped, b"place")


def test_a_key_that_is_not_there_is_named(kms: FakeKms) -> None:
    key = KmsKey.open(f"{KEY}-misspelt", kms.address, CALL_MS_MAX)
    with pytest.raises(SetupError, match="sessions-misspelt"):
        key.encrypt(b"a key", b"place")
    key.close()


def test_a_silent_service_is_given_up_in_time(kms: FakeKms) -> None:
    key = KmsKey.open(KEY, kms.address, SHORT_MS)
    kms.answering.clear()
    asked_at = time.monotonic()
    with pytest.raises(Retry, match="did not answer"):
        key.encrypt(b"a key", b"place")
    assert time.monotonic() - asked_at < 10 * SHORT_MS / 1_000
    key.close()


def test_nobody_there_is_said() -> None:
    key = KmsKey.open(KEY, f"127.0.0.1:{free_port()}")
    with pytest.raises(Retry, match="did not answer"):
        key.encrypt(b"a key", b"place")
    key.close()
