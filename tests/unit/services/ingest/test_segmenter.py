"""Hypotheses and gaps in, entries in sample order out; what is given is final and covers every sample once."""

from typing import cast

import pytest

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from services.ingest.events import GapCame
from services.ingest.segmenter import Segmenter, Settled
from shared.domain.entries import Gap, GapCause, Segment, Word
from shared.domain.values import Span


def segmenter(covered: int = 0, gaps_through: int = 0) -> Segmenter:
    return Segmenter(take=2, covered=covered, gaps_through=gaps_through, engine="scripted")


def final(start: int, until: int, text: str = "words", *words: tuple[str, int, int]) -> Final:
    return Final(
        Span(start, until), text, tuple(Word(said, Span(begin, end)) for said, begin, end in words), 90, True
    )


def segment(start: int, until: int, text: str = "words", *words: tuple[str, int, int]) -> Segment:
    told = final(start, until, text, *words)
    return Segment(2, told.span, text, told.words, "scripted", 90, True)


def never_captured(gap_no: int, at: int) -> GapCame:
    return GapCame(gap_no, GapCause.DEVICE_LOST, Span(at, at), 700)


def lost(gap_no: int, start: int, until: int) -> GapCame:
    return GapCame(gap_no, GapCause.LOST_AFTER_ACK, Span(start, until), 0)


def device_lost(at: int) -> Gap:
    return Gap(2, Span(at, at), GapCause.DEVICE_LOST, 700)


# --- words


def test_a_final_becomes_a_segment_and_settles_all_before_its_end() -> None:
    one = segmenter(covered=100, gaps_through=4)
    assert one.hear(final(120, 200)) == [Settled(segment(120, 200), covered=200, gaps_through=4)]
    assert one.settled == 200


def test_through_settles_silence_without_an_entry() -> None:
    one = segmenter(covered=100)
    assert one.hear(Through(150)) == []
    assert one.settled == 150
    assert one.hear(Through(90)) == []
    assert one.settled == 150


def test_a_final_of_nothing_settles_nothing() -> None:
    one = segmenter()
    assert one.hear(final(0, 100, "")) == []
    assert one.hear(final(50, 50)) == []
    assert one.settled == 0


def test_a_final_all_of_which_is_settled_says_nothing() -> None:
    one = segmenter(covered=200)
    assert one.hear(final(100, 200, "two words", ("two", 100, 150), ("words", 150, 200))) == []
    assert one.hear(final(100, 200)) == []
    assert one.settled == 200


def test_overlap_is_trimmed_by_the_middle_of_each_word() -> None:
    one = segmenter(covered=150)
    heard = final(100, 300, "One, two three.", ("One,", 100, 140), ("two", 141, 161), ("three.", 162, 300))
    assert one.hear(heard) == [
        Settled(segment(150, 300, "two three.", ("two", 150, 161), ("three.", 162, 300)), 300, 0)
    ]


def test_a_word_whose_middle_is_settled_is_not_said_again() -> None:
    one = segmenter(covered=152)
    heard = final(100, 300, "one two", ("one", 141, 161), ("two", 162, 300))
    assert one.hear(heard) == [Settled(segment(152, 300, "two", ("two", 162, 300)), 300, 0)]


def test_without_word_times_only_the_span_is_trimmed() -> None:
    assert segmenter(covered=150).hear(final(140, 300)) == [Settled(segment(150, 300), 300, 0)]


def test_speech_without_words_is_a_gap_that_says_so() -> None:
    one = segmenter(covered=100)
    assert one.hear(Wordless(Span(50, 90))) == []
    assert one.hear(Wordless(Span(50, 180))) == [
        Settled(Gap(2, Span(100, 180), GapCause.UNRECOGNISED), 180, 0)
    ]
    assert one.settled == 180


# --- hints


def test_the_latest_hint_counts_until_a_final() -> None:
    one = segmenter()
    assert one.hear(Hint(Span(0, 50), "m")) == []
    one.hear(Hint(Span(0, 80), "may"))
    assert one.hint == Hint(Span(0, 80), "may")
    assert one.settled == 0
    one.hear(final(0, 60))
    assert one.hint is None


def test_an_empty_hint_takes_the_last_one_back() -> None:
    one = segmenter()
    one.hear(Hint(Span(0, 50), "m"))
    one.hear(Hint(Span(0, 80), ""))
    assert one.hint is None


@pytest.mark.parametrize("settling", [Through(50), Wordless(Span(0, 50)), final(0, 50)])
def test_a_hint_of_what_is_settled_is_no_hint(settling: Through | Wordless | Final) -> None:
    one = segmenter()
    one.hear(Hint(Span(0, 50), "m"))
    one.hear(settling)
    assert one.hint is None
    one.hear(Hint(Span(0, 50), "m"))
    assert one.hint is None


# --- gaps


def test_a_gap_where_everything_is_settled_is_given_at_once() -> None:
    one = segmenter(covered=100, gaps_through=4)
    assert one.gap(never_captured(5, 100)) == [Settled(device_lost(100), 100, 5)]


def test_a_gap_waits_until_everything_before_it_is_settled() -> None:
    one = segmenter()
    assert one.gap(never_captured(1, 100)) == []
    assert one.hear(final(0, 60)) == [Settled(segment(0, 60), 60, 0)]
    assert one.hear(Through(100)) == [Settled(device_lost(100), 100, 1)]


def test_a_gap_follows_the_segment_that_ends_at_it_and_precedes_the_one_that_starts_there() -> None:
    one = segmenter()
    one.gap(never_captured(1, 100))
    assert one.hear(final(0, 100)) == [Settled(segment(0, 100), 100, 0), Settled(device_lost(100), 100, 1)]
    one = segmenter()
    one.gap(never_captured(1, 100))
    assert one.hear(final(100, 200)) == [
        Settled(device_lost(100), 100, 1),
        Settled(segment(100, 200), 200, 1),
    ]


def test_gaps_of_one_place_stay_in_the_order_they_came() -> None:
    one = segmenter()
    one.gap(never_captured(1, 100))
    one.gap(GapCame(2, GapCause.SUSPENDED, Span(100, 100), 9))
    assert one.hear(Through(100)) == [
        Settled(device_lost(100), 100, 1),
        Settled(Gap(2, Span(100, 100), GapCause.SUSPENDED, 9), 100, 2),
    ]


def test_a_loss_settles_itself_once_it_is_reached() -> None:
    one = segmenter()
    one.gap(lost(1, 100, 300))
    one.gap(never_captured(2, 300))
    assert one.hear(Through(100)) == [
        Settled(Gap(2, Span(100, 300), GapCause.LOST_AFTER_ACK), 300, 1),
        Settled(device_lost(300), 300, 2),
    ]
    assert one.settled == 300


def test_a_loss_of_which_all_was_received_leaves_only_its_number() -> None:
    assert segmenter(covered=100).gap(lost(1, 100, 100)) == [Settled(None, 100, 1)]


def test_speech_without_words_keeps_its_place_among_gaps() -> None:
    one = segmenter()
    one.gap(never_captured(1, 100))
    one.gap(never_captured(2, 300))
    assert one.hear(Wordless(Span(120, 300))) == [
        Settled(device_lost(100), 100, 1),
        Settled(Gap(2, Span(120, 300), GapCause.UNRECOGNISED), 300, 1),
        Settled(device_lost(300), 300, 2),
    ]


def test_words_an_engine_places_into_a_loss_are_trimmed_to_what_was_heard() -> None:
    """An engine's times may be off by a little where its audio starts again after a hole."""
    one = segmenter()
    one.gap(lost(1, 100, 200))
    assert one.hear(final(190, 300)) == [
        Settled(Gap(2, Span(100, 200), GapCause.LOST_AFTER_ACK), 200, 1),
        Settled(segment(200, 300), 300, 1),
    ]


def test_gaps_out_of_order_are_our_own_mistake() -> None:
    one = segmenter()
    one.gap(lost(1, 100, 300))
    with pytest.raises(AssertionError):
        one.gap(never_captured(2, 299))


def test_what_is_no_hypothesis_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        segmenter().hear(cast(Hypothesis, "noise"))
