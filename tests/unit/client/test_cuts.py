"""Where a connection is cut on purpose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.cuts import Cuts


def test_nothing_is_cut_unless_asked() -> None:
    assert Cuts(None).sent(0, 1_000_000) is None


def test_a_cut_comes_exactly_after_so_many_new_samples() -> None:
    cuts = Cuts(1_000)
    assert cuts.sent(0, 600) is None
    assert cuts.sent(600, 1_200) == 1_000
    assert cuts.sent(1_000, 1_999) is None
    assert cuts.sent(1_999, 2_000) == 2_000


def test_what_is_sent_again_counts_for_nothing() -> None:
    cuts = Cuts(1_000)
    assert cuts.sent(0, 900) is None
    assert cuts.sent(0, 900) is None
    assert cuts.sent(500, 1_000) == 1_000


def test_what_an_earlier_run_sent_counts_for_nothing() -> None:
    assert Cuts(1_000).sent(50_000, 50_900) is None


@given(
    every=st.integers(1, 50),
    sends=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 120)), min_size=1, max_size=60),
)
def test_each_connection_gets_as_far_as_asked_beyond_the_one_before(
    every: int, sends: list[tuple[int, int]]
) -> None:
    """Frames follow each other; after a cut they begin again somewhere below it."""
    cuts, at, last_cut = Cuts(every), 0, 0
    for back, length in sends:
        cut_at = cuts.sent(at, at + length)
        if cut_at is None:
            at += length
            assert at < last_cut + every
        else:
            assert cut_at == last_cut + every
            assert at < cut_at <= at + length
            last_cut = cut_at
            at = max(0, cut_at - back)


def test_cuts_of_nothing_are_a_mistake() -> None:
    with pytest.raises(AssertionError):
        Cuts(0)
