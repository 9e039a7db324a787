"""Sealing: what is sealed opens in its place and nowhere else, and shows nothing on the way."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from shared.adapters.local_keys import open_key_file
from shared.domain.entries import Gap, GapCause, Logged, Polished, Segment, Word
from shared.domain.session import SessionConfig
from shared.domain.values import SessionId, Span
from shared.errors import Broken, SetupError
from shared.ports import EntryRow, KeyEncryption
from shared.sealing import (
    Kind,
    SessionKey,
    new_key,
    open_config,
    open_entry,
    open_label,
    open_polished,
    seal_config,
    seal_entry,
    seal_label,
    seal_polished,
    unwrap_key,
)

SESSION, ANOTHER = SessionId("session-1"), SessionId("session-2")
SPAN = Span(16_000, 48_000)
WORDS = (Word("Ada", Span(16_000, 20_000)), Word("Example", Span(20_000, 48_000)))
SEGMENT = Logged(3, Segment(2, SPAN, "Ada Example", WORDS, "scripted", 93, True))
POLISHED = Polished(4, 0, 3, "Ada Example.", "rules", "1", ("checked",))
CONFIG = SessionConfig("en", ("Ada", "Example"), (("sig", "Ada Example"),), "as Ada writes")


@pytest.fixture
def kek(tmp_path: Path) -> KeyEncryption:
    return open_key_file(tmp_path / "key.json")


@pytest.fixture
async def key(kek: KeyEncryption) -> SessionKey:
    key, _ = await new_key(kek, SESSION)
    return key


SEGMENTS = [
    SEGMENT,
    Logged(0, Segment(1, Span(0, 0), "")),
    Logged(9, Segment(1, SPAN, "ÄÖ\0 \U0001f600" * 500, engine="", confidence=None)),
]


@pytest.mark.parametrize("logged", SEGMENTS, ids=range(len(SEGMENTS)))
def test_a_segment_opens_as_it_was(key: SessionKey, logged: Logged) -> None:
    assert open_entry(key, seal_entry(key, logged)) == logged


@pytest.mark.parametrize("cause", list(GapCause))
def test_a_gap_is_not_sealed_and_opens_as_it_was(key: SessionKey, cause: GapCause) -> None:
    logged = Logged(7, Gap(1, Span(5, 5), cause, 250))
    row = seal_entry(key, logged)
    assert row == EntryRow(7, 1, 5, 5, cause=cause.value, wall_ms=250)
    assert open_entry(key, row) == logged


def test_polished_text_configuration_and_label_open_as_they_were(key: SessionKey) -> None:
    assert open_polished(key, seal_polished(key, POLISHED)) == POLISHED
    for config in (CONFIG, SessionConfig()):
        assert open_config(key, seal_config(key, config)) == config
    for label in ("", "Ada Example"):
        assert open_label(key, seal_label(key, label)) == label


async def test_the_stored_key_opens_what_the_first_one_sealed(kek: KeyEncryption) -> None:
    key, wrapped = await new_key(kek, SESSION)
    again = await unwrap_key(kek, SESSION, wrapped)
    assert open_entry(again, seal_entry(key, SEGMENT)) == SEGMENT


def test_what_is_sealed_shows_no_words_and_never_comes_again(key: SessionKey) -> None:
    sealed = [
        seal_entry(key, SEGMENT).sealed or b"",
        seal_polished(key, POLISHED).sealed,
        seal_config(key, CONFIG),
        seal_label(key, "Ada Example"),
    ]
    assert seal_entry(key, SEGMENT).sealed != sealed[0]
    assert not [each for each in sealed if b"Ada" in each or b"Example" in each]
    assert "Ada" not in repr(seal_entry(key, SEGMENT))


async def test_a_record_of_another_session_does_not_open(kek: KeyEncryption, key: SessionKey) -> None:
    other, _ = await new_key(kek, ANOTHER)
    with pytest.raises(Broken, match="does not open"):
        open_entry(other, seal_entry(key, SEGMENT))
    impostor = SessionKey(ANOTHER, key.primitive)
    with pytest.raises(Broken, match="does not open"):
        open_entry(impostor, seal_entry(key, SEGMENT))


def test_a_record_at_another_index_does_not_open(key: SessionKey) -> None:
    with pytest.raises(Broken, match="sealed entry record"):
        open_entry(key, replace(seal_entry(key, SEGMENT), index=4))
    with pytest.raises(Broken, match="sealed polished record"):
        open_polished(key, replace(seal_polished(key, POLISHED), index=3))


@pytest.mark.parametrize("kind", list(Kind))
def test_a_record_of_another_kind_does_not_open(key: SessionKey, kind: Kind) -> None:
    sealed = key.seal(kind, 0, b"Ada Example")
    for other in Kind:
        if other is kind:
            assert key.open(other, 0, sealed) == b"Ada Example"
        else:
            with pytest.raises(Broken) as broken:
                key.open(other, 0, sealed)
            assert "Ada" not in str(broken.value)


def test_a_record_altered_anywhere_does_not_open(key: SessionKey) -> None:
    sealed = key.seal(Kind.ENTRY, 0, b"Ada Example")
    altered = [sealed[:at] + bytes([sealed[at] ^ 0x80]) + sealed[at + 1 :] for at in range(len(sealed))]
    for each in [*altered, sealed[:-1], sealed + b"\0", b""]:
        with pytest.raises(Broken):
            key.open(Kind.ENTRY, 0, each)


OTHER_SHAPES: list[object] = ["Ada", ["Ada"], ["Ada", [["Ada", "x", 1]]], {"text": "Ada"}, 7]


@pytest.mark.parametrize("body", OTHER_SHAPES, ids=range(len(OTHER_SHAPES)))
def test_what_opens_to_something_else_is_broken_and_not_quoted(key: SessionKey, body: object) -> None:
    packed = msgspec.msgpack.encode(body)
    row = replace(seal_entry(key, SEGMENT), sealed=key.seal(Kind.ENTRY, 3, packed))
    opening: list[Callable[[], object]] = [
        lambda: open_entry(key, row),
        lambda: open_config(key, key.seal(Kind.CONFIG, 0, packed)),
    ]
    for each in opening:
        with pytest.raises(Broken, match="opens to something else") as broken:
            each()
        assert "Ada" not in str(broken.value)


def test_a_stored_entry_that_is_neither_segment_nor_gap_is_broken(key: SessionKey) -> None:
    with pytest.raises(Broken, match="neither a segment nor a gap"):
        open_entry(key, EntryRow(0, 1, 0, 9))


def test_a_gap_of_a_cause_from_the_future_is_broken(key: SessionKey) -> None:
    with pytest.raises(Broken, match="cause that this version does not know"):
        open_entry(key, EntryRow(0, 1, 0, 0, cause="struck_by_lightning"))


async def test_a_key_that_another_key_wrapped_does_not_open(kek: KeyEncryption, tmp_path: Path) -> None:
    _, wrapped = await new_key(kek, SESSION)
    replaced = open_key_file(tmp_path / "replaced.json")
    with pytest.raises(SetupError, match="was the key file replaced, or STENO_KMS_KEY changed?"):
        await unwrap_key(replaced, SESSION, wrapped)


async def test_a_wrapped_key_is_bound_to_its_session(kek: KeyEncryption) -> None:
    _, wrapped = await new_key(kek, SESSION)
    with pytest.raises(SetupError):
        await unwrap_key(kek, ANOTHER, wrapped)


async def test_every_session_has_its_own_key(kek: KeyEncryption) -> None:
    drawn = await asyncio.gather(*(new_key(kek, SESSION) for _ in range(4)))
    assert len({wrapped for _, wrapped in drawn}) == 4
    sealed = drawn[0][0].seal(Kind.LABEL, 0, b"label")
    for key, _ in drawn[1:]:
        with pytest.raises(Broken):
            key.open(Kind.LABEL, 0, sealed)


def test_a_key_shows_only_whose_it_is(key: SessionKey) -> None:
    assert repr(key) == "SessionKey(session='session-1')"
