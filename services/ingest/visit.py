"""One connection's way through the service: hello, admission, a live recording and what is told of it, and the end."""

import asyncio
from typing import Final

from services.ingest.admission import Admitted, admit
from services.ingest.connection import Connection
from services.ingest.desk import Desk, Running
from services.ingest.events import Event, HelloCame, Place
from services.ingest.follow import Follower
from services.ingest.recording import Moving, Recording
from services.ingest.teller import MOVING, Outgoing, Teller, Window
from services.ingest.tickets import EXPIRES_IN_MS
from shared.domain.session import why_lost
from shared.domain.values import Principal, SessionId
from shared.errors import DictationError, LeaseLost, StoreUnavailable
from shared.lease import answered
from shared.wire.messages import Hello, Ticket

MOVE_AFTER_MS: Final = 55 * 60_000
"""Cloud Run ends a request after 60 minutes, without a word."""

TICKET_EVERY_MS: Final = 5 * 60_000
LOOK_EVERY_MS: Final = 1_000
"""How often what depends on time alone is looked at: a slow store, a slow engine, a ticket or a move due."""

MOVE_MS_MAX: Final = 2_000
"""How long a move waits for the last commit: a recorder is to be told within 3 s, even when the store does not answer."""

NOTE_AWAITED_MS: Final = 30_000


class Visit:
    """Implements `desk.Visitor`. `run` does the work; `heard`, `move` and `records_changed` tell it what happens."""

    def __init__(self, desk: Desk, connection: Connection, outgoing: Outgoing) -> None:
        self._desk = desk
        self._connection = connection
        self._outgoing = outgoing
        self._clock = desk.gate.clock
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._running: Running | None = None
        self._records = asyncio.Event()
        self._move_at_ms = self._clock.monotonic_ms() + MOVE_AFTER_MS
        self._ticket_at_ms = self._clock.monotonic_ms() + TICKET_EVERY_MS
        self._moved_by_ms: int | None = None

    # --- what it is told

    def heard(self, event: Event) -> None:
        if isinstance(event, HelloCame):
            self._hello.set_result(event.hello)
        elif self._running is not None and not self._running.ended.done():
            try:
                self._running.recording.hear(event)
            except DictationError as error:
                self._connection.bye(error)

    def move(self) -> None:
        if self._running is None or self._running.ended.done():
            self._connection.bye(_moving())
        else:
            self._connection.send(MOVING)
            self._running.recording.leave(_moving())
            self._moved_by_ms = self._clock.monotonic_ms() + MOVE_MS_MAX
        self._outgoing.ready.set()

    def records_changed(self) -> None:
        self._records.set()
        if self._running is not None:
            self._running.recording.news.set()

    def client_lost(self) -> None:
        """The socket is gone. What was received is finished without it."""
        if self._running is not None:
            self._desk.client_lost(self._running)

    # --- what it does

    async def run(self) -> None:
        """From hello to the last message; it never raises for what the recorder, engine or store did."""
        try:
            hello = await self._hello
            admitted = await admit(self._desk.gate, hello, self._desk.has_room(SessionId(hello.session)))
            await self._serve(admitted)
        except DictationError as error:
            self._connection.bye(error)
        self._outgoing.ready.set()

    async def _serve(self, admitted: Admitted) -> None:
        document, take = admitted.document, admitted.take
        self._desk.welcomed(self, admitted.session)
        known = take <= len(document.takes)
        covered = document.take_numbered(take).covered if known else 0
        gaps_through = document.take_numbered(take).gaps_through if known else 0
        undelivered = document.take_numbered(take).undelivered if known else 0
        window = Window(undelivered)
        self._connection.welcome(
            Place(take, covered, gaps_through, document.log_id),
            self._ticket(admitted.session, document.owner),
            window.samples,
            self._clock.monotonic_ms(),
        )
        store = self._desk.gate.store
        follower = Follower(store, admitted.key, admitted.session, admitted.cursors)
        teller = Teller(self._connection, self._outgoing, follower, store, admitted.session)
        if admitted.writer is None:
            await teller.entries((), document.next_index)
            await teller.records(document)
            self._connection.finished(covered)
        else:
            recording = Recording(self._desk.parts, admitted.writer, admitted.key, admitted.config, take)
            self._running = self._desk.start(admitted.session, recording)
            await self._tell(teller, self._running, window)
            await self._raise_reason(self._running, admitted.session)
            await self._tell_end(teller, recording, window)
        self._connection.all_done()

    async def _tell(self, teller: Teller, running: Running, window: Window) -> None:
        """While the recording lives."""
        recording = running.recording
        self._records.set()
        while not running.ended.done():
            try:
                await teller.progress(recording, window)
                if self._records.is_set():
                    self._records.clear()
                    await teller.records(recording.document)
            except StoreUnavailable:
                # The logs have it all, and are looked at again in a second: no reason to send anybody away.
                self._records.set()
            self._look_at_the_time(recording)
            await _set_within(recording.news, LOOK_EVERY_MS)
            recording.news.clear()

    def _look_at_the_time(self, recording: Recording) -> None:
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._ticket_at_ms:
            self._ticket_at_ms = now_ms + TICKET_EVERY_MS
            self._connection.send(self._ticket(recording.session, recording.document.owner))
            self._outgoing.ready.set()
        if now_ms >= self._move_at_ms:
            self._move_at_ms = now_ms + MOVE_AFTER_MS
            self.move()
        if self._moved_by_ms is not None and now_ms >= self._moved_by_ms:
            # The recording goes on trying without us; whoever takes the lease next finds what it stored.
            raise _moving()

    async def _raise_reason(self, running: Running, session: SessionId) -> None:
        reason = running.ended.result()
        if isinstance(reason, LeaseLost):
            stored = await answered(self._desk.gate.store.load(session))
            raise why_lost(stored.document if stored else None, running.recording.take)
        if reason is not None:
            raise reason

    async def _tell_end(self, teller: Teller, recording: Recording, window: Window) -> None:
        """Finished: the rest of the log, `finished`, then polish and draft as they come, for a while."""
        document = recording.document
        await teller.progress(recording, window)
        self._connection.finished(document.take_numbered(recording.take).covered)
        self._outgoing.ready.set()
        deadline_ms = self._clock.monotonic_ms() + NOTE_AWAITED_MS
        while True:
            self._records.clear()
            await teller.records(document)
            left_ms = deadline_ms - self._clock.monotonic_ms()
            if teller.note_is_done(document) or left_ms <= 0:
                return
            await _set_within(self._records, left_ms)

    def _ticket(self, session: SessionId, principal: Principal) -> Ticket:
        token = self._desk.gate.tickets.issue(session, principal, self._clock.wall_ms())
        return Ticket(token, EXPIRES_IN_MS)


def _moving() -> Moving:
    return Moving("this connection moves to another server")


async def _set_within(event: asyncio.Event, limit_ms: int) -> None:
    """Wait for the event, at most `limit_ms`."""
    try:
        async with asyncio.timeout(limit_ms / 1_000):
            await event.wait()
    except TimeoutError:
        pass
