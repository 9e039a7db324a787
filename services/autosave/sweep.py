"""The sweep: once a minute, whatever was left undone by those who died, or was told on a bus that lost it.

Each step reads before it writes and asks for the lease like anyone else, so sweeps may run twice, or at once. What needs
a decision is decided by `upkeep.py`, and how to walk over any number of sessions by `walk.py`.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from services.autosave.draft import read_progress
from services.autosave.upkeep import abandoned_takes, left_alone, needs_upkeep, with_gaps
from services.autosave.walk import Walk
from shared.deletion import TOMBSTONE_DAYS, bury, remove_remains
from shared.domain.session import SessionState
from shared.domain.values import Holder
from shared.errors import DictationError, LeaseLost, Refuse, Retry
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

log = get_logger("sweep")


class Sweep:
    def __init__(
        self, store: Store, bus: Publisher, blobs: Blobs, clock: Clock, draw_holder: Callable[[], Holder]
    ) -> None:
        self._store = store
        self._bus = bus
        self._blobs = blobs
        self._clock = clock
        self._draw_holder = draw_holder
        self._running = asyncio.Lock()
        self._due, self._unfinished, self._recent, self._thorough = (Walk(clock) for _ in range(4))
        # How far back the thorough walk that is under way looks. The first one knows no bound: the machine may have been
        # off for weeks.
        self._thorough_since_ms: int | None = 0
        self._thorough_at_ms = clock.monotonic_ms()

    async def run_once(self) -> None:
        """Over all sessions that may need something, or as many as there is time for: the next sweep goes on from there.

        Asked for while it runs it only waits for the end: a request that is answered may take the processor with it.

        Raises what cut one of its walks short, once the others are done: Retry when the store, the bus or the blobs
        fail; then run it again later.
        """
        is_running = self._running.locked()
        async with self._running:
            if not is_running:
                await self._run()

    async def _run(self) -> None:
        # What is to go comes first, and no walk waits for another to succeed: where drafts cannot be caught up with,
        # what somebody deleted must be gone all the same.
        walks = {
            "due": self._remove_what_is_due,
            "unfinished": self._look_after_unfinished,
            "recent": self._catch_up_with_recent,
            "thorough": self._look_back,
        }
        failures: list[DictationError] = []
        for name, walk in walks.items():
            try:
                await walk(self._clock.wall_ms())
            except DictationError as error:
                log.warning("a walk of the sweep was cut short", walk=name, exc_info=error)
                failures.append(error)
        if failures:
            raise failures[0]

    # --- the walks

    async def _remove_what_is_due(self, now_ms: int) -> None:
        async def attend(stored: Stored) -> None:
            await self._remove(stored, now_ms)

        await self._due.go_on(lambda after: self._store.purgeable(now_ms, after, PAGE), attend)

    async def _look_after_unfinished(self, now_ms: int) -> None:
        await self._unfinished.go_on(lambda after: self._store.unfinished(after, PAGE), self._look_after)

    async def _catch_up_with_recent(self, now_ms: int) -> None:
        since_ms = now_ms - RECENT_MS
        await self._recent.go_on(lambda after: self._store.touched(since_ms, after, PAGE), self._catch_up)

    async def _look_back(self, now_ms: int) -> None:
        started_ms = self._clock.monotonic_ms()
        if self._thorough_since_ms is None:
            if started_ms - self._thorough_at_ms < THOROUGH_EVERY_MS:
                return
            self._thorough_since_ms = now_ms - THOROUGH_MS
        since_ms = self._thorough_since_ms

        async def attend(stored: Stored) -> None:
            if stored.document.heartbeat_at_ms >= now_ms - RECENT_MS:
                # The walks before this one attend to it.
                return
            if stored.document.state is SessionState.PURGED:
                await remove_remains(self._store, self._blobs, self._bus, stored.session)
            else:
                await self._catch_up(stored)

        if await self._thorough.go_on(lambda after: self._store.touched(since_ms, after, PAGE), attend):
            self._thorough_since_ms, self._thorough_at_ms = None, started_ms

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

    async def _remove(self, stored: Stored, now_ms: int) -> None:
        """Bury what is to be deleted; remove what is left of what was, until the tombstone itself may go.

        Tombstones that are not recent are believed here: what somebody wrote beside one was written soon after it.
        """
        session, document = stored.session, stored.document
        if document.state is not SessionState.PURGED:
            await bury(self._store, self._clock, session, self._draw_holder())
            log.info("a session's time is over; it is deleted", session=session)
        elif RECENT_MS < now_ms - document.heartbeat_at_ms < TOMBSTONE_MS:
            return
        removed = await remove_remains(self._store, self._blobs, self._bus, session)
        is_old = document.state is SessionState.PURGED and now_ms - document.heartbeat_at_ms >= TOMBSTONE_MS
        if is_old and removed == 0:
            await answered(self._store.forget(stored))
