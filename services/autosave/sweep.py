"""The sweep: once a minute, whatever was left undone by those who died, or was told on a bus that lost it.

Each step reads before it writes and asks for the lease like anyone else, so sweeps may run twice, or at once. What needs
a decision is decided by `upkeep.py`; this file only walks over the sessions, a page at a time.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from services.autosave.draft import read_progress
from services.autosave.upkeep import abandoned_takes, left_alone, needs_upkeep, with_gaps
from shared.deletion import TOMBSTONE_DAYS, bury, remove_remains
from shared.domain.session import SessionState
from shared.domain.values import Holder, SessionId
from shared.errors import DictationError, LeaseLost, Refuse, Retry, StoreUnavailable
from shared.lease import LogWriter, answered, take_upkeep_lease
from shared.observe import get_logger
from shared.ports import Blobs, Clock, Publisher, RecordName, Store, Stored, Subscriber
from shared.publisher import announce, taken

SWEEP_EVERY_MS: Final = 60_000
PAGE: Final = 64

RECENT_MS: Final = 70 * 60_000
"""How far back every sweep looks for sessions whose polish or draft lags: when an outage of an hour is over, what it
left is taken up within minutes."""

THOROUGH_EVERY_MS: Final = 3_600_000
THOROUGH_MS: Final = 48 * 3_600_000
"""How far back one sweep an hour looks: past the day for which a finished session may still miss a take's audio."""

TOMBSTONE_MS: Final = TOMBSTONE_DAYS * 24 * 3_600_000

FAILURES_IN_A_ROW_MAX: Final = 3
"""One session may fail alone; when the store fails for several, the rest would only wait for it one by one."""

log = get_logger("sweep")

PageAfter = Callable[[SessionId | None], Awaitable[list[Stored]]]
Attend = Callable[[Stored], Awaitable[None]]


class Sweep:
    def __init__(
        self, store: Store, bus: Publisher, blobs: Blobs, clock: Clock, draw_holder: Callable[[], Holder]
    ) -> None:
        self._store = store
        self._bus = bus
        self._blobs = blobs
        self._clock = clock
        self._draw_holder = draw_holder
        self._thorough_at_ms: int | None = None

    async def run_once(self) -> None:
        """Over all sessions that may need something. Raises Retry when the store fails; then run it again later."""
        now_ms, started_ms = self._clock.wall_ms(), self._clock.monotonic_ms()
        is_thorough = self._thorough_at_ms is None or started_ms - self._thorough_at_ms >= THOROUGH_EVERY_MS
        since_ms = now_ms - (THOROUGH_MS if is_thorough else RECENT_MS)
        if self._thorough_at_ms is None:
            # The machine may have been off for weeks.
            since_ms = 0

        async def remove(stored: Stored) -> None:
            await self._remove(stored, since_ms, now_ms)

        await _each(lambda after: self._store.unfinished(after, PAGE), self._look_after)
        await _each(lambda after: self._store.touched(since_ms, after, PAGE), self._catch_up)
        await _each(lambda after: self._store.purgeable(now_ms, after, PAGE), remove)
        if is_thorough:
            self._thorough_at_ms = started_ms

    # --- what is done under the lease

    async def _look_after(self, stored: Stored) -> None:
        if not needs_upkeep(stored.document, self._clock.wall_ms()):
            return
        try:
            writer = await take_upkeep_lease(self._store, self._clock, stored.session, self._draw_holder())
            await self._put_in_order(writer)
        except (LeaseLost, Refuse):
            # A recorder came, or it was deleted: somebody looks after it, or nothing is left to look after.
            return

    async def _put_in_order(self, writer: LogWriter) -> None:
        """What is to be done is judged again, now that nobody else changes the session."""
        now_ms = self._clock.wall_ms()
        was = writer.document.state
        while takes := abandoned_takes(writer.document, now_ms):
            document, rows = with_gaps(writer.document, takes)
            await writer.commit(document, rows)
            log.info(
                "audio that no recorder came back with is a gap now", session=writer.session, gaps=len(rows)
            )
        published_through = await self._announce(writer)
        await writer.commit(left_alone(writer.document, published_through, now_ms))
        log.info(
            "a session that nobody held is put in order",
            session=writer.session,
            was=was.value,
            state=writer.document.state.value,
        )
        # The last utterance ends with the recording, and the draft is to be saved at once.
        await self._announce(writer)

    async def _announce(self, writer: LogWriter) -> int:
        """Returns what is published now: no more than before, where the bus does not take it."""
        if writer.document.next_index == 0:
            return 0
        try:
            return await announce(self._bus, writer.stored)
        except Retry:
            return writer.document.published_through

    # --- what lags

    async def _catch_up(self, stored: Stored) -> None:
        """Wake whoever has not come to the end of the log. They decide whether anything is due."""
        await self._look_after(stored)
        session, document = stored.session, stored.document
        if document.state is SessionState.PURGED or document.next_index == 0:
            return
        polish = await answered(self._store.record(session, RecordName.POLISH))
        draft = await answered(self._store.record(session, RecordName.DRAFT))
        cursor, rows = (int(polish.fields[name] or 0) if polish else 0 for name in ("cursor", "rows"))
        progress = read_progress(draft.fields if draft else None, document.log_id)
        upgraded = int(polish.fields.get("upgraded", rows) or 0) if polish else 0
        if cursor < document.next_index or upgraded < rows:
            await taken(self._bus.wake(session, Subscriber.POLISH))
        if progress.through < document.next_index or progress.polished < rows:
            await taken(self._bus.wake(session, Subscriber.AUTOSAVE))

    # --- what is to go

    async def _remove(self, stored: Stored, since_ms: int, now_ms: int) -> None:
        """Bury what is to be deleted; remove what is left of what was, until the tombstone itself may go.

        Tombstones older than `since_ms` are believed: what somebody wrote beside one was written soon after it.
        """
        session, document = stored.session, stored.document
        if document.state is not SessionState.PURGED:
            await bury(self._store, self._clock, session, self._draw_holder())
            log.info("a session's time is over; it is deleted", session=session)
        elif document.heartbeat_at_ms < since_ms and now_ms - document.heartbeat_at_ms < TOMBSTONE_MS:
            return
        removed = await remove_remains(self._store, self._blobs, self._bus, session)
        is_old = document.state is SessionState.PURGED and now_ms - document.heartbeat_at_ms >= TOMBSTONE_MS
        if is_old and removed == 0:
            await answered(self._store.forget(stored))


async def _each(page_after: PageAfter, attend: Attend) -> None:
    """Attend to every session of all pages; one that fails is left to the next sweep."""
    after: SessionId | None = None
    failures = 0
    while page := await answered(page_after(after)):
        for stored in page:
            try:
                await attend(stored)
                failures = 0
            except DictationError as error:
                failures += 1
                log.warning("the sweep could not attend to a session", session=stored.session, exc_info=error)
                if isinstance(error, StoreUnavailable) and failures >= FAILURES_IN_A_ROW_MAX:
                    raise
        after = page[-1].session
