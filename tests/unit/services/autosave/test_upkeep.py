"""What the sweep decides: from the document and the time alone."""

from dataclasses import replace

import pytest

from services.autosave.upkeep import (
    TAKE_KEPT_MS,
    abandoned_takes,
    is_over,
    left_alone,
    needs_upkeep,
    with_gaps,
)
from shared.domain.entries import ENTRIES_PER_COMMIT_MAX, GapCause
from shared.domain.session import STALE_AFTER_MS, SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY, Holder, LogId, Principal, TakeId

NOW_MS = 1_800_000_000_000
DAY_AGO_MS = NOW_MS - TAKE_KEPT_MS
HOLDER = Holder("somebody")
STATES = list(SessionState)


def take(number: int = 1, *, covered: int = 100, captured: int = 100, seen_at_ms: int = NOW_MS) -> Take:
    return Take(TakeId(f"take-{number}"), number, 1, covered, captured, 0, seen_at_ms)


def document_of(state: SessionState, *takes: Take, holder: Holder = NOBODY) -> SessionDocument:
    given = takes or (take(),)
    return SessionDocument(
        owner=Principal("dr.made-up"),
        log_id=LogId("log-1"),
        state=state,
        holder=holder,
        heartbeat_at_ms=NOW_MS,
        created_at_ms=0,
        next_index=5,
        published_through=5,
        take=len(given),
        takes=given,
    )


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_done_while_somebody_holds_it(state: SessionState) -> None:
    old = take(captured=900, seen_at_ms=DAY_AGO_MS)
    document = replace(document_of(state, old, holder=HOLDER), published_through=0)
    assert not needs_upkeep(document, NOW_MS)
    assert not needs_upkeep(document, NOW_MS + STALE_AFTER_MS - 1)


@pytest.mark.parametrize("state", STATES)
def test_a_dead_holder_is_let_go(state: SessionState) -> None:
    document = document_of(state, holder=HOLDER)
    assert needs_upkeep(document, NOW_MS + STALE_AFTER_MS) is (state is not SessionState.PURGED)


@pytest.mark.parametrize("state", STATES)
def test_what_was_not_announced_is(state: SessionState) -> None:
    document = replace(document_of(state, take(captured=900)), published_through=4)
    assert needs_upkeep(document, NOW_MS) is (state is not SessionState.PURGED)


@pytest.mark.parametrize(
    ("state", "captured", "seen_at_ms", "needed"),
    [
        (SessionState.INTERRUPTED, 100, NOW_MS, False),
        (SessionState.INTERRUPTED, 900, DAY_AGO_MS + 1, False),
        (SessionState.INTERRUPTED, 900, DAY_AGO_MS, True),
        (SessionState.INTERRUPTED, 100, DAY_AGO_MS, True),
        (SessionState.FINISHING, 900, NOW_MS, False),
        (SessionState.FINISHING, 100, NOW_MS, True),
        (SessionState.FINISHED, 900, DAY_AGO_MS + 1, False),
        (SessionState.FINISHED, 900, DAY_AGO_MS, True),
        (SessionState.FINISHED, 100, DAY_AGO_MS, False),
        (SessionState.PURGED, 900, DAY_AGO_MS, False),
        (SessionState.RECORDING, 100, NOW_MS, True),
    ],
)
def test_a_session_that_nobody_holds(
    state: SessionState, captured: int, seen_at_ms: int, needed: bool
) -> None:
    document = document_of(state, take(captured=captured, seen_at_ms=seen_at_ms))
    assert needs_upkeep(document, NOW_MS) is needed


def test_only_takes_gone_for_a_day_with_audio_missing_are_abandoned() -> None:
    takes = (
        take(1, captured=900, seen_at_ms=DAY_AGO_MS),
        take(2, captured=900),
        take(3, captured=100, seen_at_ms=DAY_AGO_MS),
    )
    assert abandoned_takes(document_of(SessionState.INTERRUPTED, *takes), NOW_MS) == [takes[0]]


def test_no_more_takes_are_closed_than_one_commit_holds() -> None:
    takes = [take(n + 1, captured=900, seen_at_ms=DAY_AGO_MS) for n in range(ENTRIES_PER_COMMIT_MAX + 5)]
    assert (
        abandoned_takes(document_of(SessionState.FINISHED, *takes), NOW_MS) == takes[:ENTRIES_PER_COMMIT_MAX]
    )


def test_a_gap_says_what_is_missing_and_covers_it() -> None:
    takes = (take(1, captured=900), take(2, covered=0, captured=50))
    document, rows = with_gaps(document_of(SessionState.INTERRUPTED, *takes), takes)
    assert [(row.index, row.take, row.start, row.until, row.cause) for row in rows] == [
        (5, 1, 100, 900, GapCause.ABANDONED),
        (6, 2, 0, 50, GapCause.ABANDONED),
    ]
    assert document.next_index == 7
    assert [each.undelivered for each in document.takes] == [0, 0]
    assert [each.seen_at_ms for each in document.takes] == [NOW_MS, NOW_MS]


def test_a_finish_waits_for_its_own_take_and_for_no_other() -> None:
    current, other = take(2), take(1, captured=900)
    assert is_over(document_of(SessionState.FINISHING, other, current), NOW_MS)
    late = replace(current, captured_until=900)
    assert not is_over(document_of(SessionState.FINISHING, replace(other, captured_until=100), late), NOW_MS)


def test_without_a_finish_it_is_over_once_every_take_is_gone_for_a_day() -> None:
    gone = take(1, seen_at_ms=DAY_AGO_MS)
    assert is_over(document_of(SessionState.INTERRUPTED, gone), NOW_MS)
    assert not is_over(document_of(SessionState.INTERRUPTED, gone, take(2)), NOW_MS)
    assert not is_over(document_of(SessionState.INTERRUPTED, replace(gone, captured_until=900)), NOW_MS)


@pytest.mark.parametrize(
    ("state", "seen_at_ms", "then"),
    [
        (SessionState.RECORDING, NOW_MS, SessionState.INTERRUPTED),
        (SessionState.INTERRUPTED, NOW_MS, SessionState.INTERRUPTED),
        (SessionState.RECORDING, DAY_AGO_MS, SessionState.FINISHED),
        (SessionState.INTERRUPTED, DAY_AGO_MS, SessionState.FINISHED),
        (SessionState.FINISHING, NOW_MS, SessionState.FINISHED),
        (SessionState.FINISHED, NOW_MS, SessionState.FINISHED),
        (SessionState.FINISHED, DAY_AGO_MS, SessionState.FINISHED),
    ],
)
def test_what_is_left_behind(state: SessionState, seen_at_ms: int, then: SessionState) -> None:
    document = replace(document_of(state, take(seen_at_ms=seen_at_ms), holder=HOLDER), finished_at_ms=7)
    left = left_alone(document, 3, NOW_MS + 1)
    assert (left.state, left.holder, left.published_through) == (then, NOBODY, 3)
    assert left.heartbeat_at_ms == NOW_MS + 1
    was_finished = state is SessionState.FINISHED
    assert left.finished_at_ms == (7 if was_finished or then is SessionState.INTERRUPTED else NOW_MS + 1)
    assert not needs_upkeep(replace(left, published_through=5), NOW_MS + 1)
