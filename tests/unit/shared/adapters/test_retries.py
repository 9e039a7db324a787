"""When a failed wake-up is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.retries import (
    ATTEMPTS_MAX,
    HIDDEN_MS_MAX,
    RETRY_FIRST_MS,
    RETRY_MS_MAX,
    retry_after_ms,
)


def test_the_wait_doubles_to_its_limit() -> None:
    waits = [retry_after_ms(attempt) for attempt in range(1, ATTEMPTS_MAX)]
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000]
    assert 8 * 60_000 < sum(waits) < 9 * 60_000


@given(st.integers(1, 10**6))
def test_no_wait_is_shorter_than_the_first_or_longer_than_the_last(attempts: int) -> None:
    assert RETRY_FIRST_MS <= retry_after_ms(attempts) <= retry_after_ms(attempts + 1) <= RETRY_MS_MAX


def test_no_wait_looks_like_one_of_a_wrong_clock() -> None:
    assert RETRY_MS_MAX < HIDDEN_MS_MAX


def test_the_first_attempt_is_number_one() -> None:
    with pytest.raises(AssertionError):
        retry_after_ms(0)
