"""Stage 5 of 13. One live session: the only file that knows engine, segmenter, store and connection's events together.

Events of a connection go in; committed entries, hints and places come out, for whoever tells the recorder. A recording
outlives its connection: it goes on committing for a while, because a lost client usually returns within a second.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from services.ingest.commits import Commit, Commits
from services.ingest.engines.base import Engine, EngineStream, Health, Hint, Trouble
from services.ingest.events import AudioCame, Event, FinishCame, GapCame, HelloCame, PauseCame, PongCame
from services.ingest.inbox import Inbox, Piece
from services.ingest.segmenter import Segmenter, Settled
from shared.domain.entries import Logged
from shared.domain.session import SessionConfig, SessionDocument
from shared.domain.values import BYTES_PER_SAMPLE, SessionId, samples
from shared.errors import DictationError, EngineUnavailable, Resync, Retry
from shared.lease import LogWriter
from shared.ports import Clock, EntryRow, Publisher, Subscriber
from shared.publisher import announce
from shared.sealing import SessionKey, seal_entry
from shared.tasks import together

OPEN_MS_MAX: Final = 10_000
CLIENT_AWAITED_MS: Final = 10_000
"""How long a recording waits for a lost client before it flushes the engine, which would split a word."""

FLUSH_MS_MAX: Final = 20_000
"""How long a flush may take when nobody waits for it; then what is settled is committed and the rest stays on tape."""

ANNOUNCE_MS_MAX: Final = 2_000
"""How long letting go waits for the bus; what it does not take, the sweep announces."""

ANNOUNCE_AGAIN_MS: Final = 1_000

DRAFT_AGE_MS: Final = 30_000
"""A change this old is in the draft soon after."""

BACKLOG: Final = samples(20)
"""Unsettled audio beyond the longest utterance: the engine is slower than the speaker."""

RECENT_MAX: Final = 64


class Moving(Retry):
    """This instance stops, or the request has run for nearly an hour."""

    close_code = 4512


class ClientLost(Resync):
    """Nobody came back in time; what was received is stored."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a recording works with."""

    engine: Engine
    bus: Publisher
    clock: Clock


class Recording:
    def __init__(
        self, parts: Parts, writer: LogWriter, key: SessionKey, config: SessionConfig, take: int
    ) -> None:
        self.take = take
        self.key = key
        self.news = asyncio.Event()
        """Set whenever something below changed; the one who tells the recorder clears it."""
        self.recent: deque[Logged] = deque(maxlen=RECENT_MAX)
        """The entries committed last, so that telling them costs no read."""
        self.trouble: Trouble | None = None
        """Why no words come at present; the engine sees to it itself."""
        self._parts = parts
        self._writer = writer
        self._config = config
        place = writer.document.take_numbered(take)
        self._segmenter = Segmenter(take, place.covered, place.gaps_through, parts.engine.capabilities.name)
        self._commits = Commits(take, writer.document, parts.clock.monotonic_ms())
        self._inbox = Inbox()
        self._fed = asyncio.Event()
        self._work = asyncio.Event()
        self._received = place.covered
        self._leaving: DictationError | None = None
        self._checking = False
        self._published = writer.document.published_through
        self._unannounced: deque[EntryRow] = deque(maxlen=RECENT_MAX)
        self._committing_since_ms: int | None = None
        self._settling = asyncio.Event()
        self._committed = asyncio.Event()
        self._announced = asyncio.Event()
        self._unsaved = asyncio.Event()

    # --- what it knows

    @property
    def document(self) -> SessionDocument:
        """The session as stored."""
        return self._writer.document

    @property
    def session(self) -> SessionId:
        return self._writer.session

    @property
    def received(self) -> int:
        return self._received

    @property
    def hint(self) -> Hint | None:
        return self._segmenter.hint

    @property
    def is_behind(self) -> bool:
        """Whether the engine is slower than the speaker: credit will stop, and audio stays on tape."""
        return self._received - self._segmenter.settled > BACKLOG

    def storing_for_ms(self) -> int:
        """How long the write in flight has been without an answer; 0 when none is."""
        since = self._committing_since_ms
        return 0 if since is None else self._parts.clock.monotonic_ms() - since

    # --- what it is told

    def hear(self, event: Event) -> None:
        """An event of the recorder's connection. Raises TooMany where a bound is reached."""
        match event:
            case AudioCame(start=start, pcm=pcm):
                self._inbox.audio(start, pcm)
                self._received = start + len(pcm) // BYTES_PER_SAMPLE
                self._seen(self._received)
            case GapCame(span=span):
                self._flush(span.start)
                self._received = max(self._received, span.until)
                self._settle(self._segmenter.gap(event))
                self._seen(span.until)
            case PauseCame(at=at):
                self._flush(at)
            case FinishCame(until=until):
                self._flush(until)
                self._commits.finish_at = until
                self._seen(until)
                self._work.set()
            case PongCame(captured_until=captured_until):
                self._seen(captured_until)
            case HelloCame():
                raise AssertionError("a hello makes a recording; it is not heard by one")
        # Audio makes no commit due: waking whoever writes for each frame would be most of what a frame costs.
        self._fed.set()

    def leave(self, reason: DictationError) -> None:
        """Commit what is settled and let the lease go, without a flush; `run` then raises `reason`. The first counts."""
        self._leaving = self._leaving or reason
        self._work.set()

    def check_lease(self) -> None:
        """Somebody else was given the lease on this instance: find out now, not at the next commit."""
        self._checking = True
        self._work.set()

    async def drain(self, client_awaited_ms: int, flush_ms: int) -> None:
        """The client is lost: wait for it, then flush, then let go. Cancel it when the session moves on."""
        clock = self._parts.clock
        await clock.sleep_ms(client_awaited_ms)
        if self._segmenter.settled < self._received:
            self._flush(self._received)
            self._fed.set()
        try:
            async with asyncio.timeout(flush_ms / 1_000):
                while self._segmenter.settled < self._received and self._leaving is None:
                    await self._settling.wait()
                    self._settling.clear()
        except TimeoutError:
            pass
        self.leave(ClientLost("the recorder did not come back in time; what was received is stored"))

    def _flush(self, at: int) -> None:
        self._inbox.flush(at)

    def _seen(self, captured_until: int) -> None:
        self._commits.seen(captured_until, self._parts.clock.wall_ms())

    def _settle(self, given: list[Settled]) -> None:
        self._commits.settle(given, self._segmenter.settled)
        self._settling.set()
        self._work.set()

    # --- what it does

    async def run(self) -> None:
        """Until the session is finished.

        Raises:
            LeaseLost: another connection has the session; ask `why_lost`.
            DictationError: the reason given to `leave`, or EngineUnavailable, or StoreUnavailable: the client dials
                again, and what is not stored is still on its tape.
        """
        place = self._writer.document.take_numbered(self.take)
        stream = await self._open(place.covered)
        try:
            await together(
                self._write(), self._feed(stream), self._listen(stream), self._announce(), self._save_drafts()
            )
        finally:
            await stream.close()

    async def _open(self, start: int) -> EngineStream:
        try:
            async with asyncio.timeout(OPEN_MS_MAX / 1_000):
                return await self._parts.engine.open(self._config, start)
        except TimeoutError:
            raise EngineUnavailable("the speech engine does not answer") from None

    async def _feed(self, stream: EngineStream) -> None:
        try:
            while True:
                await self._fed.wait()
                self._fed.clear()
                while (item := self._inbox.take()) is not None:
                    if isinstance(item, Piece):
                        await stream.feed(item.start, bytes(item.pcm))
                    else:
                        await stream.flush(item.at)
        except EngineUnavailable as error:
            self.leave(error)

    async def _listen(self, stream: EngineStream) -> None:
        try:
            async for hypothesis in stream.heard():
                if isinstance(hypothesis, Health):
                    self.trouble = hypothesis.trouble
                self._settle(self._segmenter.hear(hypothesis))
                self.news.set()
        except EngineUnavailable as error:
            self.leave(error)

    async def _write(self) -> None:
        clock = self._parts.clock
        while True:
            await self._until_due()
            if self._commits.complete or (self._leaving and not self._commits.waiting):
                break
            self._checking = False
            await self._commit(self._commits.next(clock.wall_ms(), self._published))
        await self._until_announced()
        await self._commit(self._commits.last(clock.wall_ms(), self._published))
        # The open utterance ends with the recording, and the note is to be saved at once.
        await self._wake(Subscriber.POLISH, Subscriber.AUTOSAVE)
        if self._leaving is not None and not self._commits.complete:
            raise self._leaving

    async def _until_due(self) -> None:
        clock = self._parts.clock
        while not (self._commits.complete or self._leaving or self._checking):
            wait_ms = self._commits.due_ms() - clock.monotonic_ms()
            if wait_ms <= 0:
                return
            self._work.clear()
            try:
                async with asyncio.timeout(wait_ms / 1_000):
                    await self._work.wait()
            except TimeoutError:
                return

    async def _commit(self, commit: Commit) -> None:
        self._committing_since_ms = self._parts.clock.monotonic_ms()
        self.news.set()
        rows = [seal_entry(self.key, logged) for logged in commit.logged]
        await self._writer.commit(commit.document, rows)
        self._committing_since_ms = None
        self._commits.stored(commit, self._writer.document, self._parts.clock.monotonic_ms())
        self.recent.extend(commit.logged)
        self._unannounced.extend(rows)
        if commit.logged:
            self._committed.set()
            self._unsaved.set()
        self.news.set()

    async def _announce(self) -> None:
        """Announce what is committed, one message in flight; commits made meanwhile go into the next."""
        while True:
            while self._published < self.document.next_index:
                try:
                    rows = [row for row in self._unannounced if row.index >= self._published]
                    self._published = await announce(self._parts.bus, self._writer.stored, rows)
                except Retry:
                    await self._parts.clock.sleep_ms(ANNOUNCE_AGAIN_MS)
            self._announced.set()
            await self._committed.wait()
            self._committed.clear()

    async def _save_drafts(self) -> None:
        """Wake autosave when a change is 30 s old; a wake-up that is lost costs until the sweep."""
        while True:
            await self._unsaved.wait()
            await self._parts.clock.sleep_ms(DRAFT_AGE_MS)
            self._unsaved.clear()
            await self._wake(Subscriber.AUTOSAVE)

    async def _until_announced(self) -> None:
        try:
            async with asyncio.timeout(ANNOUNCE_MS_MAX / 1_000):
                while self._published < self.document.next_index:
                    self._announced.clear()
                    await self._announced.wait()
        except TimeoutError:
            pass

    async def _wake(self, *subscribers: Subscriber) -> None:
        try:
            async with asyncio.timeout(ANNOUNCE_MS_MAX / 1_000):
                for subscriber in subscribers:
                    await self._parts.bus.wake(self._writer.session, subscriber)
        except (TimeoutError, Retry):
            pass
