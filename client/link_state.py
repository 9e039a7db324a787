"""What a recorder's link knows: its phase, what the person wants, and where everything stands. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from client.delivery import Delivery
from client.tape import TAPE_SAMPLES_MAX
from shared.domain.values import SessionId, TakeId
from shared.wire.messages import Bye, Config, Cursors

SILENCE_MS_MAX: Final = 12_000
"""The server pings every 5 s: two pings and a little."""

OPEN_MS_MAX: Final = 10_000
ASK_MS_MAX: Final = 10_000


class Phase(StrEnum):
    RESTING = "resting"
    """No connection is wanted."""
    WAITING = "waiting"
    ASKING = "asking"
    """For a ticket."""
    DIALLING = "dialling"
    GREETING = "greeting"
    LIVE = "live"
    FINISHING = "finishing"
    """`finish` was sent on this connection."""
    FINISHED = "finished"
    """The server has said so; polish and draft may still come."""
    STOPPED = "stopped"
    """A person must act; `bye` says why."""
    DONE = "done"


class Intent(StrEnum):
    """What the person wants."""

    IDLE = "idle"
    RECORDING = "recording"
    PAUSED = "paused"
    FINISHED = "finished"


LIMIT_MS: Final = {
    Phase.ASKING: ASK_MS_MAX,
    Phase.DIALLING: OPEN_MS_MAX,
    Phase.GREETING: SILENCE_MS_MAX,
    Phase.LIVE: SILENCE_MS_MAX,
    Phase.FINISHING: SILENCE_MS_MAX,
    Phase.FINISHED: SILENCE_MS_MAX,
}
"""How long each of these phases may hear nothing."""


@dataclass(frozen=True, slots=True)
class Link:
    session: SessionId
    take_id: TakeId
    config: Config = field(default_factory=Config, repr=False)
    tape_samples_max: int = TAPE_SAMPLES_MAX
    phase: Phase = Phase.RESTING
    intent: Intent = Intent.IDLE
    delivery: Delivery = field(default_factory=Delivery)
    due_ms: int | None = None
    """When the present phase has lasted too long, or long enough."""
    dial: int = 0
    tries: int = 0
    """Since the last progress."""
    ticket: str = field(default="", repr=False)
    ticket_until_ms: int = 0
    takeover_until_ms: int = 0
    log_id: str | None = None
    cursors: Cursors = field(default_factory=Cursors)
    welcomed_at_ms: int = 0
    covered_at_welcome: int = 0
    finished_at_ms: int | None = None
    full_since_ms: int | None = None
    """The tape is full and capture stopped; positions do not advance."""
    bye: Bye | None = None
    """Why the last connection ended, if the server said; in STOPPED, what the person must be told."""
