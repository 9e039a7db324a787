"""When captured audio comes."""

from client.pace import Pace


def test_speed_one_is_real_time() -> None:
    pace = Pace(1.0)
    assert pace.due_ms(0, 1_600, 0, now_ms=5_000) == 5_100
    assert pace.due_ms(1_600, 3_200, 0, now_ms=5_100) == 5_200


def test_other_speeds_are_times_real_time() -> None:
    assert Pace(4.0).due_ms(0, 16_000, 0, now_ms=0) == 250
    assert Pace(0.5).due_ms(0, 16_000, 0, now_ms=0) == 2_000


def test_no_speed_waits_for_nothing() -> None:
    assert Pace(None).due_ms(0, 16_000, 0, now_ms=7) == 7


def test_a_wait_that_came_late_is_not_added_up() -> None:
    pace = Pace(1.0)
    pace.due_ms(0, 1_600, 0, now_ms=0)
    assert pace.due_ms(1_600, 3_200, 0, now_ms=180) == 200


def test_what_is_covered_is_not_spoken_again_and_the_rest_is_paced_from_there() -> None:
    pace = Pace(1.0)
    assert pace.due_ms(0, 16_000, covered=32_000, now_ms=50) == 50
    assert pace.due_ms(16_000, 32_000, covered=32_000, now_ms=50) == 50
    assert pace.due_ms(32_000, 33_600, covered=32_000, now_ms=60) == 150


def test_after_a_stall_nothing_is_caught_up() -> None:
    pace = Pace(1.0)
    pace.due_ms(0, 1_600, 0, now_ms=0)
    pace.begin(now_ms=90_000, sample=1_600)
    assert pace.due_ms(1_600, 3_200, 0, now_ms=90_000) == 90_100
