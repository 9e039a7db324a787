"""Samples and gaps on their way in: replays are trimmed, holes refused, gaps keep their places and numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.events import AudioCame, GapCame
from services.ingest.upstream import GAPS_WAITING_MAX, BeyondCredit, OutOfOrder, Upstream
from shared.domain.entries import GapCause
from shared.domain.values import Span
from shared.errors import TooMany
from shared.wire.frames import Frame
from tests.unit.services.ingest.connections import a_gap, lost, pcm


def frame(start: int, until: int) -> Frame:
    return Frame(start, pcm(start, until))


def at(frontier: int, gaps_through: int = 0, credit: int = 10_000) -> Upstream:
    upstream = Upstream()
    upstream.start(frontier, gaps_through)
    upstream.send_until = credit
    return upstream


# --- audio


def test_audio_in_order_is_taken_whole() -> None:
    upstream = at(100)
    assert upstream.frame(frame(100, 150)) == AudioCame(100, pcm(100, 150))
    assert upstream.frame(frame(150, 151)) == AudioCame(150, pcm(150, 151))
    assert upstream.frontier == 151


@pytest.mark.parametrize("start", [0, 40, 99])
def test_a_frame_that_begins_before_the_frontier_is_trimmed_to_what_is_new(start: int) -> None:
    upstream = at(100)
    assert upstream.frame(frame(start, 130)) == AudioCame(100, pcm(100, 130))
    assert upstream.frontier == 130


@pytest.mark.parametrize("until", [1, 99, 100])
def test_a_frame_before_the_frontier_says_nothing(until: int) -> None:
    upstream = at(100)
    assert upstream.frame(frame(0, until)) is None
    assert upstream.frontier == 100


def test_a_frame_beyond_the_frontier_leaves_samples_out() -> None:
    with pytest.raises(OutOfOrder) as error:
        at(100).frame(frame(101, 200))
    assert error.value.close_code == 4509


def test_a_frame_beyond_credit_is_refused_even_where_nothing_of_it_is_new() -> None:
    upstream = at(100, credit=150)
    upstream.gap(lost(1, 100, 1_000))
    with pytest.raises(BeyondCredit) as error:
        upstream.frame(frame(900, 1_000))
    assert error.value.close_code == 4416


@given(st.integers(0, 300), st.lists(st.tuples(st.integers(0, 80), st.integers(1, 60)), max_size=60))
def test_any_replay_gives_every_sample_once(start: int, steps: list[tuple[int, int]]) -> None:
    upstream = at(start)
    came = bytearray()
    for back, length in steps:
        begin = max(0, upstream.frontier - back)
        event = upstream.frame(frame(begin, begin + length))
        if event is not None:
            assert event.start == start + len(came) // 2
            came += event.pcm
    assert bytes(came) == pcm(start, upstream.frontier)


# --- gaps


def test_gaps_are_numbered_from_what_is_stored() -> None:
    upstream = at(100, gaps_through=3)
    assert upstream.gap(a_gap(3, 100)) is None
    assert upstream.gap(a_gap(4, 100)) == GapCame(4, GapCause.DEVICE_LOST, Span(100, 100), 500)
    assert upstream.gap(a_gap(4, 100)) is None
    with pytest.raises(OutOfOrder):
        upstream.gap(a_gap(6, 100))


def test_a_gap_that_was_received_is_ignored_wherever_it_claims_to_be() -> None:
    upstream = at(100, gaps_through=1)
    assert upstream.gap(lost(1, 9_999, 99_999)) is None
    assert upstream.frontier == 100


def test_an_empty_gap_below_the_frontier_moves_to_it() -> None:
    assert at(100).gap(a_gap(1, 40)) == GapCame(1, GapCause.DEVICE_LOST, Span(100, 100), 500)


def test_a_gap_beyond_the_frontier_leaves_samples_out() -> None:
    with pytest.raises(OutOfOrder):
        at(100).gap(a_gap(1, 101))
    with pytest.raises(OutOfOrder):
        at(100).gap(lost(1, 101, 200))


@pytest.mark.parametrize(
    ("start", "until", "left"),
    [
        (100, 180, Span(100, 180)),
        (40, 180, Span(100, 180)),
        (40, 100, Span(100, 100)),
        (10, 20, Span(100, 100)),
    ],
)
def test_a_loss_is_trimmed_to_what_was_not_received(start: int, until: int, left: Span) -> None:
    upstream = at(100)
    assert upstream.gap(lost(1, start, until)) == GapCame(1, GapCause.LOST_AFTER_ACK, left, 0)
    assert upstream.frontier == left.until


def test_a_gap_needs_no_credit() -> None:
    upstream = at(100, credit=100)
    assert upstream.gap(lost(1, 100, 500)) is not None
    assert upstream.frontier == 500


def test_a_refused_gap_takes_no_number() -> None:
    upstream = at(100)
    with pytest.raises(OutOfOrder):
        upstream.gap(a_gap(1, 101))
    assert upstream.gap(a_gap(1, 100)) is not None


def test_gaps_not_yet_stored_are_bounded() -> None:
    upstream = at(0, gaps_through=7)
    for gap_no in range(8, 8 + GAPS_WAITING_MAX):
        upstream.gap(a_gap(gap_no))
    over = a_gap(8 + GAPS_WAITING_MAX)
    with pytest.raises(TooMany):
        upstream.gap(over)
    upstream.stored(0, 8)
    assert upstream.gap(over) is not None


# --- marks and places


@pytest.mark.parametrize("place", [0, 99, 100])
def test_a_mark_is_at_the_frontier(place: int) -> None:
    assert at(100).mark(place) == 100


def test_a_mark_beyond_the_frontier_leaves_samples_out() -> None:
    with pytest.raises(OutOfOrder):
        at(100).mark(101)


def test_what_is_stored_was_received() -> None:
    with pytest.raises(AssertionError):
        at(100).stored(101, 0)
