"""The stories both recorders must live through alike: each rule of the protocol once, on purpose."""

from client.events import (
    CheckNow,
    ContinueHere,
    FinishPressed,
    Flushed,
    Missed,
    PausePressed,
    RecordPressed,
    SignedIn,
    Tick,
    Ticketed,
    TicketRefused,
)
from shared.wire.messages import Ack, Bye, Draft, Finished, HintSent, Notice, Ping, Ticket
from tests.wire.story import Story, entry, polished, welcome

SECOND = 16_000


def whole() -> Story:
    story = Story("a dictation from its first word to its last").is_recording()
    for _ in range(3):
        story.captures(1_600)
        story.flushes()
    story.says(HintSent(1, 0, 4_000, "wor"))
    story.says(entry(0))
    story.is_covered(4_000)
    story.says(Ping(1))
    story.says(Ticket("ticket-2", 900_000))
    story.says(Draft("pending", 0))
    story.happens(FinishPressed())
    story.says(entry(1))
    story.is_covered(4_800)
    story.says(Finished(4_800))
    story.says(polished(0))
    story.says(Draft("saved", 2))
    story.byes(Bye(1000, "all done", retry=False))
    return story


def lost_and_resumed() -> Story:
    story = Story("a lost connection is dialled again, and audio goes on from what is covered").is_recording()
    story.captures(SECOND)
    story.is_covered(8_000)
    story.closes(after_ms=200, random=0.9)
    story.captures(1_600)
    story.happens(Tick(), after_ms=10)
    story.happens(Tick(), after_ms=1_000)
    story.closes(random=0.9)
    story.happens(Tick(), after_ms=500)
    story.closes(random=0.9)
    story.happens(Tick(), after_ms=1_000)
    story.happens(Flushed(story.link.dial - 1))
    story.opens()
    story.is_welcomed(8_000)
    story.closes(after_ms=6_000, random=0.9)
    return story


def moved() -> Story:
    story = Story("a server that moves us is left at once, without waiting").is_recording()
    story.captures(1_600)
    story.says(Notice("moving", "moving", safe=True))
    story.byes(Bye(4512, "moving", retry=True))
    story.opens()
    story.byes(Bye(4512, "moving before welcome", retry=True))
    return story


def displaced() -> Story:
    story = Story("another recorder took the session; continue here takes it back, once").is_recording()
    story.captures(1_600)
    story.byes(Bye(4409, "taken", retry=False, take=2, since_ms=5))
    story.captures(1_600)
    story.happens(CheckNow())
    story.happens(ContinueHere(), after_ms=60_000)
    story.opens()
    story.is_welcomed()
    story.closes()
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.byes(Bye(4409, "taken", retry=False, take=2, since_ms=5))
    story.happens(ContinueHere())
    story.closes()
    story.happens(Tick(), after_ms=40_000)
    story.opens()
    return story


def refused() -> Story:
    story = Story("tickets: expired, refused, signed in again").is_recording()
    story.byes(Bye(4401, "expired", retry=False))
    story.happens(Tick(), after_ms=10_000)
    story.happens(TicketRefused(0))
    story.happens(Tick(), after_ms=10_000)
    story.happens(TicketRefused(401, "sign in"))
    story.captures(1_600)
    story.happens(SignedIn())
    story.happens(Tick(), after_ms=10_000)
    story.happens(Tick(), after_ms=10_000)
    story.happens(Ticketed("ticket-3", 1_000))
    story.opens()
    story.byes(Bye(4403, "not yours", retry=False))
    story.happens(SignedIn(), after_ms=20_000)
    story.happens(TicketRefused(410, "deleted"))
    return story


def told_to_wait() -> Story:
    story = Story("a busy server's wait is honoured, an older dial is passed").is_recording()
    story.byes(Bye(4529, "busy", retry=True, retry_after_ms=7_000))
    story.happens(Tick(), after_ms=6_999)
    story.happens(Tick(), after_ms=1)
    story.opens()
    story.byes(Bye(4509, "older", retry=True, dial=story.link.dial + 50_000))
    story.happens(CheckNow())
    story.opens()
    story.closes(1009)
    return story


def silent() -> Story:
    story = Story(
        "silence ends a connection: after 12 s, or 6 s when the network may have changed"
    ).is_recording()
    story.happens(Tick(), after_ms=11_999)
    story.happens(Tick(), after_ms=1)
    story.happens(CheckNow())
    story.happens(CheckNow(), after_ms=5_999)
    story.happens(CheckNow(), after_ms=1)
    story.happens(Tick(), after_ms=10_000)
    story.opens()
    story.is_welcomed()
    story.says(Ping(1), after_ms=5_000)
    story.happens(CheckNow(), after_ms=5_999)
    story.happens(CheckNow(), after_ms=1)
    return story


def gaps() -> Story:
    story = Story("gaps go in their places and are numbered anew from what is stored").is_recording()
    story.captures(1_600)
    story.happens(Missed("device_lost", 2_000))
    story.happens(Missed("device_lost", 500))
    story.captures(1_600)
    story.happens(Missed("suspended", 900))
    story.captures(1_600)
    story.is_covered(1_600, 1)
    story.closes()
    story.happens(Missed("suspended", 100))
    story.happens(Missed("suspended", 11))
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.is_welcomed(1_600, 1)
    story.is_covered(4_800, 3)
    story.closes()
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.is_welcomed(1_600, 1, "log-2")
    story.says(entry(0))
    return story


def full() -> Story:
    story = Story("a full tape stops capture, and what was missed is one gap", tape_samples_max=20 * SECOND)
    story.is_recording()
    story.closes()
    for _ in range(19):
        story.captures(SECOND, after_ms=1_000)
    story.captures(1_600)
    story.opens()
    story.happens(Tick(), after_ms=3_000)
    story.opens()
    story.is_welcomed()
    for second in (2, 4, 6, 8, 12, 19):
        story.flushes()
        story.says(Ack(second * SECOND, second * SECOND, 40 * SECOND, 0), after_ms=900)
    story.flushes()
    story.captures(1_600)
    return story


def paused_when_full() -> Story:
    story = Story("pause and finish end an overflow", tape_samples_max=10 * SECOND).is_recording()
    story.captures(9 * SECOND)
    story.happens(PausePressed(), after_ms=4_000)
    story.happens(PausePressed())
    story.happens(RecordPressed(), after_ms=1_000)
    story.happens(FinishPressed(), after_ms=5_000)
    for _ in range(6):
        story.flushes()
    return story


def pauses() -> Story:
    story = Story("a pause is said in its place, and again after a resume").is_recording()
    story.happens(PausePressed())
    story.happens(RecordPressed())
    story.captures(4_800)
    story.happens(PausePressed())
    story.happens(RecordPressed())
    story.captures(4_800)
    story.is_covered(2_400)
    story.closes()
    story.happens(PausePressed())
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.is_welcomed(2_400)
    story.is_covered(4_800)
    story.is_covered(9_600)
    return story


def credit() -> Story:
    story = Story("audio waits for credit and for the socket; gaps wait for neither").is_recording()
    story.captures(40 * SECOND)
    for _ in range(16):
        story.flushes()
    story.says(Ack(20 * SECOND, 10 * SECOND, 40 * SECOND, 0))
    story.happens(Missed("device_lost", 1_000))
    for _ in range(6):
        story.flushes()
    story.says(Ack(41 * SECOND, 41 * SECOND, 80 * SECOND, 0))
    return story


def finished_offline() -> Story:
    story = Story(
        "finish without a network is said once there is one, and again until it is done"
    ).is_recording()
    story.captures(4_800)
    story.closes()
    story.happens(FinishPressed())
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.is_welcomed()
    story.closes(1000)
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.is_welcomed()
    story.is_covered(4_800)
    story.says(Finished(4_800))
    story.closes()
    story.happens(Tick(), after_ms=1_000)
    story.closes(after_ms=30_000)
    story.captures(0)
    story.captures(1_600)
    return story


def recorded_on() -> Story:
    story = Story("what comes after the end reopens the session").is_recording()
    story.captures(4_800)
    story.happens(FinishPressed())
    story.captures(1_600)
    story.opens()
    story.is_welcomed()
    story.is_covered(6_400)
    story.says(Finished(6_400))
    story.happens(RecordPressed())
    story.opens()
    story.is_welcomed(6_400)
    story.happens(PausePressed())
    story.happens(RecordPressed())
    return story


def never_recorded() -> Story:
    story = Story("finish before anything was recorded ends what exists nowhere")
    story.happens(FinishPressed())
    story.happens(Tick())
    return story


def logs() -> Story:
    story = Story(
        "records in order are shown; one left out is asked for again; index 0 begins anew"
    ).is_recording()
    for index in (0, 1, 1, 2):
        story.says(entry(index))
    story.says(polished(0))
    story.says(entry(0))
    story.says(entry(1))
    story.says(polished(0))
    story.says(entry(4))
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.says(entry(2))
    story.is_welcomed()
    story.says(polished(5))
    return story


def contradicted() -> Story:
    story = Story("a server that acknowledges what was never sent is dialled anew").is_recording()
    story.captures(1_600)
    story.is_covered(1_601)
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.is_welcomed()
    story.says(Ack(1_600, 800, 480_000, 1))
    story.happens(Tick(), after_ms=1_000)
    story.opens()
    story.says(welcome(3_200))
    story.captures(4_800)
    return story


STORIES = (
    whole,
    lost_and_resumed,
    moved,
    displaced,
    refused,
    told_to_wait,
    silent,
    gaps,
    full,
    paused_when_full,
    pauses,
    credit,
    finished_offline,
    recorded_on,
    never_recorded,
    logs,
    contradicted,
)
