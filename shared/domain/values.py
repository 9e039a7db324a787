"""The smallest values everything else speaks in: samples, spans and ids."""

from dataclasses import dataclass
from typing import NewType

SAMPLES_PER_SECOND = 16_000
SAMPLES_PER_MS = 16
BYTES_PER_SAMPLE = 2

DETECTOR_FRAME = 512
"""Samples that the speech detector hears at a time (32 ms); its network was trained on this length."""

NUMBER_MAX = 2**53 - 1
"""The largest integer that JSON carries exactly between Python and a browser."""

SessionId = NewType("SessionId", str)
"""A lower-case UUID, chosen by the client before it first connects."""

TakeId = NewType("TakeId", str)
LogId = NewType("LogId", str)
Holder = NewType("Holder", str)
"""A random id drawn for each connection that asks for the lease; NOBODY when nobody has it."""

Principal = NewType("Principal", str)
"""Who is signed in, as the sign-in names them."""

NOBODY = Holder("")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open `[start, until)` in samples of one take; empty when both are equal."""

    start: int
    until: int

    def __post_init__(self) -> None:
        assert 0 <= self.start, f"a span starts at {self.start}"
        assert self.start <= self.until, f"a span runs backwards, {self.start} to {self.until}"

    @property
    def length(self) -> int:
        return self.until - self.start

    @property
    def is_empty(self) -> bool:
        return self.start == self.until

    @property
    def middle(self) -> int:
        return (self.start + self.until) // 2

    def clipped(self, low: int, high: int) -> "Span":
        """The part inside `[low, high)`; empty, at the nearer edge, when nothing is."""
        assert low <= high
        start = min(max(self.start, low), high)
        return Span(start, min(max(self.until, start), high))


def samples(seconds: float) -> int:
    """Seconds as a whole number of samples."""
    return round(seconds * SAMPLES_PER_SECOND)


def milliseconds(sample_count: int) -> int:
    """A number of samples as whole milliseconds, rounded down."""
    return sample_count // SAMPLES_PER_MS
