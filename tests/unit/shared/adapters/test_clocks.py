"""The machine's own time."""

import time

from shared.adapters.clocks import SystemClock


def test_the_wall_shows_unix_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    shown = SystemClock().wall_ms()
    assert before <= shown <= time.time_ns() // 1_000_000


async def test_sleeping_takes_its_time_on_the_clock_that_only_grows() -> None:
    clock = SystemClock()
    before = clock.monotonic_ms()
    await clock.sleep_ms(5)
    assert clock.monotonic_ms() - before >= 4
