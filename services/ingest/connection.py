"""Stage 4 of 13. One connection of `steno.v1`, sans-I/O: messages and times in; events, messages and a deadline out.

No socket, clock, randomness or log. The shell (`ws.py`) calls `receive_*` for what arrives and `tick` once
`deadline_ms` has passed, sends what `to_send` gives, in order, and closes when `closing` says so. `recording.py`
gets the events.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from services.ingest.cadence import HEARTBEAT_MS, Acks, Pings
from services.ingest.events import Closing, Event, FinishCame, HelloCame, PauseCame, Place, PongCame
from services.ingest.upstream import Upstream
from shared.domain.takes import TAKES_MAX
from shared.domain.values import NUMBER_MAX, samples
from shared.errors import Busy, DialTooOld, DictationError, Refuse, Resync, Retry, TakenElsewhere
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
    Pong,
    ServerMessage,
    Ticket,
    Welcome,
    decode_client_message,
)

HELLO_MS_MAX: Final = 5_000

ADMISSION_MS_MAX: Final = 10_000
"""A recorder that hears nothing for 12 s dials again; an answer later than that is heard by nobody."""

WINDOW_LIVE: Final = samples(30)
"""Must exceed the longest utterance (18 s) and the engine's delay, or both sides would wait for ever."""

WINDOW_CATCHING_UP: Final = samples(120)

OUTBOX_MAX: Final = 256
"""Messages waiting to be sent. Whoever adds log records asks `has_room` first, so that a slow reader is waited for;
the rest are few. One that still lets them pile up is closed with 4508: it resumes from its cursors."""


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
"""What a client may send when. What is not in here is the client's mistake, 4400; while CLOSING it is discarded."""


class PeerLost(Resync):
    """No hello, no answer to pings, or a reader too slow to be told anything."""

    close_code = 4508


class Connection:
    """Both directions of one WebSocket. Nothing here raises for what the peer did: a `bye` is queued, and it closes.

    Once closing, all that is said to it is forgotten: who speaks need not ask whether the peer was just dismissed.
    """

    def __init__(self, now_ms: int) -> None:
        self.state = State.GREETING
        self.closing: Closing | None = None
        """Set once: after `to_send` is drained, the shell closes the socket with it."""
        self._upstream = Upstream()
        self._acks = Acks()
        self._pings = Pings()
        self._outbox: deque[ServerMessage] = deque()
        self._hint: HintSent | None = None
        self._bye: Bye | None = None
        self._greeted_by_ms = now_ms + HELLO_MS_MAX
        """When the hello must have come, and then when it must have been answered."""

    @property
    def frontier(self) -> int:
        """The next sample expected; everything below it was received on this connection or is covered."""
        return self._upstream.frontier

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
            event = self._take(message, now_ms)
        except DictationError as error:
            self.bye(error)
            return []
        self.state = following
        return [] if event is None else [event]

    def _take(self, message: ClientMessage | Frame, now_ms: int) -> Event | None:
        match message:
            case Hello():
                self._greeted_by_ms = now_ms + ADMISSION_MS_MAX
                return HelloCame(message)
            case Pong():
                self._pings.answered(message.echo)
                return PongCame(message.captured_until)
            case Pause(at=at):
                return PauseCame(self._upstream.mark(at))
            case Finish(until=until):
                return FinishCame(self._upstream.mark(until))
            case _:
                return self._take_upstream(message, now_ms)

    def _take_upstream(self, message: Frame | GapSent, now_ms: int) -> Event | None:
        upstream = self._upstream
        event = upstream.frame(message) if isinstance(message, Frame) else upstream.gap(message)
        if event is not None:
            self._acks.received_more(now_ms)
        return event

    # --- time

    @property
    def deadline_ms(self) -> int | None:
        """When `tick` must be called next, at the latest; None when nothing is due."""
        match self.state:
            case State.GREETING | State.ASKING:
                return self._greeted_by_ms
            case State.CLOSING:
                return None
            case _:
                ack_due_ms = self._acks.due_ms
                return self._pings.due_ms if ack_due_ms is None else min(ack_due_ms, self._pings.due_ms)

    def tick(self, now_ms: int) -> None:
        deadline_ms = self.deadline_ms
        if deadline_ms is None or now_ms < deadline_ms:
            return
        match self.state:
            case State.GREETING:
                self.bye(PeerLost("no hello came within 5 s"))
            case State.ASKING:
                self.bye(Retry("opening the session takes too long; it is tried again"))
            case _:
                self._acks.tick(now_ms)
                if not self._pings.tick(now_ms):
                    self.bye(PeerLost("two pings in a row were not answered"))

    # --- outbound

    def welcome(self, place: Place, ticket: Ticket, window: int, now_ms: int) -> None:
        """The hello is granted: audio from `place.covered` on may come."""
        if self.state is State.CLOSING:
            return
        assert self.state is State.ASKING
        self.state = State.STREAMING
        send_until = _credit(place.covered, window)
        self._upstream.start(place.covered, place.gaps_through)
        self._acks.start(place.covered, place.gaps_through, send_until)
        self._pings.start(now_ms)
        self._outbox.append(
            Welcome(
                take=place.take,
                send_from=place.covered,
                send_until=send_until,
                gaps_through=place.gaps_through,
                limits=Limits(FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, TAKES_MAX),
                heartbeat_ms=HEARTBEAT_MS,
                log_id=place.log_id,
            )
        )
        self._outbox.append(ticket)

    @property
    def has_room(self) -> bool:
        """Whether half of OUTBOX_MAX log records may be sent; otherwise they wait where they are stored."""
        return len(self._outbox) < OUTBOX_MAX // 2

    def send(self, message: ServerMessage) -> None:
        if len(self._outbox) >= OUTBOX_MAX:
            self.bye(PeerLost("what is sent is not read; dial again"))
        if self.state is not State.CLOSING:
            self._outbox.append(message)

    def hint(self, hint: HintSent | None) -> None:
        """The latest interim words; one that was not sent yet is forgotten."""
        if self.state is not State.CLOSING:
            self._hint = hint

    def progress(self, covered: int, gaps_through: int, window: int) -> None:
        """Everything before `covered` is stored, and its entries were given to `send`: acknowledge at once."""
        if self.state is not State.CLOSING:
            self._upstream.stored(covered, gaps_through)
            self._acks.progressed(covered, gaps_through, _credit(covered, window))

    def finished(self, covered: int) -> None:
        """Everything is stored; the last acknowledgement goes before, so that none contradicts it."""
        for ack in self._acks.last(self.frontier):
            self.send(ack)
        self.send(Finished(covered))
        if self.state is not State.CLOSING:
            self.state = State.FINISHED

    def bye(self, error: DictationError) -> None:
        """Say why, then close. The first reason counts."""
        self._close(bye_for(error))

    def all_done(self) -> None:
        """Close with 1000: `finished` was said, and there is nothing more to tell."""
        self._close(Bye(1000, "all done", retry=False))

    def _close(self, bye: Bye) -> None:
        if self.state is not State.CLOSING:
            self.state = State.CLOSING
            self._hint = None
            self._bye = bye
            self.closing = Closing(bye.code, bye.reason)

    @property
    def has_to_send(self) -> bool:
        waiting = self._acks.waiting or self._pings.waiting
        return bool(self._outbox) or waiting or self._hint is not None or self._bye is not None

    def to_send(self) -> list[ServerMessage]:
        """Everything to send now, in order.

        An acknowledgement follows the entries it covers, the newest hint those that may replace it.
        """
        messages = [*self._outbox, *self._acks.to_send(self.frontier), *self._pings.to_send()]
        self._outbox.clear()
        messages += [each for each in (self._hint, self._bye) if each is not None]
        self._hint = self._bye = None
        for message in messages:
            if isinstance(message, Welcome | Ack):
                self._upstream.send_until = message.send_until
        return messages


def _credit(covered: int, window: int) -> int:
    # A recorder may declare a loss that ends at the largest number; JSON carries none beyond it exactly.
    return min(covered + window, NUMBER_MAX)


def _out_of_place(message: ClientMessage | Frame, state: State) -> str:
    if isinstance(message, Hello):
        return "a second hello came"
    name = "audio" if isinstance(message, Frame) else str(type(message).__struct_config__.tag)
    match state:
        case State.GREETING:
            return f"{name} came before hello"
        case State.ASKING:
            return f"{name} came before welcome"
        case _:
            return f"{name} came after finish"


def bye_for(error: DictationError) -> Bye:
    """The `bye` of an error: its code's range tells the client what to do; the rest helps it and the person."""
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
