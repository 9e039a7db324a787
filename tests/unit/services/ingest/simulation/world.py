"""Two recorders, one session, any number of instances, and everything that chance does to them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from services.ingest.connection import Connection
from services.ingest.events import HelloCame, Place
from services.ingest.follow import entry_message, resumable
from services.ingest.recording import ClientLost, Moving
from shared.domain.entries import Gap, GapCause, Segment
from shared.domain.session import SessionState
from shared.domain.values import NOBODY
from shared.wire.messages import Ack, Bye, ClientMessage, Hello
from tests.unit.services.ingest.connections import TICKET, say
from tests.unit.services.ingest.simulation.engine import is_speech
from tests.unit.services.ingest.simulation.recorder import Recorder
from tests.unit.services.ingest.simulation.server import WINDOWS, Recording, Store, admit

EXPECTED_CODES: Final = {1000, 4409, 4508, 4509, 4512, 4503}
"""A recorder that keeps the protocol hears none that says it did not: 4400, 4413, 4416."""

ROUNDS_MAX: Final = 10_000
DISTURBED_ROUNDS: Final = 500


@dataclass
class Socket:
    connection: Connection
    recording: Recording | None = None
    to_server: deque[ClientMessage | bytes] = field(default_factory=deque)


class World:
    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._store = Store()
        self._backups: list[Store] = []
        self._restores = 0
        self._excused: set[int] = set()
        """Gaps that a restore undid after their recorder had forgotten them, by `wall_ms`."""
        self._recorders = [Recorder(chance, 1), Recorder(chance, 2)]
        self._sockets: dict[Recorder, Socket] = {}
        self._recordings: list[Recording] = []
        self._now_ms = 0
        self._leases = 0

    def happen(self, names: list[str]) -> None:
        for name in names:
            self._now_ms += self._chance.choice([0, 10, 100])
            EVENTS[name](self, self._chance.choice(self._recorders))

    # --- what happens to a recorder

    def capture(self, recorder: Recorder) -> None:
        recorder.capture(self._chance.choice([1, 20, 200]))

    def miss(self, recorder: Recorder) -> None:
        recorder.miss()

    def stop(self, recorder: Recorder) -> None:
        recorder.stopped = True

    def record_again(self, recorder: Recorder) -> None:
        """On another connection: the one on which it said finish takes no more audio."""
        if recorder.done:
            self.cut(recorder)
            recorder.record_again()

    def dial(self, recorder: Recorder) -> None:
        """At an instance of its own, while the last connection may live on."""
        self.cut(recorder)
        hello = recorder.dial()
        socket = Socket(Connection(self._now_ms))
        self._sockets[recorder] = socket
        assert say(socket.connection, hello, self._now_ms) == [HelloCame(hello)]
        self._leases += 1
        take, writes = admit(self._store, hello, f"lease-{self._leases}", self._now_ms)
        self._welcome(socket, hello, take, writes)
        self._deliver(recorder)

    def _welcome(self, socket: Socket, hello: Hello, take: int, writes: bool) -> None:
        document = self._store.stored
        place = document.take_numbered(take) if take <= len(document.takes) else None
        covered, gaps_through = (place.covered, place.gaps_through) if place else (0, 0)
        cursor = resumable(hello.cursors, hello.log_id, document).entries
        connection = socket.connection
        connection.welcome(
            Place(take, covered, gaps_through, document.log_id), TICKET, WINDOWS[0], self._now_ms
        )
        if writes:
            socket.recording = Recording(self._chance, self._store, connection, take, cursor)
            socket.recording.tell()
            self._recordings.append(socket.recording)
        else:
            for logged in self._store.log[cursor:]:
                connection.send(entry_message(logged))
            connection.finished(covered)
            connection.all_done()

    def cut(self, recorder: Recorder) -> None:
        """Whatever was under way is lost; the recording goes on without its recorder."""
        recorder.lost_connection()
        self._sockets.pop(recorder, None)

    def send(self, recorder: Recorder) -> None:
        socket = self._sockets.get(recorder)
        for _ in range(self._chance.choice([1, 5])):
            message = recorder.next_message()
            if socket is not None and message is not None:
                socket.to_server.append(message)

    def arrive(self, recorder: Recorder) -> None:
        socket = self._sockets.get(recorder)
        if socket is None:
            return
        for _ in range(min(len(socket.to_server), self._chance.choice([1, 5]))):
            for event in say(socket.connection, socket.to_server.popleft(), self._now_ms):
                if socket.recording is not None and socket.recording.alive:
                    socket.recording.hear(event)
        self._deliver(recorder)

    def _deliver(self, recorder: Recorder) -> None:
        socket = self._sockets.get(recorder)
        if socket is None:
            return
        socket.connection.tick(self._now_ms)
        for message in socket.connection.to_send():
            if isinstance(message, Ack):
                self._check_shown(recorder, message.covered)
            pong = recorder.told(message)
            if pong is not None:
                socket.to_server.append(pong)
            if isinstance(message, Bye):
                assert message.code in EXPECTED_CODES, message.reason
                self.cut(recorder)

    # --- what happens in an instance

    def work(self, recorder: Recorder) -> None:
        for recording in self._some():
            task = self._chance.choice([recording.feed, recording.speak, recording.listen])
            for _ in range(self._chance.choice([1, 1, 30])):
                task()

    def write(self, recorder: Recorder) -> None:
        for recording in self._some():
            recording.write()

    def land(self, recorder: Recorder) -> None:
        for recording in self._some():
            recording.land()

    def drain(self, recorder: Recorder) -> None:
        attended = [socket.recording for socket in self._sockets.values()]
        for recording in self._some():
            if recording not in attended:
                recording.drain()
                recording.leave(ClientLost("the recorder did not come back in time"))

    def move(self, recorder: Recorder) -> None:
        for recording in self._some():
            recording.leave(Moving("this connection moves to another server"))

    def back_up(self, recorder: Recorder) -> None:
        if self._store.document is not None:
            self._backups.append(Store(self._store.document, self._store.log))

    def restore(self, recorder: Recorder) -> None:
        """Everything stops, and an older store comes back."""
        if not self._backups:
            return
        for each in self._recorders:
            self.cut(each)
            each.done = False
        self._recordings.clear()
        self._restores += 1
        self._store.restore(self._chance.choice(self._backups), f"log-{self._restores}")
        kept = {logged.entry.wall_ms for logged in self._store.log if isinstance(logged.entry, Gap)}
        self._excused |= {
            missed.wall_ms
            for each in self._recorders
            for missed in each.missed
            if missed.wall_ms not in kept and not each.still_holds(missed)
        }

    def _some(self) -> list[Recording]:
        self._recordings = [recording for recording in self._recordings if recording.alive]
        return [each for each in self._recordings if self._chance.random() < 0.7]

    # --- how it ends

    def settle_down(self) -> None:
        """Each recorder delivers all it has and finishes; soon nothing disturbs it any more."""
        for recorder in self._recorders:
            recorder.stopped = True
            for number in range(ROUNDS_MAX):
                if recorder.done:
                    break
                if number < DISTURBED_ROUNDS and self._chance.random() < 0.1:
                    self._chance.choice([self.move, self.cut, self.drain, self.dial])(recorder)
                self._round(recorder)
            assert recorder.done, "a recorder waits for ever"

    def _round(self, recorder: Recorder) -> None:
        self._now_ms += 20
        if recorder not in self._sockets:
            self.dial(recorder)
        for step in (self.send, self.arrive, self.work):
            step(recorder)
        # Much more is heard than written, so that commits fill up and what comes last is seldom stored at once.
        if self._chance.random() < 0.2:
            self._chance.choice([self.write, self.land])(recorder)
        self._deliver(recorder)

    # --- what must hold

    def _check_shown(self, recorder: Recorder, covered: int) -> None:
        """An entry is sent before the first ack whose covered passes it."""
        for logged in self._store.log:
            span = logged.entry.span
            if logged.entry.take == recorder.take and not span.is_empty and span.until <= covered:
                assert logged.index < recorder.shown

    def check(self) -> None:
        assert self._store.stored.state is SessionState.FINISHED
        assert self._store.stored.holder == NOBODY
        assert [logged.index for logged in self._store.log] == list(range(len(self._store.log)))
        for recorder in self._recorders:
            if recorder.take <= len(self._store.stored.takes):
                self._check_samples(recorder)
                self._check_gaps(recorder)
            else:
                assert recorder.captured == 0
                assert recorder.missed == []

    def _check_samples(self, recorder: Recorder) -> None:
        """Every sample is in exactly one of segment, silence and gap, and the log is in sample order."""
        assert self._store.stored.take_numbered(recorder.take).covered == recorder.captured
        entries = [logged.entry for logged in self._store.log if logged.entry.take == recorder.take]
        times_said = bytearray(recorder.captured)
        reached = 0
        for entry in entries:
            assert reached <= entry.span.start
            reached = entry.span.until
            for position in range(entry.span.start, entry.span.until):
                times_said[position] += 1
            if isinstance(entry, Segment):
                assert entry.text == f"{entry.span.start}-{entry.span.until}"
        assert all(times <= 1 for times in times_said)
        assert all(times_said[position] for position in range(recorder.captured) if is_speech(position))

    def _check_gaps(self, recorder: Recorder) -> None:
        gaps = [
            logged.entry
            for logged in self._store.log
            if logged.entry.take == recorder.take and isinstance(logged.entry, Gap)
        ]
        found = [
            (gap.wall_ms, gap.cause.value, gap.span.start, gap.span.until) for gap in gaps if gap.wall_ms
        ]
        assert found == [
            (missed.wall_ms, missed.cause, missed.start, missed.until)
            for missed in recorder.missed
            if missed.wall_ms not in self._excused
        ]
        assert self._restores or all(gap.cause is not GapCause.LOST_AFTER_ACK for gap in gaps)


EVENTS: Final[dict[str, Callable[[World, Recorder], None]]] = {
    "capture": World.capture,
    "miss": World.miss,
    "stop": World.stop,
    "record again": World.record_again,
    "dial": World.dial,
    "cut": World.cut,
    "send": World.send,
    "arrive": World.arrive,
    "work": World.work,
    "write": World.write,
    "land": World.land,
    "drain": World.drain,
    "move": World.move,
    "back up": World.back_up,
    "restore": World.restore,
}
