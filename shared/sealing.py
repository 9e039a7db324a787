"""Sealing: everything that holds words or labels leaves process memory only through here.

One Tink AES-256-GCM keyset per session, wrapped by the key-encryption key with the session id as associated data.
Every record is sealed with session, kind, index and format version as associated data, so that a record moved to
another place, or into another session, does not open.
"""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

import msgspec
import tink
from tink import aead, secret_key_access

from shared.domain.entries import Entry, Gap, GapCause, Logged, Polished, Segment, Word
from shared.domain.session import SessionConfig
from shared.domain.values import SessionId, Span
from shared.errors import Broken, SetupError
from shared.ports import EntryRow, KeyEncryption, PolishedRow

FORMAT: Final = "v1"

aead.register()

T = TypeVar("T")


class Kind(StrEnum):
    """What a sealed record is; part of its associated data."""

    ENTRY = "entry"
    POLISHED = "polished"
    LABEL = "label"
    CONFIG = "config"
    DRAFT = "draft"
    BUS = "bus"


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Seals and opens the records of one session. About 2 us for a segment (tests/bench/bench_sealing.py)."""

    session: SessionId
    primitive: aead.Aead = field(repr=False)

    def seal(self, kind: Kind, index: int, plaintext: bytes) -> bytes:
        sealed: bytes = self.primitive.encrypt(plaintext, self._place(kind, index))
        return sealed

    def open(self, kind: Kind, index: int, sealed: bytes) -> bytes:
        """Raises Broken if the record was altered, or belongs to another place or session."""
        try:
            plaintext: bytes = self.primitive.decrypt(sealed, self._place(kind, index))
        except tink.TinkError:
            raise Broken(f"a sealed {kind} record does not open: altered, moved or of another key") from None
        return plaintext

    def _place(self, kind: Kind, index: int) -> bytes:
        return f"steno|{FORMAT}|{self.session}|{kind}|{index}".encode()


async def new_key(kek: KeyEncryption, session: SessionId) -> tuple[SessionKey, bytes]:
    """A fresh key for a session, and its wrapped form for the session document."""
    return await asyncio.to_thread(_new_key, kek, session)


async def unwrap_key(kek: KeyEncryption, session: SessionId, wrapped: bytes) -> SessionKey:
    """Raises SetupError if this key-encryption key did not wrap it, or wrapped it for another session."""
    return await asyncio.to_thread(_unwrap_key, kek, session, wrapped)


def _new_key(kek: KeyEncryption, session: SessionId) -> tuple[SessionKey, bytes]:
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    plain = tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    wrapped = kek.encrypt(plain, _wrapping_place(session))
    return SessionKey(session, handle.primitive(aead.Aead)), wrapped


def _unwrap_key(kek: KeyEncryption, session: SessionId, wrapped: bytes) -> SessionKey:
    try:
        plain = kek.decrypt(wrapped, _wrapping_place(session))
    except tink.TinkError:
        raise SetupError(
            "a session's key does not open with this key-encryption key; was the key file replaced, or STENO_KMS_KEY"
            " changed?"
        ) from None
    handle = tink.proto_keyset_format.parse(plain, secret_key_access.TOKEN)
    return SessionKey(session, handle.primitive(aead.Aead))


def _wrapping_place(session: SessionId) -> bytes:
    return f"steno|{FORMAT}|key|{session}".encode()


# --- records


class _Words(msgspec.Struct, frozen=True, array_like=True):
    """The sealed body of a segment: its text, and each word with its place."""

    text: str
    words: list[tuple[str, int, int]]


class _Config(msgspec.Struct, frozen=True):
    language: str
    vocabulary: list[str]
    macros: dict[str, str]
    style: str


def seal_entry(key: SessionKey, logged: Logged) -> EntryRow:
    entry = logged.entry
    if isinstance(entry, Gap):
        return EntryRow(
            logged.index,
            entry.take,
            entry.span.start,
            entry.span.until,
            cause=entry.cause.value,
            wall_ms=entry.wall_ms,
        )
    body = _Words(entry.text, [(word.text, word.span.start, word.span.until) for word in entry.words])
    return EntryRow(
        logged.index,
        entry.take,
        entry.span.start,
        entry.span.until,
        sealed=key.seal(Kind.ENTRY, logged.index, msgspec.msgpack.encode(body)),
        engine=entry.engine,
        confidence=entry.confidence,
        utterance_end=entry.utterance_end,
    )


def open_entry(key: SessionKey, row: EntryRow) -> Logged:
    """Raises Broken for a record that does not open."""
    return Logged(row.index, _opened(key, row))


def _opened(key: SessionKey, row: EntryRow) -> Entry:
    span = Span(row.start, row.until)
    if row.cause is not None:
        return Gap(row.take, span, _cause(row.cause), row.wall_ms)
    if row.sealed is None:
        raise Broken("a stored entry is neither a segment nor a gap")
    body = _decoded(key.open(Kind.ENTRY, row.index, row.sealed), _Words)
    return Segment(
        row.take,
        span,
        body.text,
        tuple(Word(text, Span(start, until)) for text, start, until in body.words),
        row.engine,
        row.confidence,
        row.utterance_end,
    )


def _cause(name: str) -> GapCause:
    try:
        return GapCause(name)
    except ValueError:
        raise Broken("a stored gap has a cause that this version does not know") from None


def seal_polished(key: SessionKey, polished: Polished) -> PolishedRow:
    return PolishedRow(
        polished.index,
        polished.first,
        polished.last,
        key.seal(Kind.POLISHED, polished.index, polished.text.encode()),
        polished.model,
        polished.prompt_version,
        polished.flags,
    )


def open_polished(key: SessionKey, row: PolishedRow) -> Polished:
    """Raises Broken for a record that does not open."""
    text = key.open(Kind.POLISHED, row.index, row.sealed).decode()
    return Polished(row.index, row.first, row.last, text, row.model, row.prompt_version, row.flags)


def seal_config(key: SessionKey, config: SessionConfig) -> bytes:
    body = _Config(config.language, list(config.vocabulary), dict(config.macros), config.style)
    return key.seal(Kind.CONFIG, 0, msgspec.msgpack.encode(body))


def open_config(key: SessionKey, sealed: bytes) -> SessionConfig:
    """Raises Broken for a record that does not open."""
    body = _decoded(key.open(Kind.CONFIG, 0, sealed), _Config)
    return SessionConfig(body.language, tuple(body.vocabulary), tuple(body.macros.items()), body.style)


def seal_label(key: SessionKey, label: str) -> bytes:
    return key.seal(Kind.LABEL, 0, label.encode())


def open_label(key: SessionKey, sealed: bytes) -> str:
    """Raises Broken for a record that does not open."""
    return key.open(Kind.LABEL, 0, sealed).decode()


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(body, type=shape)
    except msgspec.MsgspecError:
        raise Broken(f"a sealed record opens to something else than {shape.__name__.lstrip('_')}") from None
