"""Stage 6 of 13, for engines at a vendor's: how fast audio may be sent, and how long anything may take. Pure."""

from dataclasses import dataclass, fields, replace
from typing import Final

from shared.domain.values import SAMPLES_PER_MS

FRAME_MS_MAX: Final = 100
"""Audio goes in messages of this length; both vendors advise it."""

FRAME_MS_MIN: Final = 50
"""Less waits for more, unless a flush is due: messages are what costs, not bytes, and recorders may bring single samples."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Every duration in milliseconds; none depends on the vendor's good will."""

    rate_max: float
    """Milliseconds of audio sent in a millisecond, at most."""
    burst_ms: int = 1_000
    """Audio that may go at once after a rest."""
    connect_ms: int = 5_000
    start_ms: int = 9_000
    """From the first byte to a stream that takes audio."""
    vocabulary_ms: int = 0
    """How much longer that may take where a vocabulary is read that the vendor has not seen."""
    send_ms: int = 2_000
    """A message that is not taken within this means that nobody reads."""
    finalise_ms: int = 1_500
    """How long a flush may go unanswered before the vendor is asked to end the stream, which always has an answer."""
    end_ms: int = 5_000
    keep_alive_ms: int = 4_000
    ping_ms: int = 5_000
    stall_ms: int = 8_000
    """Audio was sent, and the vendor has come no further in it."""
    quiet_ms: int = 6_000
    """Audio that was taken this long ago, of which no word is known, was silence, where the vendor says nothing of it."""
    idle_ms_max: int = 600_000
    """A pause longer than this gives the connection back."""
    age_ms_max: int = 10_800_000
    """After this a stream asks to be replaced at the next rest, and at the latest a tenth later."""
    tick_ms: int = 500

    def opening_ms(self, brings_vocabulary: bool) -> int:
        return self.start_ms + (self.vocabulary_ms if brings_vocabulary else 0)

    def scaled(self, factor: float) -> "Limits":
        """All of it `factor` times as fast: for servers whose own time runs so."""
        faster = {
            each.name: max(1, round(getattr(self, each.name) / factor))
            for each in fields(self)
            if each.name not in ("rate_max", "burst_ms")
        }
        return replace(
            self, rate_max=self.rate_max * factor, burst_ms=round(self.burst_ms * factor), **faster
        )


class Pace:
    """Says how long to wait before the next message."""

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.rate_max * SAMPLES_PER_MS
        self._burst_ms = limits.burst_ms / limits.rate_max
        self._free_at_ms = 0.0
        """When all that was sent will have been taken at the full rate."""

    def wait_ms(self, now_ms: int) -> int:
        return max(0, round(self._free_at_ms - self._burst_ms - now_ms))

    def sent(self, now_ms: int, samples: int) -> None:
        self._free_at_ms = max(self._free_at_ms, now_ms) + samples / self._rate
