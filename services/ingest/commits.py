"""Between segmenter and store: what the next commit holds, and when it is due. Pure.

At once on every entry and change of state; else every 5 s if settled moved; else a heartbeat every 15 s.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from services.ingest.segmenter import Settled
from shared.domain.entries import ENTRIES_PER_COMMIT_MAX, Logged
from shared.domain.session import Move, SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY

SETTLED_EVERY_MS: Final = 5_000
HEARTBEAT_EVERY_MS: Final = 15_000
"""Six fit into the 90 s after which a holder is stale."""


@dataclass(frozen=True, slots=True)
class Commit:
    document: SessionDocument
    logged: tuple[Logged, ...]
    taken: int
    """How much of what waited it takes; more than `logged`, where a gap says nothing any more."""


class Commits:
    """The commits of one take under one lease."""

    def __init__(self, take: int, document: SessionDocument, now_ms: int) -> None:
        self._take = take
        self._pending: deque[Settled] = deque()
        self._stored = document
        self._stored_at_ms = now_ms
        self._covered = self._place.covered
        self._captured_until = self._place.captured_until
        self._seen_at_ms = self._place.seen_at_ms
        self.finish_at: int | None = None
        """Where the recorder said finish: once everything before it is stored, the session is complete."""

    def seen(self, captured_until: int, wall_ms: int) -> None:
        """A sign of life from the recorder, and how much it says it has captured."""
        self._captured_until = max(self._captured_until, captured_until)
        self._seen_at_ms = wall_ms

    def settle(self, given: list[Settled], settled: int) -> None:
        """What the segmenter gave, and how far it has settled now."""
        self._pending.extend(given)
        self._covered = max(self._covered, settled)

    @property
    def waiting(self) -> int:
        return len(self._pending)

    @property
    def complete(self) -> bool:
        """Whether only the last word, that the session is finished, remains to be stored, or even that is.

        A finish that comes while the lease is let go comes too late: what is stored then says interrupted.
        """
        if self._stored.holder == NOBODY:
            return self._stored.state is SessionState.FINISHED
        return self._reaches_finish(self._place, len(self._pending) == 0)

    def due_ms(self) -> int:
        """When the next commit must be made, at the latest; 0 for at once."""
        finishing = self.finish_at is not None
        if self._pending or (finishing and self._stored.state is SessionState.RECORDING):
            return 0
        moved = self._covered > self._place.covered
        if finishing and moved:
            return 0
        return self._stored_at_ms + (SETTLED_EVERY_MS if moved else HEARTBEAT_EVERY_MS)

    def next(self, wall_ms: int, published_through: int) -> Commit:
        """The next commit: as many entries as one may hold, and as much progress as they allow."""
        batch, covered, gaps_through = self._batch()
        first = self._stored.next_index
        entries = [settled.entry for settled in batch if settled.entry is not None]
        logged = tuple(Logged(first + n, entry) for n, entry in enumerate(entries))
        take = self._place.advanced(
            covered=covered,
            captured_until=self._captured_until,
            gaps_through=gaps_through,
            seen_at_ms=self._seen_at_ms,
        )
        document = self._stored if self.finish_at is None else self._stored.moved(Move.FINISH)
        document = replace(
            document.with_take(take),
            next_index=first + len(entries),
            published_through=max(published_through, self._stored.published_through),
            heartbeat_at_ms=wall_ms,
        )
        return Commit(document, logged, len(batch))

    def last(self, wall_ms: int, published_through: int) -> Commit:
        """Like `next`, and lets the lease go: finished if this completes the session, else interrupted."""
        commit = self.next(wall_ms, published_through)
        takes_all = commit.taken == len(self._pending)
        if self._reaches_finish(commit.document.take_numbered(self._take), takes_all):
            document = replace(commit.document.moved(Move.COMPLETE), holder=NOBODY, finished_at_ms=wall_ms)
        else:
            document = commit.document.let_go(wall_ms)
        return replace(commit, document=document)

    def stored(self, commit: Commit, document: SessionDocument, now_ms: int) -> None:
        """`commit` is stored, and `document` is what the store holds since."""
        for _ in range(commit.taken):
            self._pending.popleft()
        self._stored = document
        self._stored_at_ms = now_ms

    def _batch(self) -> tuple[list[Settled], int, int]:
        """What fits into one commit, and how far covered and gaps_through may go with it."""
        batch: list[Settled] = []
        for settled in self._pending:
            if len(batch) == ENTRIES_PER_COMMIT_MAX:
                break
            batch.append(settled)
        gaps_through = batch[-1].gaps_through if batch else self._place.gaps_through
        # Covered must never pass an entry that is not stored (P4), so it stops where this batch does.
        stays_behind = len(batch) < len(self._pending)
        return batch, batch[-1].covered if stays_behind else self._covered, gaps_through

    def _reaches_finish(self, place: Take, nothing_waits: bool) -> bool:
        return self.finish_at is not None and nothing_waits and place.covered >= self.finish_at

    @property
    def _place(self) -> Take:
        return self._stored.take_numbered(self._take)
