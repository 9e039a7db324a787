"""One walk of the sweep: over all the sessions of a list, several at once, in as many sweeps as it takes.

Whoever asks for a sweep waits for a few minutes at most, and instances come and go. So a walk stops when its time is
over, and goes on from there the next time; and when what it needs is away it does not find that out session by session.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.domain.values import SessionId
from shared.errors import DictationError, Retry
from shared.lease import answered
from shared.observe import get_logger
from shared.ports import Clock, Stored
from shared.tasks import stop

AT_ONCE: Final = 8
"""Most of what a session costs is waiting for the store; more at once would be felt by those who dictate."""

WALK_MS_MAX: Final = 30_000
"""A sweep of four walks, each of which ends what it has begun, stays well below the 180 s that Cloud Scheduler waits."""

FAILURES_IN_A_ROW_MAX: Final = 3
"""One session may fail alone; when several do, the rest would only wait for the same one by one."""

PageAfter = Callable[[SessionId | None], Awaitable[list[Stored]]]
Attend = Callable[[Stored], Awaitable[None]]

log = get_logger("sweep")


class Walk:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._after: SessionId | None = None
        self._failures = 0
        self._failure: Retry | None = None

    async def go_on(self, page_after: PageAfter, attend: Attend) -> bool:
        """Attend to what follows the last session of the walk before, for WALK_MS_MAX; one that fails is left to the
        next round. Returns whether that was the rest: then the next walk begins at the first session again.

        Raises what `page_after` raises; and Retry once several in a row did. The next walk goes on behind those, so that
        a few that always fail do not keep it from the others.
        """
        until_ms = self._clock.monotonic_ms() + WALK_MS_MAX
        self._failures, self._failure = 0, None
        while page := await answered(page_after(self._after)):
            await self._attend_to(page, attend, until_ms)
            if self._failure is not None:
                raise self._failure
            if self._clock.monotonic_ms() >= until_ms:
                return False
        self._after = None
        return True

    async def _attend_to(self, page: list[Stored], attend: Attend, until_ms: int) -> None:
        left = iter(page)

        async def work() -> None:
            while self._failure is None and self._clock.monotonic_ms() < until_ms:
                if (stored := next(left, None)) is None:
                    return
                self._after = stored.session
                await self._attend(stored, attend)

        workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(page)))]
        try:
            await asyncio.gather(*workers)
        finally:
            await stop(*workers)

    async def _attend(self, stored: Stored, attend: Attend) -> None:
        try:
            await attend(stored)
            self._failures = 0
        except DictationError as error:
            log.warning("the sweep could not attend to a session", session=stored.session, exc_info=error)
            self._failures += 1
            if isinstance(error, Retry) and self._failures >= FAILURES_IN_A_ROW_MAX:
                self._failure = error
