"""A vendor's count of samples and the take's: the same but for holes and for silence of our own."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.engines.remote_pace import Limits, Pace
from services.ingest.engines.remote_positions import Positions


def test_without_holes_the_take_is_only_moved() -> None:
    positions = Positions(1_000)
    positions.send(1_000, 500)
    positions.send(1_500, 500)
    assert (positions.start_of(0), positions.until_of(1_000)) == (1_000, 2_000)
    assert (positions.start_of(700), positions.until_of(700)) == (1_700, 1_700)


def test_at_a_hole_what_begins_there_lies_behind_it_and_what_ends_there_before_it() -> None:
    positions = Positions(0)
    positions.send(0, 100)
    positions.send(300, 100)
    assert (positions.until_of(100), positions.start_of(100)) == (100, 300)


def test_silence_of_our_own_has_no_place_in_the_take() -> None:
    positions = Positions(50)
    positions.pad(320)
    positions.send(50, 100)
    assert (positions.start_of(10), positions.until_of(320), positions.start_of(320)) == (50, 50, 50)
    assert positions.until_of(420) == 150


def test_what_a_vendor_makes_up_stays_inside_what_was_sent() -> None:
    positions = Positions(10)
    assert (positions.start_of(99), positions.until_of(99)) == (10, 10)
    positions.send(10, 5)
    assert (positions.start_of(99), positions.until_of(99)) == (15, 15)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 200)), min_size=1, max_size=30))
def test_every_sample_finds_its_way_back(pieces: list[tuple[int, int]]) -> None:
    positions = Positions(7)
    at = 7
    expected = {}
    for hole, length in pieces:
        at += hole
        for each in range(length):
            expected[positions.sent + each] = at + each
        positions.send(at, length)
        at += length
    assert {each: positions.start_of(each) for each in expected} == expected
    assert {each: positions.until_of(each + 1) for each in expected} == {
        each: take + 1 for each, take in expected.items()
    }
    positions.forget(at)
    assert positions.until_of(positions.sent) == at


def test_a_pace_lets_a_burst_go_and_then_the_rate() -> None:
    pace = Pace(Limits(rate_max=1.25, burst_ms=1_000))
    sent = 0
    now_ms = 5_000
    while now_ms < 25_000:
        wait_ms = pace.wait_ms(now_ms)
        now_ms += wait_ms
        pace.sent(now_ms, 1_600)
        sent += 100
    assert 20_000 * 1.25 <= sent <= 20_000 * 1.25 + 1_000 + 200


def test_limits_scale_together() -> None:
    fast = Limits(rate_max=1.25).scaled(10)
    assert (fast.rate_max, fast.stall_ms, fast.burst_ms) == (12.5, 800, 10_000)
