"""A take's progress never goes back, and what is not delivered is known."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.takes import Take
from shared.domain.values import TakeId

TAKE = Take(TakeId("take"), 1, dial=5, covered=100, captured_until=300, gaps_through=2, seen_at_ms=1_000)
numbers = st.integers(0, 1_000)


def advanced(take: Take, covered: int, captured_until: int, gaps_through: int, seen_at_ms: int) -> Take:
    return take.advanced(
        covered=covered, captured_until=captured_until, gaps_through=gaps_through, seen_at_ms=seen_at_ms
    )


def test_a_commit_moves_it_on() -> None:
    after = advanced(TAKE, 200, 400, 3, 2_000)
    assert after == replace(TAKE, covered=200, captured_until=400, gaps_through=3, seen_at_ms=2_000)


def test_what_came_late_moves_nothing_back() -> None:
    assert advanced(TAKE, 100, 0, 2, 0) == TAKE


def test_what_is_covered_was_captured() -> None:
    assert advanced(TAKE, 500, 0, 2, 0).captured_until == 500


@pytest.mark.parametrize(("covered", "gaps_through"), [(99, 2), (100, 1)])
def test_covered_and_gaps_never_go_back(covered: int, gaps_through: int) -> None:
    with pytest.raises(AssertionError, match="went back"):
        advanced(TAKE, covered, 300, gaps_through, 1_000)


@pytest.mark.parametrize(
    ("covered", "captured_until", "undelivered"), [(0, 0, 0), (5, 9, 4), (9, 9, 0), (9, 5, 0)]
)
def test_what_is_undelivered_is_what_was_captured_beyond_covered(
    covered: int, captured_until: int, undelivered: int
) -> None:
    assert replace(TAKE, covered=covered, captured_until=captured_until).undelivered == undelivered


@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=8))
def test_any_commits_in_order_only_add(steps: list[tuple[int, int, int, int]]) -> None:
    take = Take(TakeId("take"), 1, dial=1)
    for covered, captured, gaps, seen in steps:
        after = advanced(take, take.covered + covered, captured, take.gaps_through + gaps, seen)
        assert after.covered >= take.covered
        assert after.captured_until >= max(take.captured_until, after.covered)
        assert after.seen_at_ms >= take.seen_at_ms
        assert (after.take_id, after.number, after.dial) == (take.take_id, take.number, take.dial)
        take = after
