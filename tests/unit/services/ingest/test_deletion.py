"""Deleting a session over the API: what goes, what stays, and what a failure half-way leaves to do."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from services.ingest.sessions import REMOVALS_MAX
from services.ingest.sign_in import LOCAL_PRINCIPAL
from shared.domain.session import SessionState
from shared.domain.values import Holder, LogId, SessionId
from shared.errors import BlobsUnavailable, LeaseLost, NotFound, NotYours, SessionDeleted, StoreUnavailable
from shared.lease import ATTEMPT_MS_MAX, LogWriter
from shared.ports import PolishedRow, RecordFields, RecordName, Subscriber, Version, Wakeup
from shared.wire.messages import Cursors
from tests.doubles.faulty_store import NONE, REFUSED
from tests.doubles.memory import MemoryBlobs, MemoryStore
from tests.flow.virtual_time import VirtualClock, run
from tests.unit.services.ingest.web import OTHER_SESSION, SESSION, SOMEBODY_ELSE, Web, segment

ME = LOCAL_PRINCIPAL
DRAFT_KEYS = (f"drafts/{SESSION}/key", f"drafts/{SESSION}/parts/1")


async def a_full_session(web: Web) -> None:
    await web.record([segment("x", 0, 1)])
    await web.sessions.set_label(ME, SESSION, "Made Up")
    await web.polish((0, 0, "X."))
    for key in DRAFT_KEYS:
        await web.blobs.create(key, b"sealed")
    await web.bus.publish(Wakeup(SESSION, LogId("a"), 1))


async def remains(web: Web) -> list[object]:
    return [
        *await web.memory.entries(SESSION, 0, 10),
        *await web.memory.polished(SESSION, 0, 10),
        *[found for name in RecordName if (found := await web.memory.record(SESSION, name))],
        *await web.blobs.list(f"drafts/{SESSION}/"),
        *[taken for each in Subscriber if (taken := await web.bus.take(each, 1_000))],
    ]


async def test_everything_goes_but_a_tombstone_without_a_key() -> None:
    web = Web()
    await a_full_session(web)
    await web.record(session=OTHER_SESSION)
    await web.blobs.create(f"drafts/{OTHER_SESSION}/key", b"sealed")
    await web.sessions.delete(ME, SESSION)
    assert await remains(web) == []
    tombstone = await web.memory.load(SESSION)
    assert tombstone is not None
    assert tombstone.document.state is SessionState.PURGED
    assert (tombstone.document.wrapped_key, tombstone.document.config) == (b"", b"")
    assert await web.blobs.list("drafts/") == [f"drafts/{OTHER_SESSION}/key"]


async def test_afterwards_whatever_is_asked_is_410() -> None:
    web = Web()
    await a_full_session(web)
    await web.sessions.delete(ME, SESSION)
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: web.sessions.delete(ME, SESSION),
        lambda: web.sessions.may_have_ticket(ME, SESSION),
        lambda: web.sessions.summary(ME, SESSION),
        lambda: web.sessions.log(ME, SESSION, Cursors()),
        lambda: web.sessions.note(ME, SESSION),
        lambda: web.sessions.set_label(ME, SESSION, "again"),
        lambda: web.sessions.finish(ME, SESSION),
    ]
    for ask in asked:
        with pytest.raises(SessionDeleted):
            await ask()
    assert await remains(web) == []
    assert await web.sessions.owned(ME, None, 10) == []


async def test_a_recorder_that_holds_it_writes_nothing_more() -> None:
    web = Web()
    stored = await web.record(change=lambda document: replace(document, holder=Holder("a recorder")))
    writer = LogWriter(web.store, web.clock, stored)
    await web.sessions.delete(ME, SESSION)
    with pytest.raises(LeaseLost):
        await writer.commit(replace(stored.document, heartbeat_at_ms=1))


async def test_another_persons_session_and_one_that_is_not_there_are_left_alone() -> None:
    web = Web()
    with pytest.raises(NotFound):
        await web.sessions.delete(ME, SESSION)
    before = await web.record(owner=SOMEBODY_ELSE)
    with pytest.raises(NotYours):
        await web.sessions.delete(ME, SESSION)
    assert await web.memory.load(SESSION) == before


async def test_another_persons_tombstone_is_not_told_of() -> None:
    web = Web()
    await web.record(owner=SOMEBODY_ELSE)
    await web.sessions.delete(SOMEBODY_ELSE, SESSION)
    with pytest.raises(NotYours):
        await web.sessions.delete(ME, SESSION)


async def test_a_store_that_fails_after_the_tombstone_says_so_and_asking_again_removes_the_rest() -> None:
    web = Web()
    await a_full_session(web)
    web.store.next_writes(NONE, REFUSED)
    with pytest.raises(StoreUnavailable):
        await web.sessions.delete(ME, SESSION)
    assert await web.memory.entries(SESSION, 0, 1)
    with pytest.raises(SessionDeleted):
        await web.sessions.delete(ME, SESSION)
    assert await remains(web) == []


class FailingBlobs(MemoryBlobs):
    fails = True

    async def delete(self, key: str) -> None:
        if self.fails:
            raise BlobsUnavailable("the disk is away")
        await super().delete(key)


async def test_so_do_blobs() -> None:
    blobs = FailingBlobs()
    web = Web(blobs=blobs)
    await a_full_session(web)
    with pytest.raises(BlobsUnavailable):
        await web.sessions.delete(ME, SESSION)
    blobs.fails = False
    with pytest.raises(SessionDeleted):
        await web.sessions.delete(ME, SESSION)
    assert await remains(web) == []


class BusyStore(MemoryStore):
    """Somebody writes something new each time all was removed."""

    erased = 0

    async def erase(self, session: SessionId) -> int:
        self.erased += 1
        return await super().erase(session) + 1


async def test_what_others_keep_writing_is_left_to_the_sweep_and_does_not_hold_the_answer_up() -> None:
    store = BusyStore()
    web = Web(memory=store)
    await a_full_session(web)
    await web.sessions.delete(ME, SESSION)
    assert store.erased == REMOVALS_MAX


class LongSessions(MemoryStore):
    """Erasing takes longer than any one call may: a call for each page of a long log."""

    async def erase(self, session: SessionId) -> int:
        await VirtualClock().sleep_ms(ATTEMPT_MS_MAX + 1)
        return await super().erase(session)


def test_a_long_session_is_deleted_however_long_that_takes() -> None:
    async def story() -> None:
        web = Web(memory=LongSessions())
        await a_full_session(web)
        await web.sessions.delete(ME, SESSION)
        assert await remains(web) == []

    run(story())


class DeletedWhileNamed(LongSessions):
    """The session goes while its label is being written."""

    async def write_record(
        self,
        session: SessionId,
        name: RecordName,
        fields: RecordFields,
        base: Version | None,
        polished: Sequence[PolishedRow] = (),
    ) -> Version:
        stored = await self.load(session)
        assert stored is not None
        await self.write(stored, stored.document.tombstone(Holder("who deletes"), 1))
        return await super().write_record(session, name, fields, base, polished)


def test_a_label_written_beside_a_tombstone_goes_however_long_the_session_is() -> None:
    async def story() -> None:
        web = Web(memory=DeletedWhileNamed())
        await web.record([segment("x", 0, 1)])
        with pytest.raises(SessionDeleted):
            await web.sessions.set_label(ME, SESSION, "Made Up")
        assert await remains(web) == []

    run(story())


class DeletedWhileRead(MemoryStore):
    """The session goes while its log is read, before its last page."""

    web: Web

    async def polished(self, session: SessionId, start: int, limit: int) -> list[PolishedRow]:
        if start == 0:
            await self.web.sessions.delete(ME, session)
        return await super().polished(session, start, limit)


async def test_a_session_deleted_while_it_is_exported_is_not_exported_in_part() -> None:
    store = DeletedWhileRead()
    store.web = web = Web(memory=store)
    await web.record([segment("x", 0, 1)])
    with pytest.raises(SessionDeleted):
        await web.sessions.note(ME, SESSION)
