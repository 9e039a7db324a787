"""What a recorder is told after `welcome`: log records, progress, hints, notices, the draft's state, and the end."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from msgspec import UNSET

from services.ingest.connection import WINDOW_CATCHING_UP, WINDOW_LIVE, Connection
from services.ingest.engines.base import Hint, Trouble
from services.ingest.follow import Follower
from services.ingest.recording import Recording
from shared.domain.entries import Logged
from shared.domain.session import SessionDocument
from shared.domain.values import SessionId, samples
from shared.lease import answered
from shared.ports import RecordName, Store
from shared.wire.messages import Draft, HintSent, Notice, ServerMessage

STORING_SLOWLY_MS: Final = 3_000
CATCHING_UP_BACKLOG: Final = samples(15)

STORAGE_SLOW: Final = Notice(
    "storage", "Saving is delayed. Your audio is kept on this device until it is saved.", safe=True
)
ENGINE_BEHIND: Final = Notice(
    "degraded",
    "Speech recognition is slower than you speak. Your audio is kept; the text follows.",
    safe=True,
)
RECONNECTING: Final = Notice(
    "degraded",
    "Speech recognition is interrupted and is being reconnected. Your audio is kept; the text follows.",
    safe=True,
)
FAILING_OVER: Final = Notice(
    "failing_over",
    "Speech recognition failed; another recogniser takes over. Your audio is kept; the text follows.",
    safe=True,
)
CATCHING_UP: Final = Notice(
    "catching_up",
    "What you said while the connection was lost is being written now. Your audio is kept; the text follows.",
    safe=True,
)
UNHEARD: Final = Notice(
    "degraded",
    "No words came of what you said; it is being heard once more. Your audio is kept; the text follows.",
    safe=True,
)
TROUBLES: Final = {
    Trouble.RECONNECTING: RECONNECTING,
    Trouble.FAILING_OVER: FAILING_OVER,
    Trouble.UNHEARD: UNHEARD,
}
MOVING: Final = Notice("moving", "The connection moves to another server. Nothing is lost.", safe=True)


class Window:
    """Credit beyond covered: wider while a recorder that returned delivers what it kept during an outage.

    Decided as it is welcomed: a backlog that grows under a silent engine must stop the sender, not admit more.
    """

    def __init__(self, undelivered: int) -> None:
        self.samples = WINDOW_CATCHING_UP if undelivered > CATCHING_UP_BACKLOG else WINDOW_LIVE

    def progressed(self, undelivered: int) -> int:
        if undelivered <= CATCHING_UP_BACKLOG:
            self.samples = WINDOW_LIVE
        return self.samples


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Between who has something to say and who sends it."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """The connection has something to send; the sender clears it."""
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    """Everything was sent; who waits for room clears it."""


class Teller:
    """Keeps one recorder up to date, never faster than it reads: records wait in the log, not in a queue."""

    def __init__(
        self, connection: Connection, outgoing: Outgoing, follower: Follower, store: Store, session: SessionId
    ) -> None:
        self._connection = connection
        self._outgoing = outgoing
        self._follower = follower
        self._store = store
        self._session = session
        self._draft = Draft("pending", 0)
        self._told: Draft | None = None
        self._polished_through = 0
        self._noticed: Notice | None = None

    async def entries(self, recent: Iterable[Logged], until: int) -> None:
        """Every entry below index `until`."""
        while self._follower.next_entry < until:
            await self._say(await self._follower.entries(recent, until))

    async def progress(self, recording: Recording, window: Window) -> None:
        """Entries first, then the place they reach: an ack's `covered` never passes an entry not yet sent."""
        document = recording.document
        place = document.take_numbered(recording.take)
        await self._notice(recording, window)
        await self.entries(recording.recent, document.next_index)
        credit = window.progressed(place.undelivered)
        self._connection.progress(place.covered, place.gaps_through, credit)
        self._connection.hint(_hint_message(recording.take, recording.hint))
        await self._tell_draft(document)
        self._outgoing.ready.set()

    async def records(self, document: SessionDocument) -> None:
        """Polished text after the cursor, and the draft's state if it changed."""
        record = await answered(self._store.record(self._session, RecordName.POLISH))
        while page := await self._follower.polished():
            await self._say(page)
        if record is not None:
            self._polished_through = int(record.fields["cursor"] or 0)
        self._draft = await self._read_draft()
        await self._tell_draft(document)

    def note_is_done(self, document: SessionDocument) -> bool:
        """Whether polish and draft hold all of a finished session, so that nothing more is to be told."""
        saved = _draft_of(self._draft, document).state == "saved"
        return document.next_index == 0 or (saved and self._polished_through >= document.next_index)

    async def _read_draft(self) -> Draft:
        record = await answered(self._store.record(self._session, RecordName.DRAFT))
        if record is None:
            return Draft("pending", 0)
        saved_at_ms = record.fields["saved_at_ms"]
        return Draft(
            cast(Literal["saved", "pending", "failed"], record.fields["state"]),
            int(record.fields["through"] or 0),
            UNSET if saved_at_ms is None else int(saved_at_ms),
        )

    async def _tell_draft(self, document: SessionDocument) -> None:
        draft = _draft_of(self._draft, document)
        if document.next_index and draft != self._told:
            self._told = draft
            await self._say([draft])

    async def _notice(self, recording: Recording, window: Window) -> None:
        notice: Notice | None = None
        if recording.storing_for_ms() > STORING_SLOWLY_MS:
            notice = STORAGE_SLOW
        elif recording.trouble is not None:
            notice = TROUBLES[recording.trouble]
        elif window.samples == WINDOW_CATCHING_UP:
            notice = CATCHING_UP
        elif recording.is_behind:
            notice = ENGINE_BEHIND
        if notice is not None and notice != self._noticed:
            await self._say([notice])
        self._noticed = notice

    async def _say(self, messages: Iterable[ServerMessage]) -> None:
        while not self._connection.has_room:
            self._outgoing.sent.clear()
            await self._outgoing.sent.wait()
        for message in messages:
            self._connection.send(message)
        self._outgoing.ready.set()


def _draft_of(saved: Draft, document: SessionDocument) -> Draft:
    """The draft's state now: what was saved is pending again as soon as the log has grown past it."""
    outgrown = saved.state == "saved" and saved.through < document.next_index
    return Draft("pending", saved.through, saved.saved_at_ms) if outgrown else saved


def _hint_message(take: int, hint: Hint | None) -> HintSent | None:
    return None if hint is None else HintSent(take, hint.span.start, hint.span.until, hint.text)
