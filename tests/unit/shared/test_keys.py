"""Keys of sessions are opened once, kept for a while, and never for another session."""

from dataclasses import replace

import pytest

from shared.domain.values import SessionId
from shared.errors import SetupError
from shared.keys import Keys
from shared.ports import KeyEncryption, Stored
from shared.sealing import Kind
from tests.doubles.counting_kek import CountingKek
from tests.unit.services.scene import Scene, key_encryption


async def sessions(kek: KeyEncryption, count: int) -> list[Stored]:
    scene = Scene()
    scene.kek = kek
    return [
        await scene.begin(session=SessionId(f"{number:08d}-0000-4000-8000-000000000000"))
        for number in range(count)
    ]


async def test_a_key_is_opened_once() -> None:
    kek = CountingKek(key_encryption())
    (stored,) = await sessions(kek, 1)
    keys = Keys(kek)
    first = await keys.of(stored)
    assert await keys.of(replace(stored)) is first
    assert kek.opened == 1
    assert first.open(Kind.LABEL, 0, first.seal(Kind.LABEL, 0, b"x")) == b"x"


async def test_the_longest_unused_is_dropped() -> None:
    kek = CountingKek(key_encryption())
    one, two, three = await sessions(kek, 3)
    keys = Keys(kek, keys_max=2)
    for stored in (one, two, one, three, one):
        await keys.of(stored)
    assert kek.opened == 3
    await keys.of(two)
    assert kek.opened == 4


async def test_a_key_is_not_found_by_the_id_alone() -> None:
    """A session deleted and restored from a backup may have another key under the same id."""
    kek = key_encryption()
    (stored,) = await sessions(kek, 1)
    keys = Keys(kek)
    await keys.of(stored)
    with pytest.raises(SetupError):
        await keys.of(replace(stored, document=replace(stored.document, wrapped_key=b"other")))


async def test_a_key_of_another_session_does_not_open() -> None:
    kek = key_encryption()
    one, two = await sessions(kek, 2)
    with pytest.raises(SetupError, match="does not open"):
        await Keys(kek).of(replace(one, document=replace(one.document, wrapped_key=two.document.wrapped_key)))
