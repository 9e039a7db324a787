"""When captured audio comes: as a microphone would give it, faster, or as fast as it is taken. Pure."""

from dataclasses import dataclass

from shared.domain.values import SAMPLES_PER_MS


@dataclass(slots=True)
class Pace:
    speed: float | None
    """Times real time; None waits for nothing."""
    _from_ms: int | None = None
    _from_sample: int = 0

    def due_ms(self, start: int, until: int, covered: int, now_ms: int) -> int:
        """When the samples `[start, until)` are all spoken.

        What the server has already, from a run before this one, is not spoken again: pacing begins where covered ends.
        """
        if self.speed is None:
            return now_ms
        if until <= covered or self._from_ms is None:
            self.begin(now_ms, until if until <= covered else start)
        assert self._from_ms is not None
        return self._from_ms + round((until - self._from_sample) / (SAMPLES_PER_MS * self.speed))

    def begin(self, now_ms: int, sample: int) -> None:
        """Sample `sample` is spoken now; after a stall nothing is caught up, as nobody was speaking."""
        self._from_ms, self._from_sample = now_ms, sample
