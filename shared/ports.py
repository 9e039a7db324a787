"""One page of ports: everything outside the process that Steno needs, as small as it can be.

Every adapter in `shared/adapters/` passes the suite of its port in `tests/contract/`. Adapters translate their vendor's
errors into `shared/errors.py` and never retry by themselves: who retries what is decided above them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

from shared.domain.session import SessionDocument
from shared.domain.values import LogId, Principal, SessionId

Version = NewType("Version", str)
"""Names one write of one document, as its store does; only equality means anything."""


class Clock(Protocol):
    def wall_ms(self) -> int:
        """Unix milliseconds: for what is stored and shown, never for a deadline, because it may jump."""

    def monotonic_ms(self) -> int:
        """Milliseconds that only grow: for deadlines."""

    async def sleep_ms(self, duration_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A session document as read or written, with the version that a following write must name."""

    session: SessionId
    document: SessionDocument
    version: Version


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of a log as stored. `sealed` holds text and words; it is None for a gap."""

    index: int
    take: int
    start: int
    until: int
    sealed: bytes | None = None
    engine: str = ""
    confidence: int | None = None
    utterance_end: bool = False
    cause: str | None = None
    wall_ms: int = 0


@dataclass(frozen=True, slots=True)
class PolishedRow:
    index: int
    first: int
    last: int
    sealed: bytes
    model: str
    prompt_version: str
    flags: tuple[str, ...] = ()


class RecordName(StrEnum):
    """The small documents beside a log. Each has one writer: the API, polish and autosave."""

    ABOUT = "about"
    POLISH = "polish"
    DRAFT = "draft"


RecordFields = Mapping[str, int | str | bytes | None]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    fields: RecordFields
    version: Version


class Store(Protocol):
    """Session documents, logs and records. Every write is atomic and durable once it returns.

    Any method may raise StoreUnavailable, and a write that did may have happened. WriteConflict means that nothing of
    this call was written (an earlier copy of the same call may have been: the caller reads to find out).
    """

    async def load(self, session: SessionId) -> Stored | None: ...

    async def create(self, session: SessionId, document: SessionDocument) -> Stored:
        """Raises WriteConflict if the session exists."""

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        """Put `document` in the place of `base` and append `entries`, all or nothing.

        Raises WriteConflict if the stored version is not `base.version`, or an entry of these indexes exists.
        """

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        """Entries with index >= start in order, at most `limit`."""

    async def polished(self, session: SessionId, start: int, limit: int) -> list[PolishedRow]: ...

    async def record(self, session: SessionId, name: RecordName) -> StoredRecord | None: ...

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        """Put the record in the place of version `base` (None: it is new) and append `polished`, all or nothing.

        Raises WriteConflict as `write` does.
        """

    async def erase(self, session: SessionId) -> int:
        """Remove entries, polished log and records, not the document. Returns how many rows went; 0 once nothing is left."""

    async def forget(self, base: Stored) -> None:
        """Remove a tombstone whose time is over. Raises WriteConflict if the document is not `base`."""

    async def owned(self, owner: Principal, before_ms: int | None, limit: int) -> list[Stored]:
        """Sessions of one principal that are not purged, newest `created_at_ms` first, created before `before_ms`."""

    async def unfinished(self, after: SessionId | None, limit: int) -> list[Stored]:
        """Sessions that are recording, interrupted or finishing, by id, beyond `after`."""

    async def touched(self, since_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        """Sessions of any state whose `heartbeat_at_ms` is `since_ms` or later, by id, beyond `after`."""

    async def purgeable(self, now_ms: int, after: SessionId | None, limit: int) -> list[Stored]:
        """Sessions whose `purge_at_ms` has come, and every tombstone, by id, beyond `after`."""

    def watch(self) -> AsyncIterator[SessionId]:
        """Ids of sessions of which a record changed since the call, forever; one such listener serves an instance.

        Changes may be told once for several, or again; a listener that was cut off tells of what it may have missed.
        """

    async def check(self) -> None:
        """Raises StoreUnavailable, with what is wrong, unless the store can be read and written."""

    async def close(self) -> None: ...


class Subscriber(StrEnum):
    POLISH = "polish"
    AUTOSAVE = "autosave"


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A session has changed. `rows` travel sealed, for subscribers that want them; nobody here needs them."""

    session: SessionId
    log_id: LogId
    next_index: int
    rows: tuple[EntryRow, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One wake-up given to one subscriber. `ticket` names it to `done` and `failed`."""

    session: SessionId
    subscriber: Subscriber
    attempts: int
    ticket: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    session: SessionId
    subscriber: Subscriber
    attempts: int
    error: str
    """The kind of the last failure; never its message, which may come from a library that saw the text."""
    died_at_ms: int


class Publisher(Protocol):
    """What ingest knows of the bus."""

    async def publish(self, wakeup: Wakeup) -> None:
        """At least once, to every subscriber. Raises Retry when it may not have been taken."""

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        """Wake one subscriber only."""

    async def forget_session(self, session: SessionId) -> int:
        """Remove what waits for a deleted session, as far as the bus can; returns how much there was."""

    async def close(self) -> None: ...


class DeadLetters(Protocol):
    """Wake-ups that were given up."""

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Oldest first."""

    async def replay(self, letter: DeadLetter) -> bool:
        """Make it due now with its attempts forgotten; False if it is no longer dead."""


class DeadLetterBox(DeadLetters, Protocol):
    """Where those of a bus that pushes are kept: it knows that a delivery failed, and not why."""

    async def bury(self, letter: DeadLetter) -> None:
        """Durable once it returns. Raises Retry when it may not be."""

    async def close(self) -> None: ...


class Bus(Publisher, DeadLetters, Protocol):
    """A bus that is pulled from (the embedded one). On Pub/Sub, deliveries arrive as requests instead."""

    async def take(self, subscriber: Subscriber, lease_ms: int) -> Delivery | None:
        """The next wake-up due, hidden from others for `lease_ms`; None when there is none."""

    async def done(self, delivery: Delivery) -> None:
        """Forget it, unless it was published again meanwhile: then it is due at once."""

    async def failed(self, delivery: Delivery, error: str, *, permanent: bool) -> None:
        """Due again after exponentially growing time; dead when `permanent` or after the last attempt."""


class Blobs(Protocol):
    """Write-once objects under `a/b/c` keys. Raises BlobsUnavailable; a `create` that did may have happened.

    Every storage raises Broken for a key that `adapters/blob_keys.py` refuses.
    """

    async def create(self, key: str, body: bytes) -> None:
        """Durable once it returns. Raises WriteConflict if the key exists with other content; the same again is fine."""

    async def read(self, key: str) -> bytes | None: ...

    async def list(self, prefix: str) -> list[str]:
        """Keys that start with `prefix`, in order."""

    async def delete(self, key: str) -> None:
        """Gone once it returns; it need not have existed."""

    async def check(self) -> None: ...

    async def close(self) -> None: ...


class KeyEncryption(Protocol):
    """The key-encryption key: wraps a session's key. May block; `shared/sealing.py` calls it off the event loop.

    The shape is Tink's `Aead`, so that a local keyset and Cloud KMS are the same to it.
    """

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes: ...

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes: ...
