"""What each commit holds and when it is due; the last one says exactly what the session has become."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.commits import HEARTBEAT_EVERY_MS, SETTLED_EVERY_MS, Commit, Commits
from services.ingest.segmenter import Settled
from shared.domain.entries import ENTRIES_PER_COMMIT_MAX, Gap, GapCause, Logged, Segment
from shared.domain.session import STALE_AFTER_MS, SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY, Holder, LogId, Principal, Span, TakeId

WALL_MS = 1_700_000_000_000


def document(state: SessionState = SessionState.RECORDING, covered: int = 0) -> SessionDocument:
    return SessionDocument(
        owner=Principal("dr-example"),
        log_id=LogId("a-log"),
        state=state,
        holder=Holder("me"),
        heartbeat_at_ms=WALL_MS,
        created_at_ms=WALL_MS,
        next_index=40,
        published_through=38,
        take=2,
        takes=(
            Take(TakeId("first"), 1, 1, covered=7, captured_until=9),
            Take(TakeId("second"), 2, 5, covered=covered, captured_until=covered, gaps_through=3),
        ),
    )


def commits(state: SessionState = SessionState.RECORDING, covered: int = 0) -> Commits:
    return Commits(2, document(state, covered), now_ms=0)


def segment(start: int, until: int) -> Segment:
    return Segment(2, Span(start, until), "words")


def words(*ends: int, gaps_through: int = 3) -> list[Settled]:
    return [Settled(segment(end - 10, end), end, gaps_through) for end in ends]


def a_loss_of_nothing(at: int, gap_no: int) -> Settled:
    return Settled(None, at, gap_no)


def store(each: Commits, now_ms: int = 0, *, last: bool = False) -> Commit:
    """Make the next commit, and it is stored."""
    commit = each.last(WALL_MS, 0) if last else each.next(WALL_MS, 0)
    each.stored(commit, commit.document, now_ms)
    return commit


def take_of(commit: Commit) -> Take:
    return commit.document.take_numbered(2)


# --- when


def test_nothing_new_is_due_as_a_heartbeat() -> None:
    assert commits().due_ms() == HEARTBEAT_EVERY_MS == 15_000
    assert 5 * HEARTBEAT_EVERY_MS < STALE_AFTER_MS


def test_settled_silence_is_due_within_5_s_of_the_last_commit() -> None:
    each = commits()
    each.settle([], 100)
    assert each.due_ms() == SETTLED_EVERY_MS == 5_000
    store(each, now_ms=7_000)
    assert each.due_ms() == 7_000 + HEARTBEAT_EVERY_MS


def test_an_entry_is_due_at_once_and_so_is_the_number_of_a_gap() -> None:
    each = commits()
    each.settle(words(100), 100)
    assert each.due_ms() == 0
    each = commits()
    each.settle([a_loss_of_nothing(0, 4)], 0)
    assert each.due_ms() == 0


def test_a_sign_of_life_alone_waits_for_the_heartbeat() -> None:
    each = commits()
    each.seen(99_999, WALL_MS)
    assert each.due_ms() == HEARTBEAT_EVERY_MS


def test_a_finish_is_stored_at_once_and_then_everything_that_settles() -> None:
    each = commits()
    each.finish_at = 200
    assert each.due_ms() == 0
    assert store(each, now_ms=50).document.state is SessionState.FINISHING
    assert each.due_ms() == 50 + HEARTBEAT_EVERY_MS
    each.settle([], 150)
    assert each.due_ms() == 0


# --- what


def test_entries_follow_the_log_and_carry_the_place_they_reach() -> None:
    each = commits()
    each.seen(500, WALL_MS + 5)
    gap = Gap(2, Span(100, 100), GapCause.SUSPENDED, 4)
    each.settle([*words(100), Settled(gap, 100, 4)], 130)
    commit = each.next(WALL_MS + 9, published_through=39)
    assert commit.logged == (Logged(40, segment(90, 100)), Logged(41, gap))
    assert commit.document == replace(
        document(),
        next_index=42,
        published_through=39,
        heartbeat_at_ms=WALL_MS + 9,
        takes=(
            document().takes[0],
            Take(
                TakeId("second"),
                2,
                5,
                covered=130,
                captured_until=500,
                gaps_through=4,
                seen_at_ms=WALL_MS + 5,
            ),
        ),
    )


def test_a_heartbeat_changes_nothing_but_its_time() -> None:
    commit = commits().next(WALL_MS + 15_000, published_through=0)
    assert commit.document == replace(document(), heartbeat_at_ms=WALL_MS + 15_000)
    assert commit.logged == ()


def test_captured_until_never_goes_back_and_is_never_before_covered() -> None:
    each = commits()
    each.seen(500, WALL_MS)
    each.seen(400, WALL_MS)
    assert take_of(store(each)).captured_until == 500
    each.settle([], 600)
    assert take_of(store(each)).captured_until == 600


def test_at_most_16_go_at_once_and_covered_stays_behind_what_is_not_stored() -> None:
    each = commits()
    each.settle(words(*range(10, 410, 10)), 450)
    places = [(len(commit.logged), take_of(commit).covered) for commit in (store(each) for _ in range(3))]
    assert places == [(16, 160), (16, 320), (8, 450)]
    assert each.waiting == 0


def test_numbers_of_gaps_without_an_entry_count_as_waiting_and_take_no_index() -> None:
    each = commits()
    each.settle([a_loss_of_nothing(0, 4 + n) for n in range(20)], 0)
    each.settle(words(10, gaps_through=23), 10)
    first = store(each)
    assert (first.logged, first.taken, take_of(first).gaps_through) == ((), 16, 19)
    second = store(each)
    assert second.logged == (Logged(40, segment(0, 10)),)
    assert take_of(second).gaps_through == 23


def test_what_comes_while_a_commit_is_under_way_waits_for_the_next() -> None:
    each = commits()
    each.settle(words(10), 10)
    commit = each.next(WALL_MS, 0)
    each.settle(words(20, 30), 35)
    each.stored(commit, commit.document, 1_000)
    assert take_of(commit).covered == 10
    assert each.waiting == 2
    following = each.next(WALL_MS, 0)
    assert [logged.index for logged in following.logged] == [41, 42]
    assert take_of(following).covered == 35


def test_a_commit_that_is_not_stored_takes_nothing_away() -> None:
    each = commits()
    each.settle(words(10, 20), 20)
    assert each.next(WALL_MS, 0) == each.next(WALL_MS, 0)


def test_published_through_never_goes_back() -> None:
    each = commits()
    assert each.next(WALL_MS, published_through=12).document.published_through == 38
    assert each.next(WALL_MS, published_through=40).document.published_through == 40


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 500), st.booleans()), max_size=40))
def test_covered_never_passes_an_entry_that_is_not_stored(steps: list[tuple[int, int, bool]]) -> None:
    each = commits()
    given_ends: list[int] = []
    settled = stored = 0
    for count, silence, commits_now in steps:
        new = [settled + 10 * (n + 1) for n in range(count)]
        given_ends += new
        settled += 10 * count + silence
        each.settle(words(*new), settled)
        if commits_now:
            commit = store(each)
            stored += len(commit.logged)
            covered = take_of(commit).covered
            assert len(commit.logged) <= ENTRIES_PER_COMMIT_MAX
            assert commit.document.next_index == 40 + stored
            assert covered <= settled
            assert all(end > covered for end in given_ends[stored:])
            assert all(end <= covered for end in given_ends[:stored])
            assert each.waiting == len(given_ends) - stored


# --- the last


def test_a_session_is_complete_once_everything_before_its_finish_is_stored() -> None:
    each = commits()
    assert not each.complete
    each.settle(words(100), 100)
    each.finish_at = 100
    assert not each.complete
    store(each)
    assert each.complete
    last = store(each, last=True)
    assert last.document.state is SessionState.FINISHED
    assert last.document.holder == NOBODY
    assert last.document.finished_at_ms == WALL_MS
    assert each.complete


def test_a_finish_of_nothing_new_is_complete_at_once() -> None:
    each = commits(covered=100)
    each.finish_at = 100
    assert each.complete


def test_a_finish_waits_for_gaps_at_its_end() -> None:
    each = commits(covered=100)
    each.settle([Settled(Gap(2, Span(100, 100), GapCause.TAPE_OVERFLOW, 900), 100, 4)], 100)
    each.finish_at = 100
    assert not each.complete
    store(each)
    assert each.complete


def test_who_leaves_early_leaves_the_session_interrupted() -> None:
    each = commits()
    each.settle(words(100), 130)
    commit = store(each, last=True)
    assert commit.document.state is SessionState.INTERRUPTED
    assert commit.document.holder == NOBODY
    assert len(commit.logged) == 1
    assert take_of(commit).covered == 130


def test_who_leaves_while_finishing_leaves_it_so() -> None:
    each = commits()
    each.finish_at = 200
    each.settle(words(100), 130)
    assert store(each, last=True).document.state is SessionState.FINISHING
    assert not each.complete


@pytest.mark.parametrize("given_last", [[], words(200)])
def test_a_last_commit_that_reaches_the_finish_says_finished(given_last: list[Settled]) -> None:
    """Were it to say finishing, its recorder would be told finished, and nobody would come to finish it."""
    each = commits()
    each.finish_at = 200
    each.settle(given_last, 200)
    last = store(each, last=True)
    assert last.document.state is SessionState.FINISHED
    assert last.document.finished_at_ms == WALL_MS
    assert each.complete


def test_a_last_commit_that_cannot_hold_everything_is_not_finished() -> None:
    each = commits()
    each.finish_at = 400
    each.settle(words(*range(10, 210, 10)), 400)
    last = store(each, last=True)
    assert last.document.state is SessionState.FINISHING
    assert take_of(last).covered == 160
    assert not each.complete


def test_gaps_at_the_finish_that_do_not_fit_keep_it_from_being_finished() -> None:
    each = commits(covered=100)
    each.finish_at = 100
    gaps = [Settled(Gap(2, Span(100, 100), GapCause.SUSPENDED, 1), 100, 4 + n) for n in range(17)]
    each.settle(gaps, 100)
    assert store(each, last=True).document.state is SessionState.FINISHING
    assert not each.complete


def test_a_finish_that_comes_while_the_lease_is_let_go_comes_too_late() -> None:
    each = commits(covered=100)
    last = each.last(WALL_MS, 0)
    each.finish_at = 100
    each.stored(last, last.document, 0)
    assert last.document.state is SessionState.INTERRUPTED
    assert not each.complete


def test_a_finish_repeated_after_a_resume_completes_a_session_that_was_finishing() -> None:
    each = commits(SessionState.FINISHING, covered=100)
    assert not each.complete
    each.finish_at = 100
    assert each.complete
    assert store(each, last=True).document.state is SessionState.FINISHED
