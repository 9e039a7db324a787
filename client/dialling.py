"""How a recorder's link gets a connection, and what it does without one: tickets, dials, backoff, stops. Pure."""

from dataclasses import replace
from typing import Final

from msgspec import UNSET

from client.events import (
    AskTicket,
    Closed,
    Dial,
    Effect,
    Event,
    HangUp,
    Moment,
    SendMessage,
    Ticketed,
    TicketRefused,
)
from client.link_state import ASK_MS_MAX, LIMIT_MS, OPEN_MS_MAX, SILENCE_MS_MAX, Intent, Link, Phase
from shared.wire.messages import VERSION, Bye, Hello

CHECK_SILENCE_MS: Final = 6_000
"""How long a connection may have been silent when something says that the network changed: one ping and a little."""

BACKOFF_FIRST_MS: Final = 250
BACKOFF_WELCOMED_MS_MAX: Final = 1_000
BACKOFF_MS_MAX: Final = 10_000
LIFE_MS: Final = 5_000
"""A connection that lived this long counts as progress, even if nobody spoke."""

NOTE_AWAITED_MS: Final = 30_000
"""After the end: how long a lost connection is dialled again for polish and draft, when all audio is stored."""

TICKET_MARGIN_MS: Final = 5_000

Next = tuple[Link, list[Effect]]


def connect(link: Link, moment: Moment) -> Next:
    """Dial now, or ask for a ticket first where none is valid."""
    if moment.now_ms >= link.ticket_until_ms - TICKET_MARGIN_MS:
        return replace(link, phase=Phase.ASKING, due_ms=moment.now_ms + ASK_MS_MAX), [AskTicket()]
    # Above every earlier one, also when this machine's clock was set back since (4509 carries the stored one).
    dial = max(moment.wall_ms, link.dial + 1)
    link = replace(link, phase=Phase.DIALLING, dial=dial, due_ms=moment.now_ms + OPEN_MS_MAX, bye=None)
    return link, [Dial(dial)]


def ticketed(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, Ticketed)
    link = with_ticket(link, event.token, event.expires_in_ms, moment)
    return connect(link, moment) if link.phase is Phase.ASKING else (link, [])


def with_ticket(link: Link, token: str, expires_in_ms: int, moment: Moment) -> Link:
    # One that lives no longer than the margin would be asked for again, and again at once.
    until_ms = moment.now_ms + max(expires_in_ms, 2 * TICKET_MARGIN_MS)
    return replace(link, ticket=token, ticket_until_ms=until_ms)


def ticket_refused(link: Link, event: Event, moment: Moment) -> Next:
    assert isinstance(event, TicketRefused)
    code = {401: 4401, 403: 4403, 410: 4410}.get(event.status)
    if code is None:
        return _wait(link, moment, BACKOFF_MS_MAX)
    return _stop(replace(link, bye=Bye(code, event.message, retry=False)))


def opened(link: Link, event: Event, moment: Moment) -> Next:
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


def closed(link: Link, event: Event, moment: Moment) -> Next:
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
        return connect(link, moment)
    retry_after_ms = bye.retry_after_ms if bye and bye.retry_after_ms is not UNSET else 0
    return _wait(link, moment, BACKOFF_WELCOMED_MS_MAX if welcomed else BACKOFF_MS_MAX, retry_after_ms)


def _note_is_late(link: Link, moment: Moment) -> bool:
    """All audio is stored and the session finished: what is still awaited is not worth dialling for ever."""
    over = link.intent is Intent.FINISHED and link.finished_at_ms is not None and link.delivery.is_delivered
    return over and moment.now_ms - (link.finished_at_ms or 0) >= NOTE_AWAITED_MS


def _progressed(link: Link, moment: Moment) -> bool:
    covered_more = link.delivery.covered > link.covered_at_welcome
    return covered_more or moment.now_ms - link.welcomed_at_ms >= LIFE_MS


def give_up(link: Link, moment: Moment) -> Next:
    link, effects = _lost(replace(link, bye=None), moment)
    return link, [HangUp(), *effects]


def tick(link: Link, event: Event, moment: Moment) -> Next:
    if link.due_ms is None or moment.now_ms < link.due_ms:
        return link, []
    return connect(link, moment) if link.phase is Phase.WAITING else give_up(link, moment)


def check(link: Link, event: Event, moment: Moment) -> Next:
    if link.phase is Phase.WAITING:
        return connect(link, moment)
    assert link.due_ms is not None
    silent_ms = moment.now_ms - (link.due_ms - LIMIT_MS[link.phase])
    return give_up(link, moment) if silent_ms >= CHECK_SILENCE_MS else (link, [])
