"""A recorder that keeps the protocol and does nothing more for anybody: it replays, repeats, dawdles and is cut off."""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from shared.wire.frames import encode_frame
from shared.wire.messages import (
    Ack,
    Bye,
    ClientMessage,
    Cursors,
    EntrySent,
    Finish,
    Finished,
    GapSent,
    Hello,
    Pause,
    Ping,
    Pong,
    ServerMessage,
    Welcome,
)
from tests.unit.services.ingest.connections import hello, pcm

FRAME_SAMPLES_MAX: Final = 120
Cause = Literal["tape_overflow", "device_lost", "suspended", "lost_after_ack"]
NEVER_CAPTURED: Final[tuple[Cause, ...]] = ("tape_overflow", "device_lost", "suspended")


@dataclass(frozen=True)
class Missed:
    """A gap on the tape. `wall_ms` is unlike any other's, so that each is found again in the log."""

    cause: Cause
    start: int
    until: int
    wall_ms: int


class Recorder:
    def __init__(self, chance: Random, number: int) -> None:
        self.captured = 0
        self.tape_start = 0
        """Everything before it was covered, and is forgotten."""
        self.missed: list[Missed] = []
        """Every gap of this take that was never captured."""
        self.stopped = False
        self.done = False
        self.is_connected = False
        self.take = 0
        self.shown = 0
        """The next entry wanted."""
        self._chance = chance
        self._take_id = f"7a4e0000-0000-4000-8000-{number:012d}"
        self._wall_ms = number * 100_000
        self._dial = 0
        self._waiting: list[Missed] = []
        self._gaps_through = 0
        self._sent_gaps = 0
        self._next = 0
        self._send_until = 0
        self._finish_sent = False
        self._covered = 0
        self._log_id: str | None = None

    # --- capture

    def capture(self, length: int) -> None:
        if not self.stopped:
            self.captured += length

    def miss(self) -> None:
        """Something could not be captured, here."""
        if not self.stopped:
            self._wall_ms += 1
            cause = self._chance.choice(NEVER_CAPTURED)
            self.missed.append(Missed(cause, self.captured, self.captured, self._wall_ms))
            self._waiting.append(self.missed[-1])

    # --- what it sends

    def dial(self) -> Hello:
        self._dial += 1
        return hello(
            take_id=self._take_id,
            dial=self._dial,
            takeover=True,
            captured_until=self.captured,
            gap_no=self._gaps_through + len(self._waiting),
            recording=not self.stopped,
            log_id=self._log_id,
            cursors=Cursors(entries=self.shown),
        )

    def still_holds(self, missed: Missed) -> bool:
        return missed in self._waiting

    def record_again(self) -> None:
        self.stopped = self.done = False

    def lost_connection(self) -> None:
        self.is_connected = False

    def next_message(self) -> ClientMessage | bytes | None:
        """What it sends next, if credit and capture allow anything."""
        if not self.is_connected or self._finish_sent:
            return None
        gap = self._waiting[self._sent_gaps] if self._sent_gaps < len(self._waiting) else None
        if self._sent_gaps and self._chance.random() < 0.1:
            return self._numbered(self._chance.randrange(self._sent_gaps))
        if self._next and self._chance.random() < 0.02:
            # A loss of what the server has already: nothing is lost by it, and it takes a number.
            until = self._chance.randint(1, self._next)
            self._waiting.insert(self._sent_gaps, Missed("lost_after_ack", until - 1, until, 0))
            gap = self._waiting[self._sent_gaps]
        if gap is not None and gap.start <= self._next:
            self._sent_gaps += 1
            self._next = max(self._next, gap.until)
            return self._numbered(self._sent_gaps - 1)
        if self.stopped and self._next == self.captured:
            self._finish_sent = True
            return Finish(self._next)
        if self._chance.random() < 0.05:
            return Pause(self._chance.randint(0, self._next))
        return self._frame(min(self.captured if gap is None else gap.start, self._send_until))

    def _frame(self, limit: int) -> bytes | None:
        """Audio before `limit`: from where it left off, or from anywhere before that is still on the tape."""
        begins = [self._next, max(self.tape_start, self._next - 5), self.tape_start]
        start = self._chance.choice(begins)
        limit = min(limit, start + self._chance.choice([1, 30, FRAME_SAMPLES_MAX]))
        if start >= limit:
            return None
        until = self._chance.randint(start + 1, limit)
        self._next = max(self._next, until)
        return encode_frame(start, pcm(start, until))

    def _numbered(self, place: int) -> GapSent:
        gap = self._waiting[place]
        return GapSent(self._gaps_through + 1 + place, gap.cause, gap.start, gap.until, gap.wall_ms)

    # --- what it is told

    def told(self, message: ServerMessage) -> Pong | None:
        match message:
            case Welcome():
                self._welcomed(message)
            case Ack(covered=covered, send_until=send_until, gaps_through=gaps_through):
                assert covered >= self._covered
                assert send_until >= self._send_until, "credit was taken back"
                self._send_until = send_until
                self._forget(covered, gaps_through)
            case EntrySent(index=index):
                assert index == self.shown, "an entry was left out or came twice"
                self.shown += 1
            case Ping(echo=echo):
                return Pong(echo, self.captured, self.captured - self._covered)
            case Finished(covered=covered):
                self._forget(covered, self._gaps_through + len(self._waiting))
                assert covered == self.captured
                self.done = True
            case Bye():
                self.is_connected = False
            case _:
                pass
        return None

    def _welcomed(self, welcome: Welcome) -> None:
        self.is_connected = True
        if welcome.log_id != self._log_id:
            self._log_id, self.shown = welcome.log_id, 0
        self.take = welcome.take
        self._covered = self._next = welcome.send_from
        self._send_until = welcome.send_until
        self._finish_sent = False
        # Gaps up to gaps_through are stored; the rest are numbered anew from there.
        stored = max(0, welcome.gaps_through - self._gaps_through)
        self._waiting = [gap for gap in self._waiting[stored:] if gap.cause != "lost_after_ack"]
        self._gaps_through = welcome.gaps_through
        self._sent_gaps = 0
        if welcome.send_from < self.tape_start:
            start = self._chance.choice([0, welcome.send_from])
            self._waiting.insert(0, Missed("lost_after_ack", start, self.tape_start, 0))

    def _forget(self, covered: int, gaps_through: int) -> None:
        self._covered = covered
        self.tape_start = max(self.tape_start, covered)
        stored = gaps_through - self._gaps_through
        del self._waiting[:stored]
        self._sent_gaps = max(0, self._sent_gaps - stored)
        self._gaps_through = gaps_through
