"""Stage 10 of 13. Utterances of the log go in; their polished text comes out, in a log of its own, each once.

A wake-up says only that a session has changed. What is to be polished follows from the log and polish's own cursor, and
rows and cursor are written together under the version of the record that the cursor was read from. So a wake-up that is
repeated, late, or handled twice at once does no harm: of two writers one fails, and reads again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.polish.polishers.base import Polisher
from shared.domain.entries import Logged, Polished
from shared.domain.session import SessionConfig, SessionDocument, SessionState
from shared.domain.utterances import Utterance, complete_utterances
from shared.domain.values import NOBODY, SessionId
from shared.errors import Retry, WriteConflict
from shared.lease import answered
from shared.ports import (
    EntryRow,
    KeyEncryption,
    PolishedRow,
    Publisher,
    RecordName,
    Store,
    Stored,
    Subscriber,
    Version,
)
from shared.sealing import SessionKey, open_config, open_entry, seal_polished, unwrap_key

PAGE: Final = 512
"""Entries held at once. An utterance lasts 60 s at most; one of more entries than this is cut here."""

UTTERANCES_PER_WRITE_MAX: Final = 16
"""Work that a crash repeats, and writes in one request."""


@dataclass(frozen=True, slots=True)
class _Place:
    """How far polish has come: everything before entry `cursor` is polished, in `rows` rows."""

    cursor: int
    rows: int
    version: Version | None


class PolishHandler:
    def __init__(self, store: Store, bus: Publisher, kek: KeyEncryption, polisher: Polisher) -> None:
        self._store = store
        self._bus = bus
        self._kek = kek
        self._polisher = polisher

    async def handle(self, session: SessionId) -> None:
        """Polish every utterance that is complete.

        Raises:
            Retry: store, bus or polisher failed; what is written stays, and the next call goes on from there.
            Refuse, Broken: this session cannot be polished by trying again.
        """
        polished_any = False
        while (stored := await self._alive(session)) is not None:
            place = await self._place(session)
            rows = await self._page(stored, place)
            if not rows:
                break
            key = await unwrap_key(self._kek, session, stored.document.wrapped_key)
            utterances = _complete([open_entry(key, row) for row in rows], stored.document)
            if not utterances:
                break
            polished_any |= await self._write(stored, key, place, utterances[:UTTERANCES_PER_WRITE_MAX])
        if polished_any and stored is not None and not _goes_on(stored.document):
            await self._wake_autosave(session)

    async def _alive(self, session: SessionId) -> Stored | None:
        """The session, or None if there is none, or it was deleted; then nothing of it is left either.

        Looked at before and after every write: one that overlapped the deletion must not outlive it.
        """
        stored = await answered(self._store.load(session))
        if stored is None or stored.document.state is not SessionState.PURGED:
            return stored
        await answered(self._store.erase(session))
        return None

    async def _place(self, session: SessionId) -> _Place:
        record = await answered(self._store.record(session, RecordName.POLISH))
        if record is None:
            return _Place(0, 0, None)
        return _Place(int(record.fields["cursor"] or 0), int(record.fields["rows"] or 0), record.version)

    async def _page(self, stored: Stored, place: _Place) -> list[EntryRow]:
        if place.cursor >= stored.document.next_index:
            return []
        rows = await answered(self._store.entries(stored.session, place.cursor, PAGE))
        # What came after the document was read belongs to a later state of it: an interrupted session may be
        # recording again, and its next utterance must not end here.
        return [row for row in rows if row.index < stored.document.next_index]

    async def _write(
        self, stored: Stored, key: SessionKey, place: _Place, utterances: Sequence[Utterance]
    ) -> bool:
        """Polish and store; False if somebody else wrote first, or there are no words among them."""
        config = open_config(key, stored.document.config)
        rows: list[PolishedRow] = []
        for utterance in utterances:
            # Gaps are shown from the log, where they happened; polished text is of words only.
            if utterance.segments:
                polished = await self._polish(place.rows + len(rows), utterance, config)
                rows.append(seal_polished(key, polished))
        fields = {"cursor": utterances[-1].last + 1, "rows": place.rows + len(rows)}
        try:
            await answered(
                self._store.write_record(stored.session, RecordName.POLISH, fields, place.version, rows)
            )
        except WriteConflict:
            return False
        return bool(rows)

    async def _polish(self, index: int, utterance: Utterance, config: SessionConfig) -> Polished:
        raw = " ".join(segment.text.strip() for segment in utterance.segments)
        answer = await self._polisher.polish(raw, config)
        return Polished(
            index,
            utterance.first,
            utterance.last,
            answer.text,
            self._polisher.model,
            self._polisher.prompt_version,
            answer.flags,
        )

    async def _wake_autosave(self, session: SessionId) -> None:
        """Nobody speaks any more, so nothing else would bring this text into the draft before the sweep does."""
        try:
            await answered(self._bus.wake(session, Subscriber.AUTOSAVE))
        except Retry:
            pass


def _complete(log: list[Logged], document: SessionDocument) -> list[Utterance]:
    is_end = not log or log[-1].index + 1 >= document.next_index
    utterances = complete_utterances(log, recording=_goes_on(document) or not is_end)
    if not utterances and len(log) == PAGE:
        return complete_utterances(log, recording=False)
    return utterances


def _goes_on(document: SessionDocument) -> bool:
    """Whether the last utterance may go on: somebody speaks, or what was said before the finish is still coming."""
    if document.state is SessionState.FINISHING:
        return document.holder != NOBODY
    return document.state is SessionState.RECORDING
