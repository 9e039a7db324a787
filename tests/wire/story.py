"""One recorder's life, told event by event, and written down with what its link did."""

import msgspec

from client.events import (
    Came,
    Captured,
    Closed,
    Event,
    Flushed,
    Moment,
    Opened,
    RecordPressed,
    Ticketed,
)
from client.link import step
from client.link_state import Link
from shared.domain.values import SessionId, TakeId
from shared.wire.messages import (
    Ack,
    Bye,
    Config,
    EntrySent,
    Limits,
    PolishedSent,
    ServerMessage,
    Welcome,
)
from tests.wire.encoding import Json, changed, encode_event, encode_link, encode_moment

SESSION = SessionId("5e55105e-0000-4000-8000-000000000001")
TAKE = TakeId("7a4e7a4e-0000-4000-8000-000000000001")
CONFIG = Config(language="de", vocabulary=["troponin"])
WALL_MS = 1_790_000_000_000
LOG = "log-1"


class Story:
    def __init__(self, name: str, tape_samples_max: int = 3_600 * 16_000) -> None:
        self.name = name
        self.link = Link(SESSION, TAKE, CONFIG, tape_samples_max)
        self.now_ms = 1_000
        self.wall_ms = WALL_MS
        self.steps: list[Json] = []
        self.branches: list[Json] = []
        self._start = encode_link(self.link)

    def told(self) -> Json:
        return {
            "name": self.name,
            "session": SESSION,
            "takeId": TAKE,
            "config": msgspec.to_builtins(CONFIG),
            "start": self._start,
            "steps": self.steps,
            "branches": self.branches,
        }

    def happens(self, event: Event, *, after_ms: int = 0, random: float = 0.5) -> None:
        self.now_ms += after_ms
        self.wall_ms += after_ms
        self.link, written = _lived(self.link, event, Moment(self.now_ms, self.wall_ms, random))
        self.steps.append(written)

    def might_happen(self, event: Event, *, after_ms: int = 0) -> None:
        """What an event would do at the end of the story, which it does not change."""
        moment = Moment(self.now_ms + after_ms, self.wall_ms + after_ms, 0.5)
        self.branches.append(_lived(self.link, event, moment)[1])

    # --- what happens often

    def says(self, message: ServerMessage, *, after_ms: int = 0) -> None:
        self.happens(Came(self.link.dial, message), after_ms=after_ms)

    def closes(self, code: int = 1006, *, after_ms: int = 0, random: float = 0.5) -> None:
        self.happens(Closed(self.link.dial, code), after_ms=after_ms, random=random)

    def byes(self, bye: Bye) -> None:
        self.says(bye)
        self.closes(bye.code)

    def captures(self, samples: int, *, after_ms: int = 100) -> None:
        self.happens(Captured(self.link.delivery.captured_until + samples), after_ms=after_ms)

    def flushes(self) -> None:
        self.happens(Flushed(self.link.dial))

    def opens(self) -> None:
        self.happens(Opened(self.link.dial), after_ms=20)

    def is_recording(self) -> "Story":
        """Record was pressed, and the server is glad to have us."""
        self.happens(RecordPressed())
        self.happens(Ticketed("ticket-1", 900_000), after_ms=30)
        self.opens()
        self.is_welcomed()
        return self

    def is_welcomed(self, send_from: int = 0, gaps_through: int = 0, log_id: str = LOG) -> None:
        self.says(welcome(send_from, gaps_through, log_id), after_ms=40)

    def is_covered(self, covered: int, gaps_through: int = 0) -> None:
        self.says(Ack(covered, covered, covered + 480_000, gaps_through), after_ms=50)


def _lived(link: Link, event: Event, moment: Moment) -> tuple[Link, Json]:
    after, effects = step(link, event, moment)
    return after, {
        "event": encode_event(event),
        "moment": encode_moment(moment),
        "effects": [encode_event(each) for each in effects],
        "changed": changed(encode_link(link), encode_link(after)),
    }


def welcome(send_from: int, gaps_through: int = 0, log_id: str = LOG, window: int = 480_000) -> Welcome:
    limits = Limits(65_536, 65_536, 64)
    return Welcome(1, send_from, send_from + window, gaps_through, limits, 5_000, log_id)


def entry(index: int) -> EntrySent:
    return EntrySent(index, 1, index * 4_000, index * 4_000 + 4_000, text="words", utterance_end=False)


def polished(index: int) -> PolishedSent:
    return PolishedSent(index, index, index, "Words.")
