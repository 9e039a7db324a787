"""The recordings and connections of one ingest process: who is here, how many may be, and how all of them leave."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from services.ingest.admission import Gate
from services.ingest.recording import CLIENT_AWAITED_MS, FLUSH_MS_MAX, Moving, Parts, Recording
from shared.domain.values import SessionId
from shared.errors import Broken, Busy, DictationError, LeaseLost, StoreUnavailable
from shared.observe import get_logger
from shared.tasks import stop

GREETINGS_MAX: Final = 1_000
"""Sockets that have not said `hello` yet; each is gone after 5 s."""

DRAIN_MS_MAX: Final = 8_000
"""Cloud Run kills 10 s after SIGTERM."""

DRAIN_CLIENT_AWAITED_MS: Final = 1_000
DRAIN_FLUSH_MS: Final = 4_000
WATCH_AGAIN_MS: Final = 1_000

WATCH_HELD_MS: Final = 10_000
"""Listening that lasted so long had worked, though nothing happened to be written; what ends it is a new outage."""

log = get_logger(__name__)


class Visitor(Protocol):
    """One connection, as far as the desk knows it."""

    def move(self) -> None:
        """Leave for another instance, soon."""

    def records_changed(self) -> None:
        """Polish or autosave wrote something of the session followed."""


@dataclass(slots=True)
class Running:
    """A recording at work. `ended` says how, and is set exactly once."""

    recording: Recording
    ended: "asyncio.Future[DictationError | None]"
    draining: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class Desk:
    gate: Gate
    parts: Parts
    sessions_max: int
    is_draining: bool = False
    _running: dict[SessionId, Running] = field(default_factory=dict)
    _keepers: set["asyncio.Task[None]"] = field(default_factory=set)
    _visitors: dict[Visitor, SessionId | None] = field(default_factory=dict)

    # --- connections

    @contextmanager
    def visit(self, visitor: Visitor) -> Iterator[None]:
        """Count a connection while it lives. Raises Busy, or Moving while this instance stops."""
        if self.is_draining:
            raise Moving("this server is stopping; another one takes over")
        greeting = sum(session is None for session in self._visitors.values())
        if greeting >= GREETINGS_MAX:
            raise Busy("too many connections are being opened; it is tried again", 2_000)
        self._visitors[visitor] = None
        try:
            yield
        finally:
            del self._visitors[visitor]

    def has_room(self, session: SessionId) -> bool:
        """Whether one more session may be welcomed; a session that is here already takes no more room."""
        welcomed = {each for each in self._visitors.values() if each is not None} | set(self._running)
        return session in welcomed or len(welcomed) < self.sessions_max

    def welcomed(self, visitor: Visitor, session: SessionId) -> None:
        self._visitors[visitor] = session

    # --- recordings

    @property
    def is_busy(self) -> bool:
        """Whether anybody is connected, or anything is still being written."""
        return bool(self._visitors or self._keepers)

    def start(self, session: SessionId, recording: Recording) -> Running:
        """Run a recording to its end, whatever becomes of its connection; the one it displaces looks at its lease."""
        running = Running(recording, asyncio.get_running_loop().create_future())
        displaced = self._running.get(session)
        self._running[session] = running
        if displaced is not None:
            displaced.recording.check_lease()
        keeper = asyncio.create_task(self._keep(session, running))
        self._keepers.add(keeper)
        keeper.add_done_callback(partial(self._kept, session))
        return running

    def _kept(self, session: SessionId, keeper: "asyncio.Task[None]") -> None:
        self._keepers.discard(keeper)
        error = None if keeper.cancelled() else keeper.exception()
        if error is not None:
            # A mistake of ours: the recorder was told so, and whoever mends it reads where.
            log.error("a recording failed", session=session, exc_info=error)

    def client_lost(self, running: Running) -> None:
        """Nobody listens to this recording any more: it waits a little, flushes and lets go."""
        if not running.ended.done() and running.draining is None:
            waits = (
                (DRAIN_CLIENT_AWAITED_MS, DRAIN_FLUSH_MS)
                if self.is_draining
                else (CLIENT_AWAITED_MS, FLUSH_MS_MAX)
            )
            running.draining = asyncio.create_task(running.recording.drain(*waits))

    async def _keep(self, session: SessionId, running: Running) -> None:
        # Until it has ended well: whatever else ends it, nobody must be told that the session is finished.
        reason: DictationError | None = Broken("this recording ended by our fault; what was saved is safe")
        try:
            await running.recording.run()
            reason = None
        except DictationError as error:
            reason = error
        except asyncio.CancelledError:
            reason = Moving("this server is stopping; another one takes over")
            raise
        finally:
            if running.draining is not None:
                await stop(running.draining)
            if self._running.get(session) is running:
                del self._running[session]
            if not running.ended.done():
                running.ended.set_result(reason)
                running.recording.news.set()
        if reason is not None and not isinstance(reason, LeaseLost):
            log.info("recording_ended", session=session, kind=type(reason).__name__)

    # --- the instance

    async def watch(self) -> None:
        """Tell connections of what polish and autosave wrote; runs for as long as the instance."""
        said: set[str] = set()
        while True:
            began_ms = self.gate.clock.monotonic_ms()
            try:
                async for session in self.gate.store.watch():
                    if said:
                        log.info("what polish and autosave write is heard of again")
                        said.clear()
                    for visitor, followed in list(self._visitors.items()):
                        if followed == session:
                            visitor.records_changed()
            except StoreUnavailable as error:
                if self.gate.clock.monotonic_ms() - began_ms >= WATCH_HELD_MS:
                    said.clear()
                # Once for each outage and cause: the same line every second would bury the rest of the log. Not at all,
                # and nobody would learn why no screen shows polished text.
                if str(error) not in said:
                    log.warning("what polish and autosave write is not heard of", exc_info=error)
                    said.add(str(error))
                await self.gate.clock.sleep_ms(WATCH_AGAIN_MS)

    async def drain(self) -> None:
        """SIGTERM: everybody moves. Clients redial at once and resume elsewhere; the rest is flushed in time."""
        self.is_draining = True
        for running in self._running.values():
            if running.draining is not None:
                running.draining.cancel()
                running.draining = None
                self.client_lost(running)
        for visitor in list(self._visitors):
            visitor.move()
        deadline_ms = self.gate.clock.monotonic_ms() + DRAIN_MS_MAX
        while self.is_busy and self.gate.clock.monotonic_ms() < deadline_ms:
            await self.gate.clock.sleep_ms(20)
        await stop(*self._keepers)
