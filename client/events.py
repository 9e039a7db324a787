"""What happens to a recorder, and what its link wants done: the values that go into `link.py` and come out. Pure."""

from dataclasses import dataclass, field

from client.delivery import SendAudio
from shared.wire.messages import ClientMessage, RecorderCause, ServerMessage


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens. `random` is drawn evenly from [0, 1) for each event."""

    now_ms: int
    """Monotonic: for deadlines."""
    wall_ms: int
    """Unix time: for dials only."""
    random: float


# --- events


@dataclass(frozen=True, slots=True)
class RecordPressed:
    pass


@dataclass(frozen=True, slots=True)
class PausePressed:
    pass


@dataclass(frozen=True, slots=True)
class FinishPressed:
    """Capture is over: everything captured has been said before."""


@dataclass(frozen=True, slots=True)
class ContinueHere:
    """The person wants this recorder to have the session."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    pass


@dataclass(frozen=True, slots=True)
class Captured:
    """The tape holds everything before `until`."""

    until: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Nothing was captured for a while, at the end of what was."""

    cause: RecorderCause
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Ticketed:
    token: str = field(repr=False)
    expires_in_ms: int


@dataclass(frozen=True, slots=True)
class TicketRefused:
    """`status` is HTTP's; 0 when there was no answer."""

    status: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    dial: int


@dataclass(frozen=True, slots=True)
class Came:
    dial: int
    message: ServerMessage = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flushed:
    """The socket has passed on everything it was given."""

    dial: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Also a socket that could not be opened; the code is 1006 where no close frame came."""

    dial: int
    code: int


@dataclass(frozen=True, slots=True)
class CheckNow:
    """Something says that the network may have changed, or that time has passed unseen."""


@dataclass(frozen=True, slots=True)
class Tick:
    pass


Event = (
    RecordPressed
    | PausePressed
    | FinishPressed
    | ContinueHere
    | SignedIn
    | Captured
    | Missed
    | Ticketed
    | TicketRefused
    | Opened
    | Came
    | Flushed
    | Closed
    | CheckNow
    | Tick
)


# --- effects


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a socket; its events carry this number. The one before is gone."""

    dial: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the present socket; what it still says is not heard."""


@dataclass(frozen=True, slots=True)
class AskTicket:
    pass


@dataclass(frozen=True, slots=True)
class SendMessage:
    message: ClientMessage = field(repr=False)


@dataclass(frozen=True, slots=True)
class Forget:
    """The tape before this sample is stored by the server."""

    covered: int


@dataclass(frozen=True, slots=True)
class Show:
    """A server's message, for the transcript and the lamps."""

    message: ServerMessage = field(repr=False)


@dataclass(frozen=True, slots=True)
class StopCapture:
    """The tape is full."""


@dataclass(frozen=True, slots=True)
class ResumeCapture:
    pass


Effect = Dial | HangUp | AskTicket | SendMessage | SendAudio | Forget | Show | StopCapture | ResumeCapture
