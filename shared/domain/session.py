"""The session document: its states and their moves, and the pure verdicts on who may have the lease.

Adapters store documents; `shared/lease.py` asks for the lease and writes; what is right is decided here.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from shared.domain.takes import TAKES_MAX, Take
from shared.domain.values import NOBODY, Holder, LogId, Principal, SessionId, TakeId
from shared.errors import DialTooOld, NotYours, Refuse, Resync, SessionDeleted, TakenElsewhere, TooMany

STALE_AFTER_MS: Final = 90_000
"""A holder heartbeats every 15 s at the latest; six misses and it is taken for dead."""


class SessionState(StrEnum):
    RECORDING = "recording"
    INTERRUPTED = "interrupted"
    FINISHING = "finishing"
    FINISHED = "finished"
    PURGED = "purged"


class Move(StrEnum):
    RECORD = "record"
    """A recorder comes that records, or holds audio or gaps not yet stored."""
    LET_GO = "let_go"
    FINISH = "finish"
    COMPLETE = "complete"
    """Everything up to the finish is covered."""
    PURGE = "purge"


_S, _M = SessionState, Move
MOVES: Final[dict[SessionState, dict[Move, SessionState]]] = {
    _S.RECORDING: {
        _M.RECORD: _S.RECORDING,
        _M.LET_GO: _S.INTERRUPTED,
        _M.FINISH: _S.FINISHING,
        _M.PURGE: _S.PURGED,
    },
    _S.INTERRUPTED: {
        _M.RECORD: _S.RECORDING,
        _M.LET_GO: _S.INTERRUPTED,
        _M.FINISH: _S.FINISHING,
        _M.PURGE: _S.PURGED,
    },
    _S.FINISHING: {
        _M.RECORD: _S.RECORDING,
        _M.LET_GO: _S.FINISHING,
        _M.FINISH: _S.FINISHING,
        _M.COMPLETE: _S.FINISHED,
        _M.PURGE: _S.PURGED,
    },
    _S.FINISHED: {
        _M.RECORD: _S.RECORDING,
        _M.LET_GO: _S.FINISHED,
        _M.FINISH: _S.FINISHED,
        _M.COMPLETE: _S.FINISHED,
        _M.PURGE: _S.PURGED,
    },
    _S.PURGED: {_M.PURGE: _S.PURGED},
}


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What the recorder asked for when the session was new. Sealed at rest: vocabularies name people."""

    language: str = "en"
    vocabulary: tuple[str, ...] = field(default=(), repr=False)
    macros: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    style: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SessionDocument:
    """One session as the store keeps it. Every time is unix milliseconds."""

    owner: Principal
    log_id: LogId
    state: SessionState
    holder: Holder
    heartbeat_at_ms: int
    created_at_ms: int
    next_index: int = 0
    published_through: int = 0
    take: int = 0
    """Number of the current take: the one that last had the lease."""
    taken_at_ms: int = 0
    """When the current take got it, for the page it displaced."""
    takes: tuple[Take, ...] = ()
    wrapped_key: bytes = b""
    config: bytes = b""
    finished_at_ms: int | None = None
    purge_at_ms: int | None = None

    def find_take(self, take_id: TakeId) -> Take | None:
        return next((take for take in self.takes if take.take_id == take_id), None)

    def take_numbered(self, number: int) -> Take:
        return self.takes[number - 1]

    def with_take(self, take: Take) -> "SessionDocument":
        """The document with this take added, or put in the place of its earlier self."""
        takes = list(self.takes)
        takes[take.number - 1 : take.number] = [take]
        assert [each.number for each in takes] == list(range(1, len(takes) + 1))
        return replace(self, takes=tuple(takes))

    def moved(self, move: Move) -> "SessionDocument":
        return replace(self, state=MOVES[self.state][move])

    def held(self, now_ms: int) -> bool:
        """Whether somebody has the lease and showed a sign of life within STALE_AFTER_MS.

        A sign from the future is as far from now as one from the past: after a clock that was wrong has been set back,
        who died under it would hold the session until time has caught up, for hours or years.
        """
        return self.holder != NOBODY and abs(now_ms - self.heartbeat_at_ms) < STALE_AFTER_MS

    def let_go(self, now_ms: int) -> "SessionDocument":
        return replace(self.moved(Move.LET_GO), holder=NOBODY, heartbeat_at_ms=now_ms)

    def tombstone(self, holder: Holder, now_ms: int) -> "SessionDocument":
        """What stays of a deleted session: who owned it, and that it is gone; no key, no config, no takes.

        The fresh holder is what stops a connection that still writes."""
        return SessionDocument(
            owner=self.owner,
            log_id=self.log_id,
            state=MOVES[self.state][Move.PURGE],
            holder=holder,
            heartbeat_at_ms=now_ms,
            created_at_ms=self.created_at_ms,
            finished_at_ms=self.finished_at_ms,
            purge_at_ms=self.purge_at_ms,
        )


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session starts with, drawn by the asker in case the session is new."""

    log_id: LogId
    wrapped_key: bytes
    config: bytes
    purge_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A recorder asks for the lease: what its `hello` said, with what the asker draws for it."""

    session: SessionId
    principal: Principal
    holder: Holder
    take_id: TakeId
    dial: int
    takeover: bool
    recording: bool
    captured_until: int
    gap_no: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The lease is the claimant's once this document is stored."""

    document: SessionDocument
    take: int


@dataclass(frozen=True, slots=True)
class NothingToWrite:
    """The session is finished and the recorder brings nothing: it may read, and takes no lease."""

    document: SessionDocument
    take: int


Verdict = Granted | NothingToWrite


def judge_claim(
    document: SessionDocument | None, claim: Claim, new: NewSession | None, now_ms: int
) -> Verdict:
    """Whether a recorder gets the lease, in the protocol's order of precedence; `new` is needed where no document is.

    Raises:
        NotYours, SessionDeleted, DialTooOld, TakenElsewhere, TooMany: the first that applies.
    """
    if document is None:
        assert new is not None
        document = _created(claim, new, now_ms)
    if document.owner != claim.principal:
        raise NotYours("this session belongs to somebody else")
    if document.state is SessionState.PURGED:
        raise SessionDeleted("this session was deleted")
    known = document.find_take(claim.take_id)
    brings = _brings_something(known, claim)
    if document.state is SessionState.FINISHED and not brings:
        return NothingToWrite(document, known.number if known else len(document.takes) + 1)
    if known and claim.dial <= known.dial:
        raise DialTooOld(known.dial)
    is_current = known is not None and known.number == document.take
    if not is_current and not claim.takeover and document.held(now_ms):
        raise TakenElsewhere(document.take, document.taken_at_ms)
    if known is None and len(document.takes) >= TAKES_MAX:
        raise TooMany(f"this session has {TAKES_MAX} takes already; start a new session")
    take = known or Take(claim.take_id, number=len(document.takes) + 1, dial=claim.dial)
    take = replace(
        take,
        dial=claim.dial,
        captured_until=max(take.captured_until, claim.captured_until),
        seen_at_ms=now_ms,
    )
    return Granted(_granted(document.with_take(take), claim, take, brings, now_ms), take.number)


def _created(claim: Claim, new: NewSession, now_ms: int) -> SessionDocument:
    return SessionDocument(
        owner=claim.principal,
        log_id=new.log_id,
        state=SessionState.RECORDING,
        holder=NOBODY,
        heartbeat_at_ms=now_ms,
        created_at_ms=now_ms,
        wrapped_key=new.wrapped_key,
        config=new.config,
        purge_at_ms=new.purge_at_ms,
    )


def _brings_something(known: Take | None, claim: Claim) -> bool:
    covered, gaps_through = (known.covered, known.gaps_through) if known else (0, 0)
    return claim.recording or claim.captured_until > covered or claim.gap_no > gaps_through


def _granted(
    document: SessionDocument, claim: Claim, take: Take, brings: bool, now_ms: int
) -> SessionDocument:
    # A session that only waits for its last commit stays `finishing` when its recorder returns with nothing
    # new; were it reopened, a recorder that then vanished would leave a finished dictation open for a day.
    stays_finishing = document.state is SessionState.FINISHING and not brings
    document = document if stays_finishing else document.moved(Move.RECORD)
    return replace(
        document,
        holder=claim.holder,
        heartbeat_at_ms=now_ms,
        take=take.number,
        taken_at_ms=document.taken_at_ms if document.take == take.number else now_ms,
        finished_at_ms=None,
    )


def judge_upkeep(document: SessionDocument | None, holder: Holder, now_ms: int) -> SessionDocument:
    """The document under the sweep's or the API's lease.

    Raises:
        SessionDeleted: nothing is left to look after.
        TakenElsewhere: somebody holds it and is alive.
        Refuse: there is no such session.
    """
    if document is None:
        raise Refuse("there is no such session")
    if document.state is SessionState.PURGED:
        raise SessionDeleted("this session was deleted")
    if document.held(now_ms):
        raise TakenElsewhere(document.take, document.taken_at_ms)
    return replace(document, holder=holder, heartbeat_at_ms=now_ms)


class Outcome(StrEnum):
    LANDED = "landed"
    RESEND = "resend"
    LOST = "lost"


def judge_outcome(
    stored: SessionDocument | None, holder: Holder, first_index: int, until_index: int
) -> Outcome:
    """What became of a commit of entries `first_index..until_index` whose answer is unknown, from the document as it is.

    An empty commit is always sent again: it changes nothing that a second copy would change twice.
    """
    if stored is None or stored.holder != holder or stored.next_index < first_index:
        return Outcome.LOST
    if until_index > first_index and stored.next_index >= until_index:
        return Outcome.LANDED
    return Outcome.RESEND


def why_lost(document: SessionDocument | None, take: int) -> Refuse | Resync:
    """What a connection whose lease is gone tells its recorder: deleted, another take's, or an older dial."""
    if document is None or document.state is SessionState.PURGED:
        return SessionDeleted("this session was deleted")
    if document.take != take:
        return TakenElsewhere(document.take, document.taken_at_ms)
    stored_dial = document.take_numbered(take).dial if take <= len(document.takes) else 0
    return DialTooOld(stored_dial)
