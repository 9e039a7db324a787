"""Stage 8 of 13. Writing a session's log under a lease: entries and progress go in, durable documents come out.

The store offers one guarded write. What an unanswered write became is settled here by reading, never by guessing: a
commit is immutable until its outcome is known, and one write is in flight per session. What is right is decided by the
pure verdicts of `domain/session.py`; this file only loops around them.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from shared.domain.entries import ENTRIES_PER_COMMIT_MAX
from shared.domain.session import Outcome, SessionDocument, judge_outcome, judge_upkeep
from shared.domain.values import Holder, SessionId
from shared.errors import LeaseLost, StoreUnavailable, WriteConflict
from shared.ports import Clock, EntryRow, Store, Stored, Version

ATTEMPT_MS_MAX: Final = 2_000
"""An answer that takes longer is treated as lost; the write may still land, which the version guard makes harmless."""

RETRY_FIRST_MS: Final = 50
RETRY_MS_MAX: Final = 1_000

T = TypeVar("T")


class LogWriter:
    """The lease, and the chain of writes under it. Not for two tasks at once: one write is in flight per session."""

    def __init__(self, store: Store, clock: Clock, stored: Stored, give_up_after_ms: int = 30_000) -> None:
        self._store = store
        self._clock = clock
        self._give_up_after_ms = give_up_after_ms
        self._holder = stored.document.holder
        self._unsettled = False
        self.stored = stored

    @property
    def session(self) -> SessionId:
        return self.stored.session

    @property
    def document(self) -> SessionDocument:
        """The document as last known to be stored."""
        return self.stored.document

    async def commit(self, document: SessionDocument, rows: Sequence[EntryRow] = ()) -> None:
        """Store `document` and append `rows`, all or nothing, exactly once.

        Raises:
            LeaseLost: another holder wrote; nothing of this commit is stored, or it is and they continued from it.
            StoreUnavailable: the store failed for `give_up_after_ms`; the outcome is unknown and this writer is spent.
        """
        # A commit that was cancelled or given up may have landed, and the next one would be taken for it.
        assert not self._unsettled, "what became of the last commit is not known"
        self._unsettled = True
        await self._commit(document, rows)
        self._unsettled = False

    async def _commit(self, document: SessionDocument, rows: Sequence[EntryRow]) -> None:
        first = self.document.next_index
        assert len(rows) <= ENTRIES_PER_COMMIT_MAX
        assert document.next_index == first + len(rows)
        assert [row.index for row in rows] == list(range(first, document.next_index))
        base = self.stored
        retry_ms = RETRY_FIRST_MS
        give_up_at_ms = self._clock.monotonic_ms() + self._give_up_after_ms
        while True:
            failure = await self._write(base, document, rows)
            if failure is None:
                return
            outcome, base = await self._look(base, document, first)
            if outcome is Outcome.LANDED:
                self.stored = base
                return
            if self._clock.monotonic_ms() >= give_up_at_ms:
                raise failure
            await self._clock.sleep_ms(retry_ms)
            retry_ms = min(2 * retry_ms, RETRY_MS_MAX)

    async def _write(
        self, base: Stored, document: SessionDocument, rows: Sequence[EntryRow]
    ) -> StoreUnavailable | None:
        """None once it is stored, else why it is not known to be."""
        try:
            self.stored = await answered(self._store.write(base, document, rows))
        except WriteConflict:
            return StoreUnavailable(
                "the store says that others write this session, and shows no other; try again"
            )
        except StoreUnavailable as error:
            return error
        return None

    async def _look(self, base: Stored, document: SessionDocument, first: int) -> tuple[Outcome, Stored]:
        """What became of a write, and what it landed as or is to be chained to now. Raises LeaseLost."""
        try:
            found = await answered(self._store.load(self.session))
        except StoreUnavailable:
            # Sending again chained to the same base is safe without having read: of two copies one fails.
            return Outcome.RESEND, base
        outcome = self._outcome(found, document, first)
        if outcome is Outcome.LOST or found is None:
            raise LeaseLost("another connection has this session now")
        return outcome, found

    def _outcome(self, found: Stored | None, document: SessionDocument, first: int) -> Outcome:
        # A commit that lets the lease go leaves no holder to recognise it by; the whole document does.
        if found is not None and found.document == document:
            return Outcome.LANDED
        return judge_outcome(found.document if found else None, self._holder, first, document.next_index)


async def take_upkeep_lease(store: Store, clock: Clock, session: SessionId, holder: Holder) -> LogWriter:
    """The lease for the sweep or the API: only where nobody has it, or who had it is dead.

    Raises:
        TakenElsewhere, SessionDeleted, Refuse: as `judge_upkeep`.
        StoreUnavailable: not granted; or granted, and it goes stale by itself.
    """
    while True:
        stored = await answered(store.load(session))
        document = judge_upkeep(stored.document if stored else None, holder, clock.wall_ms())
        granted = await write_claim(store, session, stored, document)
        if granted is not None:
            return LogWriter(store, clock, granted)


async def write_claim(
    store: Store, session: SessionId, base: Stored | None, document: SessionDocument
) -> Stored | None:
    """One try to store a document under a fresh holder; None when somebody else wrote first and it must be judged anew.

    A lost reply is settled by reading: if the stored holder is the one just drawn, the lease was granted.

    Raises StoreUnavailable when the write was not answered, and reading was not either or shows that nothing changed.
    """
    try:
        if base is None:
            return await answered(store.create(session, document))
        return await answered(store.write(base, document))
    except (WriteConflict, StoreUnavailable) as failure:
        found = await answered(store.load(session))
        if found is not None and found.document.holder == document.holder:
            return found
        if isinstance(failure, StoreUnavailable) and _version(found) == _version(base):
            # Judging anew would come to the same write: a store that can be read but not written, as on a full disk,
            # would be asked without a pause and without end.
            raise
        return None


def _version(stored: Stored | None) -> Version | None:
    return stored.version if stored else None


async def answered(call: Awaitable[T]) -> T:
    """The answer, or StoreUnavailable once ATTEMPT_MS_MAX has passed without one."""
    try:
        async with asyncio.timeout(ATTEMPT_MS_MAX / 1_000):
            return await call
    except TimeoutError:
        raise StoreUnavailable("the store does not answer") from None
