"""Stage 12 of 13. The logs after a recorder's cursors, as messages: from the log, never from a queue that could grow."""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET

from shared.domain.entries import Gap, Logged, Polished
from shared.domain.session import SessionDocument
from shared.domain.values import SessionId
from shared.ports import Store
from shared.sealing import SessionKey, open_entry, open_polished
from shared.wire.messages import Cursors, EntrySent, PolishedSent

PAGE: Final = 64


def entry_message(logged: Logged) -> EntrySent:
    entry = logged.entry
    span = entry.span
    if isinstance(entry, Gap):
        return EntrySent(
            logged.index, entry.take, span.start, span.until, cause=entry.cause, wall_ms=entry.wall_ms
        )
    return EntrySent(
        logged.index,
        entry.take,
        span.start,
        span.until,
        text=entry.text,
        confidence=UNSET if entry.confidence is None else entry.confidence,
        utterance_end=entry.utterance_end,
    )


def polished_message(polished: Polished) -> PolishedSent:
    return PolishedSent(polished.index, polished.first, polished.last, polished.text, list(polished.flags))


class Follower:
    """One recorder's places in the log and the polished log."""

    def __init__(self, store: Store, key: SessionKey, session: SessionId, cursors: Cursors) -> None:
        self.next_entry = cursors.entries
        self.next_polished = cursors.polished
        self._store = store
        self._key = key
        self._session = session

    async def entries(self, recent: Iterable[Logged], until: int) -> list[EntrySent]:
        """The next page of entries below index `until`; without a read where `recent` holds them."""
        page = [logged for logged in recent if self.next_entry <= logged.index < until]
        if not page or page[0].index != self.next_entry:
            limit = min(PAGE, until - self.next_entry)
            rows = await self._store.entries(self._session, self.next_entry, limit)
            page = [open_entry(self._key, row) for row in rows]
        self.next_entry += len(page)
        return [entry_message(logged) for logged in page]

    async def polished(self) -> list[PolishedSent]:
        """The next page of polished entries; empty when there are no more yet."""
        rows = await self._store.polished(self._session, self.next_polished, PAGE)
        self.next_polished += len(rows)
        return [polished_message(open_polished(self._key, row)) for row in rows]


def resumable(cursors: Cursors, log_id: str | None, document: SessionDocument) -> Cursors:
    """The cursors to follow from: the recorder's, unless its log is another one, or it is ahead of this one.

    A session restored from a backup reaches the same indexes again with other words; a reader that went on from its
    old cursor would show words that the log does not hold.
    """
    same_log = log_id == document.log_id
    return cursors if same_log and cursors.entries <= document.next_index else Cursors()
