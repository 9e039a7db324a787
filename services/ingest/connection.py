"""Stage 4 of 13. One connection of `steno.v1`, sans-I/O: messages and a time go in; events, messages and a deadline come out.

No socket, clock, randomness or log. The shell (`ws.py`) calls `receive_*` for what arrives and `tick` once `deadline_ms`
has passed, sends what `to_send` gives, in order, and closes when `closing` says so. `recording.py` gets the events.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from services.ingest.events import (
    AudioCame,
    Closing,
    Event,
    FinishCame,
    GapCame,
    HelloCame,
    PauseCame,
    Place,
    PongCame,
)
from shared.domain.entries import GapCause
from shared.domain.takes import TAKES_MAX
from shared.domain.values import Span, samples
from shared.errors import Busy, DialTooOld, DictationError, Refuse, Resync, TakenElsewhere, TooMany
from shared.wire.frames import FRAME_BYTES_MAX, Frame, decode_frame
from shared.wire.messages import (
    MESSAGE_BYTES_MAX,
    Ack,
    Bye,
    ClientMessage,
    Finish,
    Finished,
    GapSent,
    Hello,
    HintSent,
    Limits,
    Pause,
    Ping,
    Pong,
    ServerMessage,
    Ticket,
    Welcome,
    decode_client_message,
)

HELLO_MS_MAX: Final = 5_000
HEARTBEAT_MS: Final = 5_000
MISSES_MAX: Final = 2
ACK_EVERY_MS: Final = 250

WINDOW_LIVE: Final = samples(30)
"""Must exceed the longest utterance (18 s) and the engine's delay, or both sides would wait for ever."""

WINDOW_CATCHING_UP: Final = samples(120)

OUTBOX_MAX: Final = 256
"""Messages waiting to be sent. Whoever adds log records asks `has_room` first; the rest are few and conflated."""

GAPS_WAITING_MAX: Final = 1_024
"""Gaps received and not yet stored. They need no credit, so they need a bound of their own."""


class State(StrEnum):
    GREETING = "greeting"
    ASKING = "asking"
    STREAMING = "streaming"
    FINISHING = "finishing"
    FINISHED = "finished"
    CLOSING = "closing"


Inbound = type[ClientMessage] | type[Frame]

MOVES: Final[dict[State, dict[Inbound, State]]] = {
    State.GREETING: {Hello: State.ASKING},
    State.ASKING: {},
    State.STREAMING: {
        Frame: State.STREAMING,
        GapSent: State.STREAMING,
        Pause: State.STREAMING,
        Pong: State.STREAMING,
        Finish: State.FINISHING,
    },
    State.FINISHING: {Finish: State.FINISHING, Pong: State.FINISHING},
    State.FINISHED: {Finish: State.FINISHED, Pong: State.FINISHED},
    State.CLOSING: {},
}
"""What a client may send when. What is not in the table is the client's mistake, 4400; while CLOSING it is discarded."""


class OutOfOrder(Resync):
    """Audio or a mark that leaves out samples, or a gap that leaves out numbers."""


class BeyondCredit(Refuse):
    close_code = 4416


class PeerLost(Resync):
    """No hello, or no answer to pings."""

    close_code = 4508


class Connection:
    """Both directions of one WebSocket. Methods never raise for what the peer did: they queue a `bye` and close."""

    def __init__(self, now_ms: int) -> None:
        self.state = State.GREETING
        self.closing: Closing | None = None
        """Set once: after `to_send` is drained, the shell closes the socket with it."""
        self.frontier = 0
        """The next sample expected; everything below it was received on this connection or is covered."""
        self.send_until = 0
        """The last credit given; covers everything a client may have been told."""
        self._outbox: deque[ServerMessage] = deque()
        self._hint: HintSent | None = None
        self._hello_due_ms = now_ms + HELLO_MS_MAX
        self._pings = _Pings()
        self._acks = _Acks()
        self._gap_no = 0
        self._gaps_stored = 0

    # --- inbound

    def receive_text(self, text: str, now_ms: int) -> list[Event]:
        return self._receive(lambda: decode_client_message(text), now_ms)

    def receive_bytes(self, message: bytes, now_ms: int) -> list[Event]:
        return self._receive(lambda: decode_frame(message), now_ms)

    def _receive(self, decode: Callable[[], ClientMessage | Frame], now_ms: int) -> list[Event]:
        if self.state is State.CLOSING:
            return []
        try:
            message = decode()
            following = MOVES[self.state].get(type(message))
            if following is None:
                raise Refuse(_out_of_place(message, self.state))
            events = self._take(message, now_ms)
            self.state = following
        except DictationError as error:
            self.bye(error)
            return []
        return events

    def _take(self, message: ClientMessage | Frame, now_ms: int) -> list[Event]:
        match message:
            case Frame():
                return self._take_frame(message, now_ms)
            case GapSent():
                return self._take_gap(message)
            case Pong():
                self._pings.answered(message.echo)
                return [PongCame(message.captured_until)]
            case Pause(at=at):
                return [PauseCame(self._mark(at))]
            case Finish(until=until):
                return [FinishCame(self._mark(until))]
            case Hello():
                return [HelloCame(message)]

    def _take_frame(self, frame: Frame, now_ms: int) -> list[Event]:
        if frame.start > self.frontier:
            raise OutOfOrder(f"audio from sample {frame.start}, but {self.frontier} is next")
        if frame.until > self.send_until:
            raise BeyondCredit(f"audio until sample {frame.until}, but credit ends at {self.send_until}")
        if frame.until <= self.frontier:
            return []
        pcm = frame.pcm[2 * (self.frontier - frame.start) :]
        event = AudioCame(self.frontier, pcm)
        self.frontier = frame.until
        self._acks.received_more(now_ms)
        return [event]

    def _take_gap(self, gap: GapSent) -> list[Event]:
        cause = GapCause(gap.cause)
        if (gap.start == gap.until) == (cause is GapCause.LOST_AFTER_ACK) or gap.start > gap.until:
            raise Refuse(f"a gap of cause {cause} cannot be from {gap.start} until {gap.until}")
        if gap.gap_no <= self._gap_no:
            return []
        if gap.gap_no > self._gap_no + 1:
            raise OutOfOrder(f"gap {gap.gap_no}, but {self._gap_no + 1} is next")
        if gap.start > self.frontier:
            raise OutOfOrder(f"a gap at sample {gap.start}, but {self.frontier} is next")
        if gap.gap_no - self._gaps_stored > GAPS_WAITING_MAX:
            raise TooMany(f"more than {GAPS_WAITING_MAX} gaps wait to be stored")
        self._gap_no = gap.gap_no
        span = Span(self.frontier, max(self.frontier, gap.until))
        self.frontier = span.until
        return [GapCame(gap.gap_no, cause, span, gap.wall_ms)]

    def _mark(self, at: int) -> int:
        if at > self.frontier:
            raise OutOfOrder(f"a mark at sample {at}, but {self.frontier} is next")
        return self.frontier

    # --- time

    @property
    def deadline_ms(self) -> int | None:
        """When `tick` must be called next, at the latest; None when nothing is due."""
        if self.state is State.GREETING:
            return self._hello_due_ms
        if self.state in (State.ASKING, State.CLOSING):
            return None
        return min(self._pings.due_ms, self._acks.due_ms or self._pings.due_ms)

    def tick(self, now_ms: int) -> None:
        if self.state is State.GREETING and now_ms >= self._hello_due_ms:
            self.bye(PeerLost("no hello came within 5 s"))
        if self.state not in (State.STREAMING, State.FINISHING, State.FINISHED):
            return
        if now_ms >= self._pings.due_ms:
            ping = self._pings.next(now_ms)
            if ping is None:
                self.bye(PeerLost("two pings in a row were not answered"))
                return
            self._outbox.append(ping)
        if self._acks.due_ms is not None and now_ms >= self._acks.due_ms:
            self._ack()

    # --- outbound

    def welcome(self, place: Place, ticket: Ticket, window: int, now_ms: int) -> None:
        """The hello is granted: audio from `place.covered` on may come."""
        assert self.state is State.ASKING
        self.state = State.STREAMING
        self.frontier = place.covered
        self.send_until = place.covered + window
        self._gap_no = self._gaps_stored = place.gaps_through
        self._acks.progressed(place.covered, place.gaps_through)
        self._pings.due_ms = now_ms + HEARTBEAT_MS
        self._outbox.append(
            Welcome(
                take=place.take,
                send_from=place.covered,
                send_until=self.send_until,
                gaps_through=place.gaps_through,
                limits=Limits(FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, TAKES_MAX),
                heartbeat_ms=HEARTBEAT_MS,
                log_id=place.log_id,
            )
        )
        self._outbox.append(ticket)

    @property
    def has_room(self) -> bool:
        """Whether more log records may be sent; otherwise they wait where they are stored."""
        return len(self._outbox) < OUTBOX_MAX // 2

    def send(self, message: ServerMessage) -> None:
        if self.state is not State.CLOSING:
            assert len(self._outbox) < OUTBOX_MAX
            self._outbox.append(message)

    def hint(self, hint: HintSent | None) -> None:
        """The latest interim words; one that was not sent yet is forgotten."""
        self._hint = hint

    def progress(self, covered: int, gaps_through: int, window: int) -> None:
        """The store holds everything before `covered`, and the entries up to it were queued: acknowledge at once."""
        if self.state is State.CLOSING:
            return
        # A stored position can pass the frontier only by gaps, which moved the frontier when they came.
        assert covered <= self.frontier
        self._gaps_stored = gaps_through
        self.send_until = max(self.send_until, covered + window)
        self._acks.progressed(covered, gaps_through)
        self._ack()

    def finished(self, covered: int) -> None:
        if self.state is not State.CLOSING:
            self.state = State.FINISHED
            self.send(Finished(covered))

    def bye(self, error: DictationError) -> None:
        """Say why, then close. The first reason counts."""
        if self.state is State.CLOSING:
            return
        self._close(bye_for(error))

    def all_done(self) -> None:
        """Close with 1000: `finished` was said, and there is nothing more to tell."""
        if self.state is not State.CLOSING:
            self._close(Bye(1000, "all done", retry=False))

    def _close(self, bye: Bye) -> None:
        self.state = State.CLOSING
        self._hint = None
        self._outbox.append(bye)
        self.closing = Closing(bye.code, bye.reason)

    def to_send(self) -> list[ServerMessage]:
        """Everything to send now, in order; the newest hint last, because entries before it may replace it."""
        messages = list(self._outbox)
        self._outbox.clear()
        if self._hint is not None:
            messages.append(self._hint)
            self._hint = None
        return messages

    def _ack(self) -> None:
        self._outbox.append(Ack(self.frontier, self._acks.covered, self.send_until, self._acks.gaps_through))
        self._acks.due_ms = None


class _Pings:
    """A ping every HEARTBEAT_MS; one unanswered when the next is due is a miss, and other traffic does not count.

    That is 10 to 15 s until a silent peer is given up: long enough for a lift, short enough for a person.
    """

    def __init__(self) -> None:
        self.due_ms = 0
        self._echo = 0
        self._answered = 0
        self._misses = 0

    def next(self, now_ms: int) -> Ping | None:
        """The next ping, or None when the peer has missed too many."""
        self._misses = 0 if self._answered == self._echo else self._misses + 1
        if self._misses >= MISSES_MAX:
            return None
        self._echo += 1
        self.due_ms = now_ms + HEARTBEAT_MS
        return Ping(self._echo)

    def answered(self, echo: int) -> None:
        if echo <= self._echo:
            self._answered = max(self._answered, echo)


class _Acks:
    """At once when covered moves, else at most every ACK_EVERY_MS, so that a reply never outweighs the audio."""

    def __init__(self) -> None:
        self.covered = 0
        self.gaps_through = 0
        self.due_ms: int | None = None

    def received_more(self, now_ms: int) -> None:
        if self.due_ms is None:
            self.due_ms = now_ms + ACK_EVERY_MS

    def progressed(self, covered: int, gaps_through: int) -> None:
        assert covered >= self.covered
        assert gaps_through >= self.gaps_through
        self.covered, self.gaps_through = covered, gaps_through


def _out_of_place(message: ClientMessage | Frame, state: State) -> str:
    name = "audio" if isinstance(message, Frame) else str(type(message).__struct_config__.tag)
    match state:
        case State.GREETING:
            return f"{name} came before hello"
        case State.ASKING:
            return f"{name} came before welcome"
        case State.STREAMING:
            return f"a second {name} came"
        case _:
            return f"{name} came after finish"


def bye_for(error: DictationError) -> Bye:
    """The `bye` of an error: its code's range tells the client what to do, the rest helps it and the person."""
    code, reason = error.close_code, str(error)
    match error:
        case TakenElsewhere(take=take, since_ms=since_ms):
            return Bye(code, reason, retry=False, take=take, since_ms=since_ms)
        case DialTooOld(stored_dial=stored_dial):
            return Bye(code, reason, retry=True, dial=stored_dial)
        case Busy(retry_after_ms=retry_after_ms):
            return Bye(code, reason, retry=True, retry_after_ms=retry_after_ms)
        case _:
            return Bye(code, reason, retry=not 4400 <= code < 4500)
