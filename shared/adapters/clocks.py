"""The machine's own time."""

import asyncio
import time


class SystemClock:
    """`ports.Clock` over the operating system. Tests have clocks of their own, which they move by hand."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1_000)
