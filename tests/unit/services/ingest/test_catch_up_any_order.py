"""However the streams of a backlog interleave, what they say is given once, in the order of the audio; and what is quiet."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.catch_up import BACKLOG, CELL, QUIET_MEAN, Lanes, is_pause
from services.ingest.engines.base import Final, Health, Hint, Hypothesis, Through, Trouble, Wordless
from shared.domain.values import Span

LANE = 100


def said_on(lane: int) -> list[Hypothesis]:
    """What one stream says of its hundred samples."""
    start = lane * LANE
    return [
        Hint(Span(start, start + 10), f"hint of {lane}"),
        Final(Span(start, start + 40), f"first of {lane}"),
        Health(Trouble.RECONNECTING),
        Wordless(Span(start + 40, start + 60)),
        Health(None),
        Final(Span(start + 70, start + 90), f"last of {lane}"),
        Through(start + LANE),
    ]


@given(st.data(), st.integers(1, 4))
def test_any_order_of_hearing_gives_every_word_once_in_sample_order(data: st.DataObject, count: int) -> None:
    lanes = Lanes(0)
    for lane in range(1, count):
        lanes.split(lane * LANE)
    left = {lane: said_on(lane) for lane in range(count)}
    given_: list[Hypothesis] = []
    while speaking := [lane for lane in left if left[lane]]:
        lane = data.draw(st.sampled_from(speaking))
        given_ += lanes.hear(lane, left[lane].pop(0))
        assert lanes.first == next((each for each in left if left[each]), count - 1)
    in_order = [each for lane in range(count) for each in said_on(lane) if not isinstance(each, Hint)]
    assert [each for each in given_ if not isinstance(each, Hint)] == in_order
    assert [each for each in given_ if isinstance(each, Hint)] == [said_on(count - 1)[0]]
    assert lanes.settled == count * LANE


@pytest.mark.parametrize(
    "reaches", [Final(Span(90, 100), "words"), Wordless(Span(40, 100)), Through(100), Through(130)]
)
def test_a_stream_is_through_with_whatever_reaches_the_next(reaches: Hypothesis) -> None:
    lanes = Lanes(0)
    lanes.split(100)
    lanes.hear(0, Final(Span(0, 40), "words"))
    assert lanes.first == 0
    assert lanes.hear(0, reaches) == [reaches]
    assert lanes.first == 1


def test_settled_never_goes_back() -> None:
    lanes = Lanes(0)
    lanes.hear(0, Through(50))
    lanes.hear(0, Through(40))
    lanes.hear(0, Final(Span(20, 30), "words"))
    assert lanes.settled == 50


# --- where a backlog is counted from


def test_what_was_settled_before_is_no_backlog() -> None:
    start = 10 * BACKLOG
    lanes = Lanes(start)
    assert lanes.settled == start
    assert not lanes.is_due(start + BACKLOG, 2)
    assert lanes.is_due(start + BACKLOG + 1, 2)
    lanes.hear(0, Through(start + 5))
    assert not lanes.is_due(start + BACKLOG + 5, 2)
    assert lanes.is_due(start + BACKLOG + 6, 2)


def test_every_stream_has_a_backlog_of_its_own() -> None:
    """Otherwise all of them would be opened at the first pauses, however far the first one is behind."""
    lanes = Lanes(0)
    lanes.split(2 * BACKLOG)
    assert not lanes.is_due(3 * BACKLOG, 3)
    assert lanes.is_due(3 * BACKLOG + 1, 3)


def test_a_stream_that_is_through_makes_room_for_another() -> None:
    lanes = Lanes(0)
    lanes.split(BACKLOG)
    assert not lanes.is_due(3 * BACKLOG, 2)
    lanes.hear(0, Through(BACKLOG))
    assert lanes.is_due(3 * BACKLOG, 2)
    lanes.split(3 * BACKLOG)
    assert (lanes.first, lanes.last) == (1, 2)


# --- what is quiet


def test_a_pause_is_quieter_than_any_word() -> None:
    for loudness, quiet in ((QUIET_MEAN - 1, True), (QUIET_MEAN, False)):
        swinging = array("h", [loudness, loudness, loudness, loudness, -loudness] * (CELL // 5))
        assert is_pause(swinging.tobytes()) == quiet
    assert 10 ** (-49 / 20) < QUIET_MEAN / 32_768 < 10 ** (-47 / 20), "about -48 dB of full scale"


def test_what_swings_around_zero_is_loud() -> None:
    swinging = array("h", [500, 500, 500, 500, -500, -500, -500, -500] * (CELL // 8))
    assert not is_pause(swinging.tobytes())


def test_one_click_is_no_word() -> None:
    clicking = array("h", [0] * CELL)
    clicking[0] = 32_000
    assert is_pause(clicking.tobytes())
