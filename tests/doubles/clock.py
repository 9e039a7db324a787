"""A clock that a test moves by hand."""

import asyncio
import heapq
from itertools import count


class ManualClock:
    """`ports.Clock` whose time stands still until `advance`."""

    def __init__(self, wall_ms: int = 1_700_000_000_000) -> None:
        self._wall_ms = wall_ms
        self._monotonic_ms = 0
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._slept = asyncio.Event()

    def wall_ms(self) -> int:
        return self._wall_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    async def sleep_ms(self, duration_ms: int) -> None:
        if duration_ms <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slept.set()
        heapq.heappush(self._sleepers, (self._monotonic_ms + duration_ms, next(self._order), woken))
        await woken

    async def until_somebody_sleeps(self) -> None:
        """Time that passes before anybody waits for it wakes nobody."""
        while not any(not woken.done() for _, _, woken in self._sleepers):
            self._slept.clear()
            await self._slept.wait()

    def advance(self, duration_ms: int) -> None:
        """Move both times on, and wake whose time has come, in the order of their times."""
        self._wall_ms += duration_ms
        self._monotonic_ms += duration_ms
        while self._sleepers and self._sleepers[0][0] <= self._monotonic_ms:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)

    def set_wall_ms(self, wall_ms: int) -> None:
        """As when a machine's clock is put right: only the wall jumps."""
        self._wall_ms = wall_ms
