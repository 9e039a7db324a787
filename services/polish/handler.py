"""Stage 10 of 13. Utterances of the log go in; their polished text comes out, in a log of its own, each once.

A wake-up says only that a session has changed. What is to be polished follows from the log and polish's own cursor, and
rows and cursor are written together under the version of the record that the cursor was read from. So a wake-up that is
repeated, late, or handled twice at once does no harm: of two writers one fails, and reads again.

A text that only stands in for a better one is flagged so, and a second cursor, `upgraded`, walks the polished log behind
the first: once nothing new is left, each such text is polished again into a later row for the same entries. One that fails
again, perhaps because of its words, gets a later row too: it waits behind the others instead of before them.

A backlog may take longer than a wake-up may. So a handling that has written, and has gone on for long enough, wakes polish
again and is done: given up half-way it would count as failed, and ten such make a dead letter of a healthy session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.polish.polishers.base import UPGRADE_DUE, Answer, Polisher
from services.polish.turns import Turns
from shared.domain.entries import Logged, Polished
from shared.domain.session import SessionDocument, SessionState
from shared.domain.utterances import Utterance, complete_utterances
from shared.domain.values import NOBODY, SessionId
from shared.errors import Retry, WriteConflict
from shared.keys import Keys
from shared.lease import answered
from shared.ports import (
    Clock,
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
from shared.publisher import taken
from shared.sealing import SessionKey, open_config, open_entry, open_polished, seal_polished
from shared.subscriber import HANDLE_MS_MAX

PAGE: Final = 512
"""Entries held at once. An utterance lasts 60 s at most; one of more entries than this is cut here."""

UTTERANCES_PER_WRITE_MAX: Final = 8
"""Work that a crash repeats, and writes in one request."""

BUDGET_MS: Final = 20_000
"""After so long a handling ends with what it is writing; the wake-up that it sends brings the next."""

LAST_MS: Final = 8_000
"""What may come after that: one more utterance, at a vendor's longest deadline, its reads and its write."""
# A wake-up may wait for one handling before its own begins.
assert 2 * (BUDGET_MS + LAST_MS) < HANDLE_MS_MAX

UPGRADES_MAX: Final = 8
"""Texts polished again for one wake-up; the sweep wakes for the others."""

TRIES_MAX: Final = 8
"""How often a text is polished again that may itself be why it failed; from then on what stands in for it stands."""

TRIED: Final = "upgrade_tried_"
"""The flag, with their number, of a text that waits for more such tries."""

CONTEXT_ROWS: Final = 4
"""Rows looked at for what was said just before."""


@dataclass(frozen=True, slots=True)
class _Place:
    """How far polish has come: everything before entry `cursor` is polished, in `rows` rows.

    Of the rows before `upgraded` none waits to be polished again.
    """

    cursor: int
    rows: int
    upgraded: int
    version: Version | None


@dataclass(slots=True)
class _Work:
    """What one handling has come to."""

    until_ms: int
    has_written: bool = False
    """Also if somebody else wrote first: either way the session is further than it was."""
    has_texts: bool = False


class PolishHandler:
    def __init__(
        self, store: Store, bus: Publisher, kek: KeyEncryption, polisher: Polisher, clock: Clock
    ) -> None:
        self._store = store
        self._bus = bus
        self._keys = Keys(kek)
        self._polisher = polisher
        self._clock = clock
        self._turns = Turns(self._handle)

    async def handle(self, session: SessionId) -> None:
        """Polish every utterance that was complete when this was called, or have the bus bring it here again for the
        rest. Calls beside one another share the work.

        Raises:
            Retry: store, bus or polisher failed; what is written stays, and the next call goes on from there.
            Refuse, Broken: this session cannot be polished by trying again.
        """
        await self._turns.take(session)

    async def _handle(self, session: SessionId) -> None:
        work = _Work(self._clock.monotonic_ms() + BUDGET_MS)
        stored = await self._polish_new(session, work)
        if stored is not None and not self._is_enough(work):
            stored = await self._upgrade(session, work)
        if stored is None:
            return
        if work.has_texts and not _goes_on(stored.document):
            await self._wake_autosave(session)
        if self._is_enough(work):
            await taken(self._bus.wake(session, Subscriber.POLISH))

    def _is_enough(self, work: _Work) -> bool:
        """Never before something is written: what makes no progress must fail, and not come again for ever."""
        return work.has_written and self._clock.monotonic_ms() >= work.until_ms

    async def _polish_new(self, session: SessionId, work: _Work) -> Stored | None:
        """Polish what is new, until that is enough; the session as it was then, or None if it is gone."""
        while (stored := await self._alive(session)) is not None and not self._is_enough(work):
            place = await self._place(session)
            rows = await self._page(stored, place)
            if not rows:
                break
            key = await self._keys.of(stored)
            utterances = _complete([open_entry(key, row) for row in rows], stored.document)
            if not utterances:
                break
            await self._write(stored, place, utterances[:UTTERANCES_PER_WRITE_MAX], work)
        return stored

    async def _alive(self, session: SessionId) -> Stored | None:
        """The session, or None if there is none, or it was deleted; then nothing of it is left either.

        Looked at before and after every write: one that overlapped the deletion must not outlive it.
        """
        stored = await answered(self._store.load(session))
        if stored is None or stored.document.state is not SessionState.PURGED:
            return stored
        # Not `answered`, whose limit is one call's: a long session takes a call for each page of its logs.
        await self._store.erase(session)
        return None

    async def _place(self, session: SessionId) -> _Place:
        record = await answered(self._store.record(session, RecordName.POLISH))
        if record is None:
            return _Place(0, 0, 0, None)
        rows = int(record.fields["rows"] or 0)
        upgraded = int(record.fields.get("upgraded", rows) or 0)
        return _Place(int(record.fields["cursor"] or 0), rows, upgraded, record.version)

    async def _page(self, stored: Stored, place: _Place) -> list[EntryRow]:
        if place.cursor >= stored.document.next_index:
            return []
        rows = await answered(self._store.entries(stored.session, place.cursor, PAGE))
        # What came after the document was read belongs to a later state of it: an interrupted session may be
        # recording again, and its next utterance must not end here.
        return [row for row in rows if row.index < stored.document.next_index]

    async def _write(
        self, stored: Stored, place: _Place, utterances: Sequence[Utterance], work: _Work
    ) -> None:
        """Polish and store as many as there is time for, and the first one in any case."""
        key = await self._keys.of(stored)
        config = open_config(key, stored.document.config)
        before = await self._before(stored.session, key, place.rows, utterances[0].first)
        rows: list[PolishedRow] = []
        cursor, upgraded = place.cursor, place.upgraded
        for utterance in utterances:
            if cursor > place.cursor and self._clock.monotonic_ms() >= work.until_ms:
                break
            # Gaps are shown from the log, where they happened; polished text is of words only.
            if utterance.segments:
                answer = await self._polisher.polish(_raw(utterance), config, before)
                index = place.rows + len(rows)
                rows.append(
                    seal_polished(key, self._polished(index, utterance.first, utterance.last, answer))
                )
                before = [*before, answer.text][-CONTEXT_ROWS:]
                if upgraded == index and UPGRADE_DUE not in answer.flags:
                    upgraded += 1
            cursor = utterance.last + 1
        await self._put(
            stored.session, _Place(cursor, place.rows + len(rows), upgraded, place.version), rows, work
        )

    async def _put(self, session: SessionId, place: _Place, rows: Sequence[PolishedRow], work: _Work) -> None:
        """Nothing of it is stored if somebody else wrote since `place.version`."""
        fields = {"cursor": place.cursor, "rows": place.rows, "upgraded": place.upgraded}
        try:
            await answered(self._store.write_record(session, RecordName.POLISH, fields, place.version, rows))
        except WriteConflict:
            pass
        else:
            work.has_texts |= bool(rows)
        work.has_written = True

    async def _before(self, session: SessionId, key: SessionKey, rows: int, first: int) -> list[str]:
        """What was polished just before row `rows`, of what was said before entry `first`."""
        start = max(0, rows - CONTEXT_ROWS)
        found = await answered(self._store.polished(session, start, rows - start)) if rows else []
        opened = [open_polished(key, row) for row in found if row.last < first]
        return [each.text for each in sorted(opened, key=lambda each: each.first) if each.text]

    def _polished(self, index: int, first: int, last: int, answer: Answer) -> Polished:
        author = answer.author or self._polisher
        return Polished(index, first, last, answer.text, author.model, author.prompt_version, answer.flags)

    # --- polishing again

    async def _upgrade(self, session: SessionId, work: _Work) -> Stored | None:
        """Polish again what is due, in order, until the polisher cannot, or that is enough; as `_polish_new`."""
        end: int | None = None
        upgrades = 0
        while (stored := await self._alive(session)) is not None:
            if upgrades == UPGRADES_MAX or self._is_enough(work):
                break
            place = await self._place(session)
            # Whatever is put behind the others here has had its try for this wake-up.
            end = place.rows if end is None else end
            count = min(PAGE, end - place.upgraded)
            page = await answered(self._store.polished(session, place.upgraded, count)) if count > 0 else []
            if not page:
                break
            due = next((row for row in page if UPGRADE_DUE in row.flags), None)
            passed = due.index if due else page[-1].index + 1
            rows = [] if due is None else await self._again(stored, replace(place, upgraded=passed), due)
            if rows is None:
                break
            moved = replace(place, rows=place.rows + len(rows), upgraded=passed + len(rows))
            await self._put(session, moved, rows, work)
            upgrades += 1
        return stored

    async def _again(self, stored: Stored, place: _Place, due: PolishedRow) -> list[PolishedRow] | None:
        """The row in the place of `due`, due again if it may be why that failed; None while the polisher cannot."""
        key = await self._keys.of(stored)
        count = due.last + 1 - due.first
        entries = await answered(self._store.entries(stored.session, due.first, count))
        utterances = complete_utterances([open_entry(key, row) for row in entries], recording=False)
        raw = " ".join(_raw(utterance) for utterance in utterances if utterance.segments)
        before = await self._before(stored.session, key, due.index, due.first)
        answer = await self._polisher.polish(raw, open_config(key, stored.document.config), before)
        if UPGRADE_DUE in answer.flags:
            if not answer.may_be_of_the_words:
                return None
            answer = replace(answer, flags=_after_try(answer.flags, _tries(due.flags) + 1))
        return [seal_polished(key, self._polished(place.rows, due.first, due.last, answer))]

    async def _wake_autosave(self, session: SessionId) -> None:
        """Nobody speaks any more, so nothing else would bring this text into the draft before the sweep does."""
        try:
            await taken(self._bus.wake(session, Subscriber.AUTOSAVE))
        except Retry:
            pass


def _raw(utterance: Utterance) -> str:
    return " ".join(segment.text.strip() for segment in utterance.segments)


def _tries(flags: Sequence[str]) -> int:
    return max((int(flag.removeprefix(TRIED)) for flag in flags if flag.startswith(TRIED)), default=0)


def _after_try(flags: tuple[str, ...], tries: int) -> tuple[str, ...]:
    if tries >= TRIES_MAX:
        return tuple(flag for flag in flags if flag != UPGRADE_DUE)
    return (*flags, f"{TRIED}{tries}")


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
