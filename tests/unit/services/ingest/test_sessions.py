"""What an owner may do with sessions: read, name, finish; and what stays out of reach of anybody else."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.ingest.sessions import (
    EXPORT_ENTRIES_MAX,
    LABEL,
    LABEL_TRIES_MAX,
    LOG_PAGE,
    RecorderConnected,
)
from services.ingest.sign_in import LOCAL_PRINCIPAL
from shared.domain.entries import Gap, GapCause, Segment
from shared.domain.session import STALE_AFTER_MS, SessionDocument, SessionState
from shared.domain.values import NOBODY, Holder, SessionId
from shared.errors import (
    Broken,
    NotFound,
    NotYours,
    SessionDeleted,
    StoreUnavailable,
    TooMany,
)
from shared.ports import PolishedRow, RecordFields, RecordName, Subscriber, Version
from shared.wire.messages import Cursors
from tests.doubles.faulty_store import REPLY_LOST
from tests.doubles.memory import MemoryStore
from tests.unit.services.ingest.web import OTHER_SESSION, SESSION, SOMEBODY_ELSE, Web, gap, segment, take

ME = LOCAL_PRINCIPAL


def held(document: SessionDocument) -> SessionDocument:
    return replace(document, state=SessionState.RECORDING, holder=Holder("a recorder"), finished_at_ms=None)


def interrupted(document: SessionDocument) -> SessionDocument:
    return replace(document, state=SessionState.INTERRUPTED, finished_at_ms=None, published_through=0)


@pytest.fixture
def web() -> Web:
    return Web()


# --- who may


async def test_another_persons_session_is_refused_whatever_is_asked(web: Web) -> None:
    await web.record([segment("x", 0, 1)], owner=SOMEBODY_ELSE)
    for ask in (
        web.sessions.may_have_ticket(ME, SESSION),
        web.sessions.summary(ME, SESSION),
        web.sessions.log(ME, SESSION, Cursors()),
        web.sessions.note(ME, SESSION),
        web.sessions.set_label(ME, SESSION, "mine"),
        web.sessions.finish(ME, SESSION),
    ):
        with pytest.raises(NotYours):
            await ask
    assert await web.sessions.owned(ME, None, 10) == []


async def test_one_that_is_not_there_is_not_found_but_may_have_a_ticket(web: Web) -> None:
    await web.sessions.may_have_ticket(ME, SESSION)
    for ask in (
        web.sessions.summary(ME, SESSION),
        web.sessions.log(ME, SESSION, Cursors()),
        web.sessions.note(ME, SESSION),
        web.sessions.set_label(ME, SESSION, "mine"),
        web.sessions.finish(ME, SESSION),
    ):
        with pytest.raises(NotFound):
            await ask


# --- reading


async def test_a_summary_adds_up_all_takes(web: Web) -> None:
    await web.record(takes=[take(1, covered_s=60, captured_s=62), take(2, covered_s=5)])
    await web.sessions.set_label(ME, SESSION, "Made Up")
    told = await web.sessions.summary(ME, SESSION)
    assert (told.id, told.label, told.state, told.takes) == (SESSION, "Made Up", SessionState.FINISHED, 2)
    assert (told.covered_ms, told.undelivered_ms) == (65_000, 2_000)


async def test_the_list_is_newest_first_and_goes_on_before_the_last_seen(web: Web) -> None:
    ids = [SessionId(f"{number:08d}-0000-4000-8000-000000000000") for number in range(3)]
    for session in ids:
        await web.record(session=session)
        web.clock.advance(1_000)
    first = await web.sessions.owned(ME, None, 2)
    assert [each.id for each in first] == [ids[2], ids[1]]
    rest = await web.sessions.owned(ME, first[-1].created_at_ms, 2)
    assert [each.id for each in rest] == [ids[0]]


async def test_a_page_never_ends_between_two_sessions_of_one_millisecond(web: Web) -> None:
    await web.record()
    await web.record(session=OTHER_SESSION)
    assert len(await web.sessions.owned(ME, None, 1)) == 2


async def test_the_log_is_read_from_the_cursors_a_page_at_a_time(web: Web) -> None:
    await web.record([segment(str(number), number, number + 1) for number in range(LOG_PAGE + 2)])
    await web.polish((0, 1, "One."), (2, 3, "Two."))
    page = await web.sessions.log(ME, SESSION, Cursors(entries=1, polished=1))
    assert [each.index for each in page.entries] == list(range(1, LOG_PAGE + 1))
    assert [each.text for each in page.polished] == ["Two."]
    rest = await web.sessions.log(ME, SESSION, Cursors(entries=LOG_PAGE + 1, polished=2))
    assert ([each.index for each in rest.entries], rest.polished) == ([LOG_PAGE + 1], [])
    assert rest.log_id == page.log_id


async def test_a_cursor_past_the_log_starts_it_over(web: Web) -> None:
    await web.record([segment("x", 0, 1)])
    page = await web.sessions.log(ME, SESSION, Cursors(entries=7, polished=9))
    assert [each.index for each in page.entries] == [0]


async def test_a_note_holds_all_pages_as_of_its_document(web: Web) -> None:
    count = 2 * LOG_PAGE + 3
    await web.record([segment(str(number), number, number + 1) for number in range(count)])
    await web.polish(
        *((number, number, str(number)) for number in range(LOG_PAGE + 1)), (count, count, "later")
    )
    note = await web.sessions.note(ME, SESSION)
    assert [each.index for each in note.entries] == list(range(count))
    assert len(note.polished) == LOG_PAGE + 1
    assert all(isinstance(each.entry, Segment) and not each.entry.words for each in note.entries)


async def test_a_note_keeps_gaps(web: Web) -> None:
    await web.record([gap(GapCause.ABANDONED, 0, 1)])
    (only,) = (await web.sessions.note(ME, SESSION)).entries
    assert isinstance(only.entry, Gap)


async def test_a_session_too_long_for_one_file_is_refused_before_it_is_read(web: Web) -> None:
    await web.record(change=lambda document: replace(document, next_index=EXPORT_ENTRIES_MAX + 1))
    with pytest.raises(TooMany, match="page by page"):
        await web.sessions.note(ME, SESSION)


async def test_a_log_that_ends_too_early_is_our_mistake_and_not_a_shorter_note(web: Web) -> None:
    await web.record([segment("x", 0, 1)], change=lambda document: replace(document, next_index=2))
    with pytest.raises(Broken):
        await web.sessions.note(ME, SESSION)


# --- the label


async def test_a_label_can_be_changed_and_taken_away(web: Web) -> None:
    await web.record()
    for label in ("Made Up", "Ünïcödé \U0001f469\u200d\u2695\ufe0f", ""):
        await web.sessions.set_label(ME, SESSION, label)
        assert (await web.sessions.summary(ME, SESSION)).label == label


async def test_a_label_is_stored_sealed(web: Web) -> None:
    await web.record()
    await web.sessions.set_label(ME, SESSION, "Made Up")
    about = await web.memory.record(SESSION, RecordName.ABOUT)
    assert about is not None
    assert b"Made Up" not in bytes(str(about.fields[LABEL]), "utf-8")


class MeddledStore(MemoryStore):
    """Somebody else does something just before each record is written, `times` times."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    async def meddle(self) -> None:
        about = await self.record(SESSION, RecordName.ABOUT)
        await super().write_record(SESSION, RecordName.ABOUT, {}, about.version if about else None)

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        if self.times:
            self.times -= 1
            await self.meddle()
        return await super().write_record(session, name, fields, base, polished)


async def test_a_label_written_at_the_same_time_as_another_wins_in_the_end() -> None:
    store = MeddledStore()
    web = Web(memory=store)
    await web.record()
    store.times = LABEL_TRIES_MAX - 1
    await web.sessions.set_label(ME, SESSION, "Made Up")
    assert (await web.sessions.summary(ME, SESSION)).label == "Made Up"


async def test_but_it_is_not_tried_for_ever() -> None:
    store = MeddledStore()
    web = Web(memory=store)
    await web.record()
    store.times = LABEL_TRIES_MAX
    with pytest.raises(StoreUnavailable, match="try again"):
        await web.sessions.set_label(ME, SESSION, "Made Up")


class DeletedWhileLabelled(MeddledStore):
    async def meddle(self) -> None:
        stored = await self.load(SESSION)
        assert stored is not None
        await self.write(stored, stored.document.tombstone(Holder("the deleter"), 1))
        await self.erase(SESSION)


async def test_a_label_does_not_outlive_a_deletion() -> None:
    store = DeletedWhileLabelled()
    web = Web(memory=store)
    await web.record()
    store.times = 1
    with pytest.raises(SessionDeleted):
        await web.sessions.set_label(ME, SESSION, "Made Up")
    assert await store.record(SESSION, RecordName.ABOUT) is None


# --- finish


async def test_an_interrupted_session_is_finished_and_announced(web: Web) -> None:
    await web.record([segment("x", 0, 1)], takes=[take(1, covered_s=1, captured_s=3)], change=interrupted)
    told = await web.sessions.finish(ME, SESSION)
    assert (told.state, told.undelivered_ms) == (SessionState.FINISHED, 2_000)
    stored = await web.memory.load(SESSION)
    assert stored is not None
    assert stored.document.holder == NOBODY
    assert stored.document.finished_at_ms == web.clock.wall_ms()
    assert stored.document.published_through == 1
    for subscriber in Subscriber:
        assert await web.bus.take(subscriber, 1_000) is not None


async def test_finishing_twice_changes_nothing(web: Web) -> None:
    await web.record()
    before = await web.memory.load(SESSION)
    assert (await web.sessions.finish(ME, SESSION)).state is SessionState.FINISHED
    assert await web.memory.load(SESSION) == before


async def test_a_session_that_a_recorder_holds_is_not_finished_until_it_is_stale(web: Web) -> None:
    await web.record(change=held)
    with pytest.raises(RecorderConnected, match="recorder is connected"):
        await web.sessions.finish(ME, SESSION)
    web.clock.advance(STALE_AFTER_MS)
    assert (await web.sessions.finish(ME, SESSION)).state is SessionState.FINISHED


async def test_a_finish_whose_reply_was_lost_is_done_once(web: Web) -> None:
    await web.record(change=interrupted)
    web.store.next_writes(REPLY_LOST, REPLY_LOST)
    told = asyncio.create_task(web.sessions.finish(ME, SESSION))
    while not told.done():
        web.clock.advance(50)
        await asyncio.sleep(0)
    assert told.result().state is SessionState.FINISHED


async def test_a_bus_that_takes_nothing_delays_no_finish() -> None:
    web = Web()
    web.bus.refuses = True
    await web.record([segment("x", 0, 1)], change=interrupted)
    await web.sessions.finish(ME, SESSION)
    stored = await web.memory.load(SESSION)
    assert stored is not None
    assert stored.document.published_through == 0
