"""Whether this instance takes new work: one state, three words; and whether it could store what comes of it."""

import asyncio
from enum import StrEnum
from typing import Final

from shared.errors import DictationError, Retry
from shared.lease import answered
from shared.ports import Clock, Store

KEPT_MS: Final = 1_000
"""Who waits for a server to be ready asks again every second or so."""


class Phase(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class NotServing(Retry):
    """This instance takes no new work; the same request may be answered by another, or by this one later."""

    error = "not_serving"


_WHY_NOT: Final = {
    Phase.STARTING: "this server is starting; try again in a moment",
    Phase.DRAINING: "this server is stopping; another one answers in a moment",
}


class Readiness:
    """Goes from starting to serving to draining, and never back."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING

    def serve(self) -> None:
        if self.phase is Phase.STARTING:
            self.phase = Phase.SERVING

    def drain(self) -> None:
        self.phase = Phase.DRAINING

    def check(self) -> None:
        """Raises NotServing unless new work may come."""
        if self.phase is not Phase.SERVING:
            raise NotServing(_WHY_NOT[self.phase])


class StoreHealth:
    """Whether the store can be read and written, found out once for all who ask within KEPT_MS.

    Anybody may ask, and finding out is a write of one and the same document.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asking = asyncio.Lock()
        self._asked_at_ms: int | None = None
        self._failure: DictationError | None = None

    async def check(self) -> None:
        """Raises StoreUnavailable, with what is wrong."""
        async with self._asking:
            if self._asked_at_ms is None or self._clock.monotonic_ms() - self._asked_at_ms >= KEPT_MS:
                await self._ask()
        if self._failure is not None:
            # Without the places it was raised at before, which would grow with everybody who asks.
            raise self._failure.with_traceback(None)

    async def _ask(self) -> None:
        try:
            await answered(self._store.check())
            self._failure = None
        except DictationError as failure:
            self._failure = failure
        self._asked_at_ms = self._clock.monotonic_ms()
