"""The store, and recordings made of the real Connection, Inbox, Segmenter and Commits: `recording.py` without its tasks."""

from dataclasses import dataclass, replace
from random import Random

from services.ingest.commits import Commit, Commits
from services.ingest.connection import Connection
from services.ingest.events import AudioCame, Event, FinishCame, GapCame, HelloCame, PauseCame, PongCame
from services.ingest.follow import entry_message
from services.ingest.inbox import Inbox, Piece
from services.ingest.segmenter import Segmenter, Settled
from shared.domain.entries import Logged
from shared.domain.session import (
    Claim,
    Granted,
    NewSession,
    SessionDocument,
    SessionState,
    judge_claim,
    why_lost,
)
from shared.domain.values import NOBODY, Holder, LogId, Principal, SessionId, TakeId
from shared.errors import DictationError
from shared.wire.messages import Hello
from tests.unit.services.ingest.connections import SESSION
from tests.unit.services.ingest.simulation.engine import ArbitraryEngine, is_speech

WINDOWS = (200, 400)
"""Samples; far more than any final here is long."""


@dataclass
class Store:
    document: SessionDocument | None = None
    log: tuple[Logged, ...] = ()

    @property
    def stored(self) -> SessionDocument:
        assert self.document is not None
        return self.document

    def land(self, holder: Holder, commit: Commit) -> bool:
        """Whether it is stored; not where another holds the lease."""
        if self.stored.holder != holder:
            return False
        assert [logged.index for logged in commit.logged] == list(
            range(self.stored.next_index, commit.document.next_index)
        )
        self.document = commit.document
        self.log += commit.logged
        return True

    def restore(self, older: "Store", log_id: str) -> None:
        """As from a backup: an older state under a new log_id, held by nobody."""
        self.document = replace(older.stored, log_id=LogId(log_id), holder=NOBODY)
        self.log = older.log


def admit(store: Store, hello: Hello, holder: str, now_ms: int) -> tuple[int, bool]:
    """The take's number, and whether it may write."""
    claim = Claim(
        SessionId(SESSION),
        Principal("dr-example"),
        Holder(holder),
        TakeId(hello.take_id),
        hello.dial,
        hello.takeover,
        hello.recording,
        hello.captured_until,
        hello.gap_no,
    )
    verdict = judge_claim(store.document, claim, NewSession(LogId("log-0"), b"", b""), now_ms)
    if isinstance(verdict, Granted):
        store.document = verdict.document
    return verdict.take, isinstance(verdict, Granted)


class Recording:
    """One lease: it lives until its session is finished, it lets go, or a commit is refused."""

    def __init__(self, chance: Random, store: Store, connection: Connection, take: int, cursor: int) -> None:
        place = store.stored.take_numbered(take)
        self.alive = True
        self._take = take
        self._chance = chance
        self._store = store
        self._connection = connection
        self._document = store.stored
        self._segmenter = Segmenter(take, place.covered, place.gaps_through, "arbitrary")
        self._commits = Commits(take, store.stored, now_ms=0)
        self._inbox = Inbox()
        self._engine = ArbitraryEngine(chance, place.covered)
        self._in_flight: Commit | None = None
        self._is_last = False
        self._leaving: DictationError | None = None
        self._received = place.covered
        self._told = cursor

    def hear(self, event: Event) -> None:
        match event:
            case AudioCame(start=start, pcm=pcm):
                self._inbox.audio(start, pcm)
                self._received = start + len(pcm) // 2
                self._commits.seen(self._received, 0)
            case GapCame(span=span):
                self._inbox.flush(span.start)
                self._received = span.until
                self._settle(self._segmenter.gap(event))
            case PauseCame(at=at):
                self._inbox.flush(at)
            case FinishCame(until=until):
                self._inbox.flush(until)
                self._commits.finish_at = until
            case PongCame(captured_until=captured_until):
                self._commits.seen(captured_until, 0)
            case HelloCame():
                raise AssertionError("a second hello is no event")

    def drain(self) -> None:
        """The recorder is lost and did not come back in time."""
        self._inbox.flush(self._received)

    def leave(self, reason: DictationError) -> None:
        self._leaving = self._leaving or reason

    # --- one step of each of its tasks

    def feed(self) -> None:
        item = self._inbox.take()
        if isinstance(item, Piece):
            self._engine.feed(item.start, bytes(item.pcm))
        elif item is not None:
            self._engine.flush(item.at)

    def speak(self) -> None:
        self._engine.speak()

    def listen(self) -> None:
        if self._engine.said:
            self._settle(self._segmenter.hear(self._engine.said.popleft()))

    def write(self) -> None:
        """Make the next commit, as `Recording._write` does; what comes until it lands waits."""
        if self._in_flight is None and self.alive:
            commits = self._commits
            self._is_last = commits.complete or (self._leaving is not None and not commits.waiting)
            self._in_flight = commits.last(0, 0) if self._is_last else commits.next(0, 0)

    def land(self) -> None:
        commit, self._in_flight = self._in_flight, None
        if commit is None or not self.alive:
            return
        if not self._store.land(self._document.holder, commit):
            self.alive = False
            self._connection.bye(why_lost(self._store.document, self._take))
            return
        self._check(commit)
        self._document = commit.document
        self._commits.stored(commit, commit.document, 0)
        self.tell()
        if self._is_last:
            self._end()

    def _end(self) -> None:
        self.alive = False
        if self._commits.complete:
            assert self._document.state is SessionState.FINISHED
            self._connection.finished(self._document.take_numbered(self._take).covered)
            self._connection.all_done()
        else:
            assert self._document.state is not SessionState.FINISHED
            assert self._leaving is not None
            self._connection.bye(self._leaving)

    def tell(self) -> None:
        """Entries first, then the place they reach, as `teller.py` does."""
        for logged in self._store.log[self._told : self._document.next_index]:
            self._connection.send(entry_message(logged))
        self._told = self._document.next_index
        place = self._document.take_numbered(self._take)
        self._connection.progress(place.covered, place.gaps_through, self._chance.choice(WINDOWS))

    def _settle(self, given: list[Settled]) -> None:
        assert self._segmenter.settled <= self._received <= self._connection.frontier
        self._commits.settle(given, self._segmenter.settled)

    def _check(self, commit: Commit) -> None:
        """Every spoken sample that becomes covered is in an entry stored with it."""
        before = self._document.take_numbered(self._take).covered
        covered = commit.document.take_numbered(self._take).covered
        assert before <= covered <= self._segmenter.settled
        spans = [logged.entry.span for logged in commit.logged]
        assert all(before <= span.start and span.until <= covered for span in spans)
        said = {position for span in spans for position in range(span.start, span.until)}
        assert all(position in said for position in range(before, covered) if is_speech(position))
