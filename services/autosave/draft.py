"""What a draft is: numbered parts, each going on where the one before ended, and the wrapped key that opens them. Pure.

A part holds log rows as they are stored, their words sealed; whoever writes it seals the whole once more, and never sees
a word. Key object and parts are all that restoring a session takes. Parts lie under the log's id, because a restored
session gets a new log, which may reach the same indexes again with other words.

Whoever restores takes the parts in the order of their numbers and skips what does not open or does not go on from what
came before. Only where the log reaches `document.next_index` may it believe that document's `covered`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import msgspec

from shared.deletion import drafts_of
from shared.domain.session import SessionDocument, SessionState
from shared.domain.values import LogId, SessionId
from shared.ports import EntryRow, PolishedRow, RecordFields

FORMAT: Final = 1

ROWS_PER_PART_MAX: Final = 512
"""Rows of each log in one part, which keeps it below a megabyte and the writer's memory even."""

SAVE_EVERY_MS: Final = 25_000
"""While somebody speaks, parts are at least this far apart. Who holds the session wakes autosave when a change is 30 s
old, by a clock that may differ from ours by a little."""


class DraftState(StrEnum):
    SAVED = "saved"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DraftKey:
    """Written once for a session, so it says only what never changes."""

    session: SessionId
    wrapped_key: bytes = field(repr=False)
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Part:
    document: SessionDocument
    """The session as it was when the part was written: owner, takes, configuration."""
    about: Mapping[str, bytes] = field(repr=False)
    """What its owner wrote about it, sealed."""
    first_entry: int
    first_polished: int
    entries: tuple[EntryRow, ...] = field(repr=False)
    polished: tuple[PolishedRow, ...] = field(repr=False)
    saved_at_ms: int
    format: int = FORMAT

    @property
    def is_empty(self) -> bool:
        return not self.entries and not self.polished

    @property
    def is_full(self) -> bool:
        """Whether there may be more to save at once."""
        return ROWS_PER_PART_MAX in (len(self.entries), len(self.polished))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the draft has come: the fields of the draft record."""

    log_id: LogId
    state: DraftState = DraftState.PENDING
    through: int = 0
    """The next entry not in it."""
    polished: int = 0
    """The next polished entry not in it."""
    part: int = 0
    """The number of the next part."""
    saved_at_ms: int | None = None

    def saved(self, number: int, part: Part) -> "Progress":
        """After `part` was stored under `number`."""
        return Progress(
            self.log_id,
            DraftState.SAVED,
            self.through + len(part.entries),
            self.polished + len(part.polished),
            number + 1,
            part.saved_at_ms,
        )

    def failed(self) -> "Progress":
        return replace(self, state=DraftState.FAILED)

    def fields(self) -> RecordFields:
        return {
            "log_id": self.log_id,
            "state": self.state.value,
            "through": self.through,
            "polished": self.polished,
            "part": self.part,
            "saved_at_ms": self.saved_at_ms,
        }


def read_progress(fields: RecordFields | None, log_id: LogId) -> Progress:
    """From the draft record's fields; a draft of another life of the log counts for nothing."""
    if fields is None or fields["log_id"] != log_id:
        return Progress(log_id)
    saved_at_ms = fields["saved_at_ms"]
    return Progress(
        log_id,
        DraftState(str(fields["state"])),
        int(fields["through"] or 0),
        int(fields["polished"] or 0),
        int(fields["part"] or 0),
        None if saved_at_ms is None else int(saved_at_ms),
    )


def is_due(document: SessionDocument, progress: Progress, now_ms: int) -> bool:
    """Whether what is not saved yet is to be saved now.

    At once when nobody speaks or nothing was saved; else no more often than SAVE_EVERY_MS, so that no change waits for
    long and not every entry makes a part. A time of saving in the future was written under a wrong clock.
    """
    if document.state is not SessionState.RECORDING or progress.saved_at_ms is None:
        return True
    return not 0 <= now_ms - progress.saved_at_ms < SAVE_EVERY_MS


def goes_on(part: Part, progress: Progress) -> bool:
    """Whether a part found in storage is the next one: somebody stored it, and died before saying so."""
    begins = (part.document.log_id, part.first_entry, part.first_polished)
    return begins == (progress.log_id, progress.through, progress.polished) and not part.is_empty


def key_name(session: SessionId) -> str:
    return f"{drafts_of(session)}key"


def part_name(session: SessionId, log_id: LogId, number: int) -> str:
    return f"{drafts_of(session)}{log_id}/{number:08d}"


def encode_key(session: SessionId, wrapped_key: bytes) -> bytes:
    return msgspec.msgpack.encode(DraftKey(session, wrapped_key))


def encode_part(part: Part) -> bytes:
    return msgspec.msgpack.encode(part)


def decode_part(body: bytes) -> Part | None:
    """None if it is none, or of a format that this version does not know."""
    try:
        part = msgspec.msgpack.decode(body, type=Part)
    except msgspec.MsgspecError:
        return None
    return part if part.format == FORMAT else None
