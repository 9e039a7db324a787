"""Every event in every phase: one story for each phase, and what each event would do at its end."""

from collections.abc import Iterator

from client.events import (
    Came,
    Captured,
    CheckNow,
    Closed,
    ContinueHere,
    Event,
    FinishPressed,
    Flushed,
    Missed,
    Opened,
    PausePressed,
    RecordPressed,
    SignedIn,
    Tick,
    Ticketed,
    TicketRefused,
)
from client.link_state import Phase
from shared.wire.messages import Ack, Bye, Draft, Finished, HintSent, Notice, Ping, ServerMessage, Ticket
from tests.wire.story import Story, entry, polished, welcome

MESSAGES: tuple[ServerMessage, ...] = (
    welcome(1_600),
    Ack(1_600, 1_600, 480_000, 0),
    entry(0),
    entry(3),
    polished(0),
    HintSent(1, 0, 9, "w"),
    Draft("saved", 1, 9),
    Notice("degraded", "slow", safe=True),
    Ticket("fresh", 900_000),
    Ping(3),
    Finished(1_600),
    Bye(4410, "deleted", retry=False),
)


def every_phase() -> Iterator[Story]:
    for phase in Phase:
        story = _at(phase)
        assert story.link.phase is phase
        for event in _events(story):
            story.might_happen(event)
        for late_ms in (6_000, 12_000):
            story.might_happen(Tick(), after_ms=late_ms)
            story.might_happen(CheckNow(), after_ms=late_ms)
        yield story


def _events(story: Story) -> Iterator[Event]:
    dial, until = story.link.dial, story.link.delivery.captured_until
    yield from (RecordPressed(), PausePressed(), FinishPressed(), ContinueHere(), SignedIn())
    yield from (Captured(until), Captured(until + 800), Missed("suspended", 700), Missed("device_lost", 9))
    yield from (Ticketed("new", 900_000), TicketRefused(401, "no"), TicketRefused(503))
    yield from (Opened(dial), Opened(dial + 1), Flushed(dial), Tick(), CheckNow())
    yield from (Closed(dial, code) for code in (1000, 1006, 1009, 4401, 4410, 4503))
    yield Closed(dial + 1, 1006)
    yield from (Came(dial, message) for message in MESSAGES)


def _at(phase: Phase) -> Story:
    story = Story(f"every event while {phase.value}")
    if phase is Phase.RESTING:
        return story
    if phase is Phase.DONE:
        story.happens(FinishPressed())
        return story
    story.happens(RecordPressed())
    if phase is Phase.ASKING:
        return story
    story.happens(Ticketed("ticket", 900_000))
    if phase is Phase.DIALLING:
        return story
    if phase is Phase.WAITING:
        story.closes(after_ms=10, random=0.9)
        return story
    story.opens()
    if phase is Phase.GREETING:
        return story
    return _beyond(story, phase)


def _beyond(story: Story, phase: Phase) -> Story:
    if phase is Phase.STOPPED:
        story.byes(Bye(4409, "taken", retry=False, take=2, since_ms=5))
        return story
    story.is_welcomed()
    story.captures(1_600)
    if phase is not Phase.LIVE:
        story.happens(FinishPressed())
    if phase is Phase.FINISHED:
        story.is_covered(1_600)
        story.says(Finished(1_600))
    return story
