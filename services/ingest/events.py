"""What a connection hears from its recorder, as values: between `connection.py` and `recording.py`."""

from dataclasses import dataclass, field

from shared.domain.entries import GapCause
from shared.domain.values import Span
from shared.wire.messages import Hello


@dataclass(frozen=True, slots=True)
class HelloCame:
    hello: Hello


@dataclass(frozen=True, slots=True)
class AudioCame:
    start: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GapCame:
    """`span` is trimmed to what was not received before; a lost span that was, is empty and says nothing more."""

    gap_no: int
    cause: GapCause
    span: Span
    wall_ms: int


@dataclass(frozen=True, slots=True)
class PauseCame:
    at: int


@dataclass(frozen=True, slots=True)
class FinishCame:
    until: int


@dataclass(frozen=True, slots=True)
class PongCame:
    captured_until: int


Event = HelloCame | AudioCame | GapCame | PauseCame | FinishCame | PongCame


@dataclass(frozen=True, slots=True)
class Closing:
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a take stands as its recorder is welcomed."""

    take: int
    covered: int
    gaps_through: int
    log_id: str
