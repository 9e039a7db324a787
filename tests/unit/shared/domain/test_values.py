"""Spans are half-open and never run backwards; seconds, samples and milliseconds agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.values import SAMPLES_PER_MS, SAMPLES_PER_SECOND, Span, milliseconds, samples

numbers = st.integers(0, 2**40)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(numbers)
    return Span(start, start + draw(numbers))


@pytest.mark.parametrize(("start", "until"), [(-1, 0), (-5, -1), (1, 0), (16_000, 15_999)])
def test_a_span_that_runs_backwards_is_a_mistake(start: int, until: int) -> None:
    with pytest.raises(AssertionError):
        Span(start, until)


def test_a_span_knows_its_length_and_its_middle() -> None:
    assert (Span(3, 8).length, Span(3, 8).middle, Span(3, 8).is_empty) == (5, 5, False)
    assert (Span(3, 3).length, Span(3, 3).middle, Span(3, 3).is_empty) == (0, 3, True)


@pytest.mark.parametrize(
    ("low", "high", "clipped"),
    [
        (0, 100, Span(10, 20)),
        (10, 20, Span(10, 20)),
        (12, 100, Span(12, 20)),
        (0, 15, Span(10, 15)),
        (12, 15, Span(12, 15)),
        (20, 30, Span(20, 20)),
        (25, 30, Span(25, 25)),
        (0, 10, Span(10, 10)),
        (0, 5, Span(5, 5)),
        (15, 15, Span(15, 15)),
    ],
)
def test_a_span_is_clipped_to_what_is_inside(low: int, high: int, clipped: Span) -> None:
    assert Span(10, 20).clipped(low, high) == clipped


@given(spans(), spans())
def test_what_is_clipped_lies_within_and_loses_nothing_that_does(span: Span, bounds: Span) -> None:
    clipped = span.clipped(bounds.start, bounds.until)
    assert bounds.start <= clipped.start <= clipped.until <= bounds.until
    inside = max(0, min(span.until, bounds.until) - max(span.start, bounds.start))
    assert clipped.length == inside
    assert clipped.clipped(bounds.start, bounds.until) == clipped


@given(spans(), spans())
def test_spans_are_in_order_of_their_start(one: Span, two: Span) -> None:
    assert (one < two) == ((one.start, one.until) < (two.start, two.until))


def test_seconds_samples_and_milliseconds_agree() -> None:
    assert samples(1) == SAMPLES_PER_SECOND == 1_000 * SAMPLES_PER_MS
    assert samples(0.032) == 512
    assert milliseconds(samples(2.5)) == 2_500
    assert milliseconds(SAMPLES_PER_MS - 1) == 0
