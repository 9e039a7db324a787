"""Every key-encryption key: what it wraps opens with it, in its place, and with nothing else."""

import asyncio

import pytest
import tink

from shared.domain.values import SessionId
from shared.errors import Broken, SetupError
from shared.ports import KeyEncryption
from shared.sealing import Kind, new_key, unwrap_key
from tests.contract.examples import ANOTHER, SESSION


@pytest.mark.parametrize("plaintext", [b"", b"a key", bytes(range(256)) * 16])
def test_what_is_wrapped_is_unwrapped_in_its_place(kek: KeyEncryption, plaintext: bytes) -> None:
    assert kek.decrypt(kek.encrypt(plaintext, b"place"), b"place") == plaintext


def test_the_wrapped_form_shows_nothing_and_never_comes_again(kek: KeyEncryption) -> None:
    one, two = kek.encrypt(b"a key of a session", b"place"), kek.encrypt(b"a key of a session", b"place")
    assert one != two
    assert b"session" not in one


@pytest.mark.parametrize("place", [b"", b"another place", b"placE"])
def test_another_place_does_not_open(kek: KeyEncryption, place: bytes) -> None:
    with pytest.raises(tink.TinkError):
        kek.decrypt(kek.encrypt(b"a key", b"place"), place)


def test_nothing_altered_opens(kek: KeyEncryption) -> None:
    wrapped = kek.encrypt(b"a key", b"place")
    altered = [wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :] for at in range(len(wrapped))]
    for each in [*altered, wrapped[:-1], wrapped + b"\0", b"", b"x"]:
        with pytest.raises(tink.TinkError):
            kek.decrypt(each, b"place")


async def test_a_sessions_key_is_unwrapped_for_that_session_only(kek: KeyEncryption) -> None:
    key, wrapped = await new_key(kek, SESSION)
    again = await unwrap_key(kek, SESSION, wrapped)
    assert again.open(Kind.LABEL, 0, key.seal(Kind.LABEL, 0, b"label")) == b"label"
    with pytest.raises(SetupError, match="does not open"):
        await unwrap_key(kek, ANOTHER, wrapped)


async def test_each_session_has_a_key_of_its_own(kek: KeyEncryption) -> None:
    sessions: list[SessionId] = [SESSION, SESSION, ANOTHER]
    keys = await asyncio.gather(*(new_key(kek, each) for each in sessions))
    assert len({wrapped for _, wrapped in keys}) == 3
    sealed = keys[0][0].seal(Kind.LABEL, 0, b"label")
    for key, _ in keys[1:]:
        with pytest.raises(Broken):
            key.open(Kind.LABEL, 0, sealed)
