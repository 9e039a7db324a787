"""What Google Cloud asks for what Steno does there: list prices, in one place, and the arithmetic. Pure.

Prices in US dollars, region us-central1, taken on 2026-11-25 from Google's published pages, without free tiers,
commitments and taxes. They change: look them up before a budget rests on them. Not in it: what storage costs by the
month, networks, logs, key versions, and the vendors' own prices for speech and for Gemini.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is billed, by its own unit."""

    READ = "Firestore reads"
    WRITE = "Firestore writes"
    DELETE = "Firestore deletes"
    BUS = "Pub/Sub bytes"
    CLASS_A = "Cloud Storage class A"
    CLASS_B = "Cloud Storage class B"
    KEY = "Cloud KMS operations"


PRICES: Final[Mapping[Kind, float]] = {
    Kind.READ: 0.03 / 100_000,
    Kind.WRITE: 0.09 / 100_000,
    Kind.DELETE: 0.01 / 100_000,
    Kind.BUS: 40 / 2**40,
    Kind.CLASS_A: 0.005 / 1_000,
    Kind.CLASS_B: 0.0004 / 1_000,
    Kind.KEY: 0.03 / 10_000,
}
"""Of one. Firestore is the standard edition, Cloud Storage a regional standard bucket, the key a software key."""

VCPU_SECOND: Final = 0.000018
GIB_SECOND: Final = 0.000002
"""Cloud Run, tier 1, billed by instance: every second an instance is there, whether it is asked for anything or not."""

BUS_REQUEST_BYTES_MIN: Final = 1_000
"""A request to publish or to push is billed as this many at least."""

INDEX_ENTRIES_PER_READ: Final = 1_000
"""A query that compares two fields by range is billed a read for so many index entries that it passes, wanted or not."""

TOMBSTONE_DAYS: Final = 30
SWEEPS_AN_HOUR: Final = 60
RECENT_MINUTES: Final = 70
"""How long after its last sign each sweep looks at a session (`services/autosave/sweep.py`)."""

KEYS_PER_SESSION: Final = 4
"""Ingest makes and wraps the key and unwraps it as it admits the recorder; polish and autosave unwrap it once in each of
their processes, which keep 256 (`shared/keys.py`). Each redial is one more, and so is a list that shows the session."""

Bill = Mapping[Kind, float]
"""How many of each."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What a Cloud Run service asks for, as infra/terraform says."""

    vcpu: float
    gib: float

    @property
    def an_hour(self) -> float:
        return 3_600 * (self.vcpu * VCPU_SECOND + self.gib * GIB_SECOND)


INGEST: Final = Instance(2, 2)
FUNCTION: Final = Instance(1, 0.5)


def dollars(bill: Bill) -> float:
    return sum(count * PRICES[kind] for kind, count in bill.items())


def added(*bills: Bill) -> dict[Kind, float]:
    return {kind: sum(bill.get(kind, 0) for bill in bills) for kind in Kind}


def times(bill: Bill, factor: float) -> dict[Kind, float]:
    return {kind: count * factor for kind, count in bill.items()}


def less(bill: Bill, other: Bill) -> dict[Kind, float]:
    return added(bill, times(other, -1))


def bus_bytes(*messages: int) -> int:
    """What one request with messages of these sizes is billed as."""
    return max(BUS_REQUEST_BYTES_MIN, sum(messages))


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep takes with nothing kept, and more for each session that is recording, finished lately, or deleted
    lately."""

    alone: Bill
    recording: Bill
    finished: Bill
    deleted: Bill

    def hour_of(self) -> dict[Kind, float]:
        """For a session while it records for an hour, and afterwards until no sweep looks at it any more."""
        return added(times(self.recording, SWEEPS_AN_HOUR), times(self.finished, RECENT_MINUTES))

    def deletion(self) -> dict[Kind, float]:
        """For one deleted session: looked through while it is recent, then read as a tombstone until it may go."""
        minutes = TOMBSTONE_DAYS * 24 * SWEEPS_AN_HOUR - RECENT_MINUTES
        return added(times(self.deleted, RECENT_MINUTES), {Kind.READ: minutes})


def deleting(rows: int) -> dict[Kind, float]:
    """A session whose logs and records are so many documents: each is found, and deleted; and its objects are listed,
    twice, to see that none is left."""
    return {Kind.READ: rows, Kind.DELETE: rows, Kind.CLASS_A: 2}


def passing(sessions: int, minutes: int) -> dict[Kind, float]:
    """What the sweep's two queries over two fields pass in the index of all sessions that are kept, every minute."""
    return {Kind.READ: 2 * minutes * sessions / INDEX_ENTRIES_PER_READ}


def an_hour_of_cpu(cpu_s: float) -> float:
    """The part of an instance of ingest that so many CPU seconds are: what a session costs where the others share it."""
    return cpu_s / 3_600 / INGEST.vcpu * INGEST.an_hour
