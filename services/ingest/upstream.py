"""What a recorder may send next: each sample once, in order, within its credit; and gaps in their places. Pure."""

from typing import Final

from services.ingest.events import AudioCame, GapCame
from shared.domain.entries import GapCause
from shared.domain.values import BYTES_PER_SAMPLE, Span
from shared.errors import Refuse, Resync, TooMany
from shared.wire.frames import Frame
from shared.wire.messages import GapSent

GAPS_WAITING_MAX: Final = 1_024
"""Gaps received and not yet stored. They need no credit, so they need a bound of their own."""


class OutOfOrder(Resync):
    """Audio or a mark that leaves out samples, or a gap that leaves out numbers."""


class BeyondCredit(Refuse):
    close_code = 4416


class Upstream:
    """The next sample and gap of one connection. What came before is trimmed; what leaves something out is refused."""

    def __init__(self) -> None:
        self.frontier = 0
        """The next sample expected; everything below it was received on this connection or is covered."""
        self.send_until = 0
        """The last credit sent: what a recorder was not told yet, it cannot mean to use."""
        self._gap_no = 0
        self._gaps_stored = 0

    def start(self, covered: int, gaps_through: int) -> None:
        self.frontier = covered
        self._gap_no = self._gaps_stored = gaps_through

    def frame(self, frame: Frame) -> AudioCame | None:
        """The part of it that is new, if any. A frame beyond credit is refused whole."""
        if frame.start > self.frontier:
            raise OutOfOrder(f"audio from sample {frame.start}, but {self.frontier} is next")
        if frame.until > self.send_until:
            raise BeyondCredit(f"audio until sample {frame.until}, but credit ends at {self.send_until}")
        if frame.until <= self.frontier:
            return None
        came = AudioCame(self.frontier, frame.pcm[BYTES_PER_SAMPLE * (self.frontier - frame.start) :])
        self.frontier = frame.until
        return came

    def gap(self, gap: GapSent) -> GapCame | None:
        """The gap at its place, or None for one that came before."""
        cause = GapCause(gap.cause)
        if (gap.start == gap.until) == (cause is GapCause.LOST_AFTER_ACK) or gap.start > gap.until:
            raise Refuse(f"a gap of cause {cause} cannot be from {gap.start} until {gap.until}")
        if gap.gap_no <= self._gap_no:
            return None
        if gap.gap_no > self._gap_no + 1:
            raise OutOfOrder(f"gap {gap.gap_no}, but {self._gap_no + 1} is next")
        if gap.start > self.frontier:
            raise OutOfOrder(f"a gap at sample {gap.start}, but {self.frontier} is next")
        if gap.gap_no - self._gaps_stored > GAPS_WAITING_MAX:
            raise TooMany(f"more than {GAPS_WAITING_MAX} gaps wait to be stored")
        self._gap_no = gap.gap_no
        span = Span(self.frontier, max(self.frontier, gap.until))
        self.frontier = span.until
        return GapCame(gap.gap_no, cause, span, gap.wall_ms)

    def mark(self, at: int) -> int:
        """Where a pause or finish is: at the frontier, where everything before it has been received."""
        if at > self.frontier:
            raise OutOfOrder(f"a mark at sample {at}, but {self.frontier} is next")
        return self.frontier

    def stored(self, covered: int, gaps_through: int) -> None:
        # A stored position can pass the frontier only by gaps, which moved the frontier when they came.
        assert covered <= self.frontier
        self._gaps_stored = gaps_through
