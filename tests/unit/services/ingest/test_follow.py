"""A recorder's places in the logs: pages from where it is, without a read where it can be spared."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from msgspec import UNSET

from services.ingest.follow import PAGE, Follower, entry_message, polished_message, resumable
from shared.domain.entries import GapCause, Logged, Polished
from shared.domain.values import SessionId
from shared.ports import EntryRow
from shared.sealing import unwrap_key
from shared.wire.messages import Cursors
from tests.doubles.memory import MemoryStore
from tests.unit.services.ingest.web import SESSION, Web, gap, segment


class CountingStore(MemoryStore):
    reads = 0

    async def entries(self, session: SessionId, start: int, limit: int) -> list[EntryRow]:
        self.reads += 1
        return await super().entries(session, start, limit)


LOG = [segment(str(number), number, number + 1) for number in range(PAGE + 3)]


async def follower(web: Web, cursors: Cursors | None = None) -> Follower:
    stored = await web.memory.load(SESSION)
    assert stored is not None
    key = await unwrap_key(web.kek, SESSION, stored.document.wrapped_key)
    return Follower(web.store, key, SESSION, cursors or Cursors())


def logged(*indexes: int) -> Sequence[Logged]:
    return [Logged(index, LOG[index]) for index in indexes]


async def test_a_log_is_read_a_page_at_a_time_up_to_where_it_is_known_to_go() -> None:
    web = Web()
    await web.record(LOG)
    following = await follower(web)
    first = await following.entries((), PAGE + 2)
    assert [each.index for each in first] == list(range(PAGE))
    assert [each.text for each in await following.entries((), PAGE + 2)] == [str(PAGE), str(PAGE + 1)]
    assert following.next_entry == PAGE + 2


async def test_what_was_just_written_is_told_without_a_read() -> None:
    store = CountingStore()
    web = Web(memory=store)
    await web.record(LOG)
    following = await follower(web, Cursors(entries=3))
    assert [each.index for each in await following.entries(logged(2, 3, 4), 5)] == [3, 4]
    assert store.reads == 0


async def test_what_is_not_recent_any_more_is_read_first() -> None:
    store = CountingStore()
    web = Web(memory=store)
    await web.record(LOG)
    following = await follower(web, Cursors(entries=1))
    assert [each.index for each in await following.entries(logged(3, 4), 5)] == [1, 2, 3, 4]
    assert store.reads == 1


async def test_recent_entries_not_yet_told_of_are_not_sent_early() -> None:
    web = Web()
    await web.record(LOG)
    following = await follower(web)
    assert [each.index for each in await following.entries(logged(0, 1, 2), 2)] == [0, 1]
    assert following.next_entry == 2


async def test_polished_texts_come_in_pages_until_there_are_no_more() -> None:
    web = Web()
    await web.record(LOG)
    await web.polish(*((0, 0, str(number)) for number in range(PAGE + 1)))
    following = await follower(web)
    assert len(await following.polished()) == PAGE
    assert [each.text for each in await following.polished()] == [str(PAGE)]
    assert await following.polished() == []
    await web.polish((1, 1, "later"))
    assert [each.text for each in await following.polished()] == ["later"]


# --- messages


def test_a_segment_and_a_gap_are_told_apart_by_the_cause() -> None:
    told = entry_message(Logged(7, segment("x", 1, 2, take=3, utterance_end=True)))
    assert (told.index, told.take, told.start, told.until) == (7, 3, 16_000, 32_000)
    assert (told.text, told.confidence, told.utterance_end, told.cause) == ("x", 90, True, UNSET)
    lost = entry_message(Logged(8, gap(GapCause.DEVICE_LOST, 1, 1, wall_ms=5)))
    assert (lost.text, lost.utterance_end, lost.cause, lost.wall_ms) == (UNSET, UNSET, "device_lost", 5)


def test_a_confidence_that_no_engine_gave_is_left_out() -> None:
    assert entry_message(Logged(0, replace(segment("x", 0, 1), confidence=None))).confidence is UNSET


def test_a_polished_text_keeps_its_flags() -> None:
    told = polished_message(Polished(1, 2, 3, "X.", "rules", "1", ("guard",)))
    assert (told.index, told.first, told.last, told.text, told.flags) == (1, 2, 3, "X.", ["guard"])


# --- resuming


@pytest.mark.parametrize(
    ("log_id", "given", "start"),
    [
        ("own", Cursors(2, 1), Cursors(2, 1)),
        ("own", Cursors(3, 1), Cursors(3, 1)),
        ("own", Cursors(4, 1), Cursors()),
        ("another", Cursors(2, 1), Cursors()),
        (None, Cursors(2, 1), Cursors()),
    ],
)
async def test_a_reader_of_another_log_or_ahead_of_this_one_starts_over(
    log_id: str | None, given: Cursors, start: Cursors
) -> None:
    document = (await Web().record(LOG[:3])).document
    assert resumable(given, document.log_id if log_id == "own" else log_id, document) == start
