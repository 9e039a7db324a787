"""Streams that hear a backlog at once are given in the order of their audio."""

from services.ingest.catch_up import BACKLOG, CELL, Lanes, cell_end, is_pause
from services.ingest.engines.base import Final, Health, Hint, Through, Trouble
from shared.domain.values import Span


def test_what_a_later_stream_says_waits_for_all_before_it() -> None:
    lanes = Lanes(0)
    lanes.split(100)
    later, earlier = Final(Span(100, 150), "later"), Final(Span(0, 90), "earlier")
    assert lanes.hear(1, later) == []
    assert lanes.hear(0, earlier) == [earlier]
    assert lanes.hear(0, Through(100)) == [Through(100), later]
    assert (lanes.first, lanes.last) == (1, 1)
    assert lanes.hear(1, Through(200)) == [Through(200)]


def test_hints_are_of_what_is_spoken_now() -> None:
    lanes = Lanes(0)
    lanes.split(100)
    live = Hint(Span(100, 120), "now")
    assert lanes.hear(0, Hint(Span(0, 50), "then")) == []
    assert lanes.hear(1, live) == [live]


def test_a_stream_is_added_for_a_backlog_and_not_beyond_the_limit() -> None:
    lanes = Lanes(0)
    assert not lanes.is_due(BACKLOG, 2)
    assert lanes.is_due(BACKLOG + 1, 2)
    lanes.split(BACKLOG + 1)
    assert not lanes.is_due(3 * BACKLOG, 2)
    assert lanes.is_due(3 * BACKLOG, 3)


def test_pauses_are_whole_quiet_cells() -> None:
    assert is_pause(bytes(CELL * 2))
    assert not is_pause(b"\x00\x02" * CELL)
    assert (cell_end(0), cell_end(CELL - 1), cell_end(CELL)) == (CELL, CELL, 2 * CELL)


def test_live_words_stay_in_sight_while_they_wait() -> None:
    lanes = Lanes(0)
    lanes.split(100)
    assert lanes.hear(1, Final(Span(100, 120), "So")) == []
    assert lanes.hear(1, Final(Span(120, 130), "far")) == []
    (hint,) = lanes.hear(1, Hint(Span(130, 140), "so good"))
    assert isinstance(hint, Hint)
    assert (hint.span, hint.text) == (Span(100, 140), "So far so good")


def test_a_stream_that_is_through_cannot_speak_for_another() -> None:
    lanes = Lanes(0)
    for at in (100, 200, 300):
        lanes.split(at)
    lanes.hear(1, Through(200))
    lanes.hear(2, Through(300))
    lanes.hear(0, Through(100))
    assert lanes.first == 3
    assert lanes.hear(2, Health(Trouble.RECONNECTING)) == []
    assert lanes.hear(1, Through(200)) == []
