"""Lives by chance: what the stories did not think of, in the order nobody would choose. The same seed, the same life."""

from random import Random

from client.events import (
    CheckNow,
    Closed,
    ContinueHere,
    FinishPressed,
    Missed,
    PausePressed,
    RecordPressed,
    SignedIn,
    Tick,
    Ticketed,
    TicketRefused,
)
from client.link_state import Phase
from shared.wire.messages import Ack, Bye, Finished, HintSent, Notice, Ping, Ticket
from tests.wire.story import Story, entry, polished, welcome

CODES = (1000, 1001, 1006, 1009, 1012, 4400, 4401, 4409, 4410, 4503, 4508, 4509, 4512, 4529)
WELCOMED = (Phase.LIVE, Phase.FINISHING, Phase.FINISHED)


def walk(seed: int, steps: int) -> Story:
    """A recorder with a tape of 40 s, so that it is full now and then."""
    chance = Random(seed)
    story = Story(f"a life by chance, seed {seed}", tape_samples_max=40 * 16_000)
    story.happens(RecordPressed())
    while len(story.steps) < steps:
        story.now_ms += chance.choice((0, 10, 100, 100, 1_000, 4_000))
        story.wall_ms = max(story.wall_ms + chance.choice((0, 100, 1_000, -5_000)), 0)
        _next(story, chance)
    return story


def _next(story: Story, chance: Random) -> None:
    kind = chance.random()
    if kind < 0.3:
        story.captures(chance.choice((800, 1_600, 1_600, 16_000)), after_ms=0)
    elif kind < 0.4:
        _person(story, chance)
    elif kind < 0.5:
        story.happens(chance.choice((Tick(), Tick(), CheckNow())), random=chance.random())
    else:
        _network(story, chance)


def _person(story: Story, chance: Random) -> None:
    story.happens(
        chance.choice(
            (
                RecordPressed(),
                RecordPressed(),
                PausePressed(),
                FinishPressed(),
                ContinueHere(),
                SignedIn(),
                Missed("device_lost", chance.randrange(1, 9_000)),
                Missed("suspended", chance.randrange(1, 9_000)),
            )
        )
    )


def _network(story: Story, chance: Random) -> None:
    phase = story.link.phase
    if phase is Phase.ASKING and chance.random() < 0.8:
        story.happens(Ticketed("ticket", chance.choice((1_000, 900_000))))
    elif phase is Phase.ASKING:
        story.happens(TicketRefused(chance.choice((0, 401, 403, 410, 503)), "no"), random=chance.random())
    elif phase is Phase.DIALLING and chance.random() < 0.8:
        story.opens()
    elif phase is Phase.GREETING and chance.random() < 0.8:
        _welcome(story, chance)
    elif phase in WELCOMED and chance.random() < 0.95:
        _server(story, chance)
    else:
        _end(story, chance)


def _welcome(story: Story, chance: Random) -> None:
    delivery = story.link.delivery
    low = 0 if chance.random() < 0.05 else delivery.covered
    send_from = chance.randrange(low, delivery.captured_until + 1) if delivery.captured_until > low else low
    gaps_through = delivery.gaps_through + chance.choice((0, 0, 1))
    story.says(welcome(send_from, gaps_through, chance.choice(("log-1", "log-1", "log-2")), 160_000))


def _server(story: Story, chance: Random) -> None:
    delivery, cursors = story.link.delivery, story.link.cursors
    kind = chance.random()
    if kind < 0.35:
        covered = chance.randrange(delivery.covered, max(delivery.sent_until, delivery.covered) + 1)
        covered += chance.random() < 0.02
        stored = delivery.gaps_through + chance.randrange(delivery.gaps_sent + 1)
        story.says(Ack(covered, covered, covered + 160_000, stored))
    elif kind < 0.65:
        story.flushes()
    elif kind < 0.75:
        story.says(entry(cursors.entries + (chance.random() < 0.05)))
    elif kind < 0.8:
        story.says(polished(cursors.polished))
    elif kind < 0.82:
        story.says(entry(0))
    elif kind < 0.9:
        others = (
            Ping(7),
            Ticket("fresh", 900_000),
            HintSent(1, 0, 9, "w"),
            Notice("storage", "slow", safe=True),
        )
        story.says(chance.choice(others))
    elif kind < 0.93:
        story.says(Finished(delivery.covered))
    else:
        _end(story, chance)


def _end(story: Story, chance: Random) -> None:
    code = chance.choice(CODES)
    if chance.random() < 0.7:
        extra = {4529: {"retry_after_ms": 3_000}, 4509: {"dial": story.link.dial + 3}}.get(code, {})
        story.says(Bye(code, "because", retry=code >= 4500, **extra))
    stale = chance.random() < 0.1
    story.happens(Closed(story.link.dial - stale, code), random=chance.random())
