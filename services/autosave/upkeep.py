"""What the sweep does about a session that nobody holds: pure verdicts on its document, and the documents that follow.

Somebody who holds the lease looks after the session. Here is what is left to do when they are gone: their lease is let
go, what they did not announce is announced, what a recorder did not bring back within a day is said to be lost, and a
session that nobody will go on with is finished.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.domain.entries import ENTRIES_PER_COMMIT_MAX, GapCause
from shared.domain.session import Move, SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY
from shared.ports import EntryRow

TAKE_KEPT_MS: Final = 24 * 3_600_000
"""After its last sign of life a recorder may return this long, and deliver what it still has on tape."""


def needs_upkeep(document: SessionDocument, now_ms: int) -> bool:
    """Whether there is anything to do here that needs the lease, and the lease may be asked for."""
    if document.state is SessionState.PURGED or document.held(now_ms):
        return False
    return (
        document.holder != NOBODY
        or document.state is SessionState.RECORDING
        or document.published_through < document.next_index
        or bool(abandoned_takes(document, now_ms))
        or is_over(document, now_ms)
    )


def abandoned_takes(document: SessionDocument, now_ms: int) -> list[Take]:
    """Takes whose recorder stayed away with audio that is not in the log; as many as one commit can say."""
    takes = [take for take in document.takes if take.undelivered and _is_gone(take, now_ms)]
    return takes[:ENTRIES_PER_COMMIT_MAX]


def is_over(document: SessionDocument, now_ms: int) -> bool:
    """Whether the session is to be finished: its recorder said so and all of its take is stored, or all have gone."""
    if document.state in (SessionState.FINISHED, SessionState.PURGED):
        return False
    current = next((take for take in document.takes if take.number == document.take), None)
    if document.state is SessionState.FINISHING and (current is None or not current.undelivered):
        return True
    return all(_is_gone(take, now_ms) and not take.undelivered for take in document.takes)


def with_gaps(document: SessionDocument, takes: Sequence[Take]) -> tuple[SessionDocument, list[EntryRow]]:
    """The document after one gap for each of `takes`, and the gaps."""
    rows = [
        EntryRow(
            document.next_index + n,
            take.number,
            take.covered,
            take.captured_until,
            cause=GapCause.ABANDONED.value,
        )
        for n, take in enumerate(takes)
    ]
    for take in takes:
        document = document.with_take(replace(take, covered=take.captured_until))
    return replace(document, next_index=document.next_index + len(rows)), rows


def left_alone(document: SessionDocument, published_through: int, now_ms: int) -> SessionDocument:
    """The document without a holder: finished when it is over, else interrupted, or finished as it was."""
    document = replace(document, published_through=published_through)
    if not is_over(document, now_ms):
        return document.let_go(now_ms)
    return replace(
        document.moved(Move.FINISH).moved(Move.COMPLETE),
        holder=NOBODY,
        heartbeat_at_ms=now_ms,
        finished_at_ms=now_ms,
    )


def _is_gone(take: Take, now_ms: int) -> bool:
    return now_ms - take.seen_at_ms >= TAKE_KEPT_MS
