"""One recorder's recording into a session, and how far its text has come."""

from dataclasses import dataclass, replace

from shared.domain.values import TakeId

TAKES_MAX = 64
"""Takes in one session: each costs about 150 bytes of the session document, which every commit writes."""


@dataclass(frozen=True, slots=True)
class Take:
    """The server's record of a take; `covered` never goes back, and nothing else here does either."""

    take_id: TakeId
    number: int
    dial: int
    """Of the last connection admitted; an older or equal one is refused (4509)."""
    covered: int = 0
    captured_until: int = 0
    gaps_through: int = 0
    seen_at_ms: int = 0

    @property
    def undelivered(self) -> int:
        """Samples the recorder is known to have captured that no entry or silence covers yet."""
        return max(0, self.captured_until - self.covered)

    def advanced(self, *, covered: int, captured_until: int, gaps_through: int, seen_at_ms: int) -> "Take":
        """The take after a commit."""
        assert self.covered <= covered, "covered went back"
        assert self.gaps_through <= gaps_through, "gaps_through went back"
        return replace(
            self,
            covered=covered,
            captured_until=max(self.captured_until, captured_until, covered),
            gaps_through=gaps_through,
            seen_at_ms=max(self.seen_at_ms, seen_at_ms),
        )
