"""Where utterances end: marks, gaps, holes, length, another take, and the end of recording. Nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.entries import Entry, Gap, GapCause, Logged, Segment
from shared.domain.utterances import HOLE_SAMPLES, UTTERANCE_SAMPLES_MAX, Utterance, complete_utterances
from shared.domain.values import Span, samples


def said(start_s: float, until_s: float, *, end: bool = False, take: int = 1) -> Segment:
    return Segment(take, Span(samples(start_s), samples(until_s)), "words", utterance_end=end)


def missing(at_s: float, take: int = 1) -> Gap:
    return Gap(take, Span(samples(at_s), samples(at_s)), GapCause.SUSPENDED, 400)


def cut(*entries: Entry, recording: bool = True, first: int = 0) -> list[tuple[int, int]]:
    log = [Logged(first + n, entry) for n, entry in enumerate(entries)]
    return [(each.first, each.last) for each in complete_utterances(log, recording=recording)]


def test_nothing_said_is_no_utterance() -> None:
    assert cut() == cut(recording=False) == []


def test_what_may_go_on_is_not_complete() -> None:
    assert cut(said(0, 1), said(1, 2)) == []


def test_the_engines_mark_ends_one() -> None:
    assert cut(said(0, 1), said(1, 2, end=True), said(2, 3), first=7) == [(7, 8)]


def test_a_gap_ends_one_and_belongs_to_it() -> None:
    assert cut(said(0, 1), missing(1), said(1, 2)) == [(0, 1)]
    assert cut(missing(0), missing(0), said(0, 1)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize(("hole", "ends"), [(HOLE_SAMPLES - 1, []), (HOLE_SAMPLES, [(0, 0)])])
def test_a_hole_ends_one(hole: int, ends: list[tuple[int, int]]) -> None:
    after = Segment(1, Span(samples(1) + hole, samples(1) + hole + 100), "words")
    assert cut(said(0, 1), after) == ends


@pytest.mark.parametrize(
    ("until", "ends"), [(UTTERANCE_SAMPLES_MAX, []), (UTTERANCE_SAMPLES_MAX + 1, [(0, 1)])]
)
def test_none_grows_beyond_its_length(until: int, ends: list[tuple[int, int]]) -> None:
    assert cut(said(0, 30), said(30, 59), Segment(1, Span(samples(59), until), "words")) == ends


def test_a_segment_longer_than_that_stands_alone() -> None:
    assert cut(said(0, 70), said(70, 71), said(71, 72, end=True)) == [(0, 0), (1, 2)]


def test_another_take_ends_one() -> None:
    assert cut(said(0, 1), said(0, 1, take=2), said(1, 2, take=2, end=True)) == [(0, 0), (1, 2)]


def test_what_is_left_ends_when_recording_does() -> None:
    assert cut(said(0, 1, end=True), said(1, 2), said(2, 3), recording=False) == [(0, 0), (1, 2)]


def test_an_utterance_has_its_segments_and_gaps() -> None:
    words, gap = said(0, 1), missing(1)
    log = [Logged(4, words), Logged(5, gap)]
    assert complete_utterances(log, recording=True) == [Utterance(4, 5, (words,), (gap,))]


@st.composite
def logs(draw: st.DrawFn) -> list[Logged]:
    entries: list[Entry] = []
    at, take = 0, 1
    for _ in range(draw(st.integers(0, 25))):
        if draw(st.integers(0, 9)) == 0:
            at, take = 0, take + 1
        start = at + draw(st.sampled_from([0, 0, 100, HOLE_SAMPLES - 1, HOLE_SAMPLES]))
        at = start + draw(st.integers(1, samples(40)))
        if draw(st.integers(0, 9)) == 0:
            entries.append(Gap(take, Span(start, at), GapCause.UNRECOGNISED))
        else:
            entries.append(Segment(take, Span(start, at), "", utterance_end=draw(st.integers(0, 4)) == 0))
    first = draw(st.integers(0, 100))
    return [Logged(first + n, entry) for n, entry in enumerate(entries)]


@given(logs())
def test_utterances_follow_each_other_without_a_hole(log: list[Logged]) -> None:
    done = complete_utterances(log, recording=False)
    indexes = [index for each in done for index in range(each.first, each.last + 1)]
    assert indexes == [logged.index for logged in log]
    assert sum(len(each.segments) + len(each.gaps) for each in done) == len(log)


@given(logs(), st.integers(0, 25))
def test_what_is_complete_stays_as_it_is_whatever_follows(log: list[Logged], seen: int) -> None:
    before = complete_utterances(log[:seen], recording=True)
    after = complete_utterances(log, recording=True)
    assert after[: len(before)] == before


@given(logs(), st.integers(0, 25))
def test_beginning_again_after_a_complete_one_cuts_the_same(log: list[Logged], skipped: int) -> None:
    """As polish does: its cursor stands after the last utterance it wrote."""
    done = complete_utterances(log, recording=True)
    cursor = done[:skipped][-1].last + 1 if done[:skipped] else (log[0].index if log else 0)
    rest = [logged for logged in log if logged.index >= cursor]
    assert complete_utterances(rest, recording=True) == done[len(done[:skipped]) :]
