"""Stage 3 of 13. The recorder's half of `steno.v1`: when to dial, what to say, when to give up. Pure; twin of `link.js`.

Events and a moment go in; the next link and effects come out. The shell (`stream.py`, `shell.js`) owns sockets, tape and
capture: it does the effects in order, calls `step` with `Tick` once `deadline_ms` has passed, and shows what `phase`,
`intent` and `delivery` say. Capture and tape go on in every phase: a network is never a reason to stop recording.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from client.delivery import SendAudio
from client.dialling import (
    Next,
    check,
    closed,
    connect,
    give_up,
    opened,
    tick,
    ticket_refused,
    ticketed,
    with_ticket,
)
from client.events import (
    Came,
    Captured,
    CheckNow,
    Closed,
    ContinueHere,
    Effect,
    Event,
    FinishPressed,
    Flushed,
    Forget,
    HangUp,
    Missed,
    Moment,
    Opened,
    PausePressed,
    RecordPressed,
    ResumeCapture,
    SendMessage,
    Show,
    SignedIn,
    StopCapture,
    Tick,
    Ticketed,
    TicketRefused,
)
from client.link_state import SILENCE_MS_MAX, Intent, Link, Phase
from shared.domain.values import samples
from shared.wire.messages import (
    Ack,
    Bye,
    Cursors,
    EntrySent,
    Finish,
    Finished,
    Ping,
    PolishedSent,
    Pong,
    Ticket,
    Welcome,
)

TAKEOVER_MS: Final = 30_000
"""How long a person's press may displace another recorder; an automatic redial never does."""

TAPE_RESERVE: Final = samples(2)
"""Room kept for what is captured while capture is being stopped."""

TAPE_ROOM_AGAIN: Final = samples(10)


def deadline_ms(link: Link) -> int | None:
    """When `Tick` is due, at the latest; None while nothing is awaited."""
    return link.due_ms


def step(link: Link, event: Event, moment: Moment) -> Next:
    """The link after an event, and what to do. An event that means nothing in this phase changes nothing."""
    if isinstance(event, Opened | Came | Flushed | Closed) and event.dial != link.dial:
        return link, []
    handler = TABLE[link.phase].get(type(event))
    if handler is None:
        return link, []
    link, effects = handler(link, event, moment)
    link, more = _watch_tape(link, moment)
    link, sent = _send(link)
    return link, effects + more + sent


# --- what the person and the microphone do


def _record(link: Link, event: Event, moment: Moment) -> Next:
    link = replace(link, intent=Intent.RECORDING, finished_at_ms=None)
    # Whoever is welcome already displaces nobody, nor may the redial after it.
    return (link, []) if link.phase is Phase.LIVE else _taking_over(link, moment)


def _pause(link: Link, event: Event, moment: Moment) -> Next:
    if link.intent is not Intent.RECORDING:
        return link, []
    link = _end_overflow(link, moment)
    return replace(link, intent=Intent.PAUSED, delivery=link.delivery.paused()), []


def _finish(link: Link, event: Event, moment: Moment) -> Next:
    link = replace(_end_overflow(link, moment), intent=Intent.FINISHED)
    if link.phase is Phase.RESTING:
        # A session that was never dialled exists nowhere.
        return connect(link, moment) if link.dial else (replace(link, phase=Phase.DONE), [])
    return link, []


def _continue_here(link: Link, event: Event, moment: Moment) -> Next:
    return _taking_over(link, moment)


def _signed_in(link: Link, event: Event, moment: Moment) -> Next:
    return connect(link, moment)


def _taking_over(link: Link, moment: Moment) -> Next:
    """A person asks for a connection: nothing is waited for, and one that was finished is dialled anew."""
    link = replace(link, takeover_until_ms=moment.now_ms + TAKEOVER_MS)
    if link.phase in (Phase.RESTING, Phase.WAITING, Phase.STOPPED, Phase.DONE):
        return connect(link, moment)
    return _reopened(link, moment)


def _reopened(link: Link, moment: Moment) -> Next:
    """After `finish` nothing more may be sent on a connection; the next `hello` reopens the session."""
    if link.phase not in (Phase.FINISHING, Phase.FINISHED):
        return link, []
    link, effects = connect(link, moment)
    return link, [HangUp(), *effects]


def _captured(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Captured)
    if event.until == link.delivery.captured_until:
        return link, []
    return _more(replace(link, delivery=link.delivery.captured(event.until)), moment)


def _missed(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Missed)
    return _more(replace(link, delivery=link.delivery.missed(event.cause, event.wall_ms)), moment)


def _more(link: Link, moment: Moment) -> Next:
    """There is something new to deliver, whatever was thought to be over."""
    if link.phase in (Phase.RESTING, Phase.DONE):
        return connect(link, moment)
    return _reopened(replace(link, finished_at_ms=None), moment)


def _watch_tape(link: Link, moment: Moment) -> Next:
    room = link.tape_samples_max - (link.delivery.captured_until - link.delivery.kept_from)
    recording = link.intent is Intent.RECORDING
    if link.full_since_ms is None and recording and room < TAPE_RESERVE:
        return replace(link, full_since_ms=moment.now_ms), [StopCapture()]
    if link.full_since_ms is not None and recording and room >= TAPE_ROOM_AGAIN:
        return _end_overflow(link, moment), [ResumeCapture()]
    return link, []


def _end_overflow(link: Link, moment: Moment) -> Link:
    """What was not captured while the tape was full becomes one gap."""
    if link.full_since_ms is None:
        return link
    missed_ms = moment.now_ms - link.full_since_ms
    delivery = link.delivery.missed("tape_overflow", missed_ms)
    return replace(link, full_since_ms=None, delivery=delivery)


# --- what the server says


def _greeted(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Came)
    match event.message:
        case Welcome() as welcome:
            link = _welcomed(link, welcome, moment)
            return link, [Forget(link.delivery.covered), Show(welcome)]
        case Bye() as bye:
            return replace(link, bye=bye), [Show(bye)]
        case _:
            return link, []


def _welcomed(link: Link, welcome: Welcome, moment: Moment) -> Link:
    return replace(
        link,
        phase=Phase.LIVE,
        due_ms=moment.now_ms + SILENCE_MS_MAX,
        # Covered grew without our hearing of it: the connections before this one got somewhere after all.
        tries=0 if welcome.send_from > link.delivery.covered else link.tries,
        delivery=link.delivery.welcomed(welcome),
        log_id=welcome.log_id,
        # Another log: what was read of the old one says nothing about this one.
        cursors=link.cursors if link.log_id == welcome.log_id else Cursors(),
        takeover_until_ms=0,
        welcomed_at_ms=moment.now_ms,
        covered_at_welcome=welcome.send_from,
    )


def _came(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Came)
    link = replace(link, due_ms=moment.now_ms + SILENCE_MS_MAX)
    message = event.message
    match message:
        case Ack():
            return _acked(link, message, moment)
        case Ping(echo=echo):
            delivery = link.delivery
            queued = max(0, delivery.captured_until - delivery.sent_until)
            return link, [SendMessage(Pong(echo, delivery.captured_until, queued))]
        case Ticket():
            return with_ticket(link, message.token, message.expires_in_ms, moment), []
        case EntrySent() | PolishedSent():
            return _followed(link, message, moment)
        case Finished():
            link = replace(link, phase=Phase.FINISHED, finished_at_ms=moment.now_ms)
        case Bye():
            link = replace(link, bye=message)
        case Welcome():
            return link, []
    return link, [Show(message)]


def _acked(link: Link, ack: Ack, moment: Moment) -> Next:
    if not link.delivery.agrees(ack):
        return give_up(link, moment)
    kept_from = link.delivery.kept_from
    link = replace(link, delivery=link.delivery.acked(ack))
    forget: list[Effect] = [Forget(ack.covered)] if link.delivery.kept_from > kept_from else []
    return link, [*forget, Show(ack)]


def _followed(link: Link, record: EntrySent | PolishedSent, moment: Moment) -> Next:
    """A record of one of the logs; index 0 begins the log anew, and a record left out is asked for by dialling anew."""
    entries, polished = link.cursors.entries, link.cursors.polished
    place = entries if isinstance(record, EntrySent) else polished
    if record.index > place:
        return give_up(link, moment)
    if record.index in (0, place):
        place = record.index + 1
    cursors = Cursors(place, polished) if isinstance(record, EntrySent) else Cursors(entries, place)
    return replace(link, cursors=cursors), [Show(record)]


def _flushed(link: Link, event: Event, moment: Moment) -> Next:
    return replace(link, delivery=link.delivery.flushed()), []


def _send(link: Link) -> Next:
    """All that may be sent on a welcomed connection; `finish` once there is nothing else."""
    if link.phase is not Phase.LIVE:
        return link, []
    delivery, sends = link.delivery.next_sends()
    effects: list[Effect] = [each if isinstance(each, SendAudio) else SendMessage(each) for each in sends]
    link = replace(link, delivery=delivery)
    if link.intent is Intent.FINISHED and delivery.is_sent:
        link = replace(link, phase=Phase.FINISHING)
        effects.append(SendMessage(Finish(delivery.sent_until)))
    return link, effects


Handler = Callable[[Link, Event, Moment], Next]

_ALWAYS: Final[dict[type[Event], Handler]] = {
    RecordPressed: _record,
    PausePressed: _pause,
    FinishPressed: _finish,
    Captured: _captured,
    Missed: _missed,
    Ticketed: ticketed,
}
_TIMED: Final[dict[type[Event], Handler]] = {**_ALWAYS, Tick: tick, CheckNow: check}
_OPEN: Final[dict[type[Event], Handler]] = {**_TIMED, Closed: closed}
_WELCOMED: Final[dict[type[Event], Handler]] = {**_OPEN, Came: _came, Flushed: _flushed}

TABLE: Final[dict[Phase, dict[type[Event], Handler]]] = {
    Phase.RESTING: _ALWAYS,
    Phase.WAITING: _TIMED,
    Phase.ASKING: {**_TIMED, TicketRefused: ticket_refused},
    Phase.DIALLING: {**_OPEN, Opened: opened},
    Phase.GREETING: {**_OPEN, Came: _greeted},
    Phase.LIVE: _WELCOMED,
    Phase.FINISHING: _WELCOMED,
    Phase.FINISHED: _WELCOMED,
    Phase.STOPPED: {**_ALWAYS, ContinueHere: _continue_here, SignedIn: _signed_in},
    Phase.DONE: _ALWAYS,
}
"""What means something when; anything else is an event that came too late, and changes nothing."""
