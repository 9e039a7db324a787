"""The recorder's half of `steno.v1`: when to dial, what to say, when to give a connection up. Pure; twin of `recorder/link.js`.

Events and a moment go in; the next link and effects come out. The shell (`stream.py`, `shell.js`) owns sockets, tape and
capture: it does the effects in order, calls `step` with `Tick` once `deadline_ms` has passed, and shows what `phase`,
`intent` and `delivery` say. Capture and tape go on in every phase: a network is never a reason to stop recording.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from msgspec import UNSET

from client.delivery import SendAudio
from client.events import (
    AskTicket,
    Came,
    Captured,
    CheckNow,
    Closed,
    ContinueHere,
    Dial,
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
from client.link_state import ASK_MS_MAX, LIMIT_MS, OPEN_MS_MAX, SILENCE_MS_MAX, Intent, Link, Phase
from shared.domain.values import samples
from shared.wire.messages import (
    VERSION,
    Ack,
    Bye,
    Cursors,
    EntrySent,
    Finish,
    Finished,
    Hello,
    Ping,
    PolishedSent,
    Pong,
    Ticket,
    Welcome,
)

CHECK_SILENCE_MS: Final = 6_000
"""How long a connection may have been silent when something says that the network changed: one ping and a little."""

BACKOFF_FIRST_MS: Final = 250
BACKOFF_WELCOMED_MS_MAX: Final = 1_000
BACKOFF_MS_MAX: Final = 10_000
LIFE_MS: Final = 5_000
"""A connection that lived this long counts as progress, even if nobody spoke."""

TAKEOVER_MS: Final = 30_000
"""How long a person's press may displace another recorder; an automatic redial never does."""

NOTE_AWAITED_MS: Final = 30_000
"""After the end: how long a lost connection is dialled again for polish and draft, when all audio is stored."""

TICKET_MARGIN_MS: Final = 5_000
TAPE_RESERVE: Final = samples(2)
"""Room kept for what is captured while capture is being stopped."""

TAPE_ROOM_AGAIN: Final = samples(10)


Next = tuple[Link, list[Effect]]


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
    wanted = replace(
        link, intent=Intent.RECORDING, takeover_until_ms=moment.now_ms + TAKEOVER_MS, finished_at_ms=None
    )
    return _wanted(wanted, moment)


def _pause(link: Link, event: Event, moment: Moment) -> Next:
    if link.intent is not Intent.RECORDING:
        return link, []
    link = _end_overflow(link, moment)
    return replace(link, intent=Intent.PAUSED, delivery=link.delivery.paused()), []


def _finish(link: Link, event: Event, moment: Moment) -> Next:
    link = replace(_end_overflow(link, moment), intent=Intent.FINISHED)
    if link.phase is Phase.RESTING:
        # A session that was never dialled exists nowhere.
        return _connect(link, moment) if link.dial else (replace(link, phase=Phase.DONE), [])
    return link, []


def _continue_here(link: Link, event: Event, moment: Moment) -> Next:
    return _wanted(replace(link, takeover_until_ms=moment.now_ms + TAKEOVER_MS), moment)


def _signed_in(link: Link, event: Event, moment: Moment) -> Next:
    return _connect(link, moment)


def _wanted(link: Link, moment: Moment) -> Next:
    """A person asks for a connection: nothing is waited for, and one that was finished is dialled anew."""
    if link.phase in (Phase.RESTING, Phase.WAITING, Phase.STOPPED, Phase.DONE):
        return _connect(link, moment)
    return _reopened(link, moment)


def _reopened(link: Link, moment: Moment) -> Next:
    """After `finish` nothing more may be sent on a connection; the next `hello` reopens the session."""
    if link.phase not in (Phase.FINISHING, Phase.FINISHED):
        return link, []
    link, effects = _connect(link, moment)
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
        return _connect(link, moment)
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


# --- connecting


def _connect(link: Link, moment: Moment) -> Next:
    """Dial now, or ask for a ticket first where none is valid."""
    if moment.now_ms >= link.ticket_until_ms - TICKET_MARGIN_MS:
        return replace(link, phase=Phase.ASKING, due_ms=moment.now_ms + ASK_MS_MAX), [AskTicket()]
    # Above every earlier one, also when this machine's clock was set back since (4509 carries the stored one).
    dial = max(moment.wall_ms, link.dial + 1)
    link = replace(link, phase=Phase.DIALLING, dial=dial, due_ms=moment.now_ms + OPEN_MS_MAX, bye=None)
    return link, [Dial(dial)]


def _ticketed(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Ticketed)
    link = _with_ticket(link, event.token, event.expires_in_ms, moment)
    return _connect(link, moment) if link.phase is Phase.ASKING else (link, [])


def _with_ticket(link: Link, token: str, expires_in_ms: int, moment: Moment) -> Link:
    # One that lives no longer than the margin would be asked for again, and again at once.
    until_ms = moment.now_ms + max(expires_in_ms, 2 * TICKET_MARGIN_MS)
    return replace(link, ticket=token, ticket_until_ms=until_ms)


def _ticket_refused(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, TicketRefused)
    code = {401: 4401, 403: 4403, 410: 4410}.get(event.status)
    if code is None:
        return _wait(link, moment, BACKOFF_MS_MAX)
    return _stop(replace(link, bye=Bye(code, event.message, retry=False)))


def _opened(link: Link, event: Event, moment: Moment) -> Next:
    hello = Hello(
        version=VERSION,
        session=link.session,
        ticket=link.ticket,
        take_id=link.take_id,
        dial=link.dial,
        takeover=moment.now_ms < link.takeover_until_ms,
        captured_until=link.delivery.captured_until,
        gap_no=link.delivery.gap_no,
        recording=link.intent is Intent.RECORDING,
        log_id=link.log_id,
        cursors=link.cursors,
        config=link.config if link.log_id is None else None,
    )
    link = replace(link, phase=Phase.GREETING, due_ms=moment.now_ms + SILENCE_MS_MAX)
    return link, [SendMessage(hello)]


def _wait(link: Link, moment: Moment, cap_ms: int, at_least_ms: int = 0) -> Next:
    """Dial again later: full jitter, so that a thousand recorders do not return to a restarted server as one."""
    limit_ms = min(cap_ms, BACKOFF_FIRST_MS * 2 ** min(link.tries, 30))
    wait_ms = max(at_least_ms, int(moment.random * limit_ms))
    return replace(link, phase=Phase.WAITING, tries=link.tries + 1, due_ms=moment.now_ms + wait_ms), []


def _stop(link: Link) -> Next:
    return replace(link, phase=Phase.STOPPED, due_ms=None), []


# --- losing a connection


def _closed(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Closed)
    code = link.bye.code if link.bye else event.code
    # Ours says so before it closes; 1009 is what a library says in our place when a message is too big.
    code = 4413 if code == 1009 else code
    if code == 1000 and _is_over(link):
        over = Phase.DONE if link.intent is Intent.FINISHED else Phase.RESTING
        return replace(link, phase=over, due_ms=None), []
    if code == 4401:
        return _wait(replace(link, ticket_until_ms=0), moment, BACKOFF_MS_MAX)
    if 4400 <= code < 4500:
        return _stop(replace(link, bye=link.bye or Bye(code, "", retry=False)))
    return _lost(link, moment)


def _is_over(link: Link) -> bool:
    """Whether the server's "all done" is true of us: never while anything captured is not stored."""
    return link.phase is Phase.FINISHED and link.delivery.is_delivered and link.intent is not Intent.RECORDING


def _lost(link: Link, moment: Moment) -> Next:
    """Dial again: at once where the server moves us, else after a while that grows until there is progress."""
    welcomed = link.phase in (Phase.LIVE, Phase.FINISHING, Phase.FINISHED)
    bye = link.bye
    if welcomed and _progressed(link, moment):
        link = replace(link, tries=0)
    if bye and bye.code == 4509 and bye.dial is not UNSET:
        link = replace(link, dial=max(link.dial, bye.dial))
    if _note_is_late(link, moment):
        return replace(link, phase=Phase.DONE, due_ms=None), []
    if bye and bye.code == 4512 and welcomed:
        return _connect(link, moment)
    retry_after_ms = bye.retry_after_ms if bye and bye.retry_after_ms is not UNSET else 0
    return _wait(link, moment, BACKOFF_WELCOMED_MS_MAX if welcomed else BACKOFF_MS_MAX, retry_after_ms)


def _note_is_late(link: Link, moment: Moment) -> bool:
    """All audio is stored and the session finished: what is still awaited is not worth dialling for ever."""
    over = link.intent is Intent.FINISHED and link.finished_at_ms is not None and link.delivery.is_delivered
    return over and moment.now_ms - (link.finished_at_ms or 0) >= NOTE_AWAITED_MS


def _progressed(link: Link, moment: Moment) -> bool:
    covered_more = link.delivery.covered > link.covered_at_welcome
    return covered_more or moment.now_ms - link.welcomed_at_ms >= LIFE_MS


def _give_up(link: Link, moment: Moment) -> Next:
    link, effects = _lost(replace(link, bye=None), moment)
    return link, [HangUp(), *effects]


def _tick(link: Link, event: Event, moment: Moment) -> Next:
    if link.due_ms is None or moment.now_ms < link.due_ms:
        return link, []
    return _connect(link, moment) if link.phase is Phase.WAITING else _give_up(link, moment)


def _check(link: Link, event: Event, moment: Moment) -> Next:
    if link.phase is Phase.WAITING:
        return _connect(link, moment)
    assert link.due_ms is not None
    silent_ms = moment.now_ms - (link.due_ms - LIMIT_MS[link.phase])
    return _give_up(link, moment) if silent_ms >= CHECK_SILENCE_MS else (link, [])


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
            return _with_ticket(link, message.token, message.expires_in_ms, moment), []
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
        return _give_up(link, moment)
    kept_from = link.delivery.kept_from
    link = replace(link, delivery=link.delivery.acked(ack))
    forget: list[Effect] = [Forget(ack.covered)] if link.delivery.kept_from > kept_from else []
    return link, [*forget, Show(ack)]


def _followed(link: Link, record: EntrySent | PolishedSent, moment: Moment) -> Next:
    """A record of one of the logs; index 0 begins the log anew, and a record left out is asked for by dialling anew."""
    entries, polished = link.cursors.entries, link.cursors.polished
    place = entries if isinstance(record, EntrySent) else polished
    if record.index > place:
        return _give_up(link, moment)
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
    Ticketed: _ticketed,
}
_TIMED: Final[dict[type[Event], Handler]] = {**_ALWAYS, Tick: _tick, CheckNow: _check}
_OPEN: Final[dict[type[Event], Handler]] = {**_TIMED, Closed: _closed}
_WELCOMED: Final[dict[type[Event], Handler]] = {**_OPEN, Came: _came, Flushed: _flushed}

TABLE: Final[dict[Phase, dict[type[Event], Handler]]] = {
    Phase.RESTING: _ALWAYS,
    Phase.WAITING: _TIMED,
    Phase.ASKING: {**_TIMED, TicketRefused: _ticket_refused},
    Phase.DIALLING: {**_OPEN, Opened: _opened},
    Phase.GREETING: {**_OPEN, Came: _greeted},
    Phase.LIVE: _WELCOMED,
    Phase.FINISHING: _WELCOMED,
    Phase.FINISHED: _WELCOMED,
    Phase.STOPPED: {**_ALWAYS, ContinueHere: _continue_here, SignedIn: _signed_in},
    Phase.DONE: _ALWAYS,
}
"""What means something when; anything else is an event that came too late, and changes nothing."""
