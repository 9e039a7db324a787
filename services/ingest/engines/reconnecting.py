"""Stage 6 of 13. An engine whose streams outlive their connections: what dies is opened again and hears the rest.

The engine's own streams keep to the rate it takes audio at, and a feed waits for them; a replay is no exception.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final as Constant

from services.ingest.engines.base import Capabilities, Engine, Trouble
from services.ingest.engines.remote_failures import Kind, VendorFailure
from services.ingest.engines.replaying import Opened, Patience, ReplayingStream
from shared.domain.session import SessionConfig
from shared.domain.values import samples
from shared.errors import EngineUnavailable
from shared.ports import Clock

OPEN_MS_MAX: Constant = 25_000
"""More than any engine allows its vendor, so that its own, better, sentence is the one that is said."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Every duration in milliseconds."""

    give_up_ms: int = 60_000
    """An engine that has settled nothing for so long since it failed is given up."""
    backoff_ms: int = 200
    backoff_ms_max: int = 5_000
    stall_ms: int = 5_000
    """How long, beyond what its words may take, a stream that owes some may say nothing."""


class Reconnecting:
    def __init__(
        self, engine: Engine, clock: Clock, draw: Callable[[], float], deadlines: Deadlines = Deadlines()
    ) -> None:
        """`draw` gives a number from 0 to below 1 for the jitter."""
        self._engine = engine
        self._clock = clock
        self._draw = draw
        self._deadlines = deadlines
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    async def open(self, config: SessionConfig, start: int) -> ReplayingStream:
        """At once; a connection is made when the first audio comes."""
        if self._closed:
            raise EngineUnavailable("the speech engine is closed")
        can = self._engine.capabilities
        answer_ms = can.utterance_ms_max + can.settles_in_ms
        patience = Patience(answer_ms + self._deadlines.stall_ms, samples(answer_ms / 1_000))
        source = _Connections(self._engine, config, self._clock, self._draw, self._deadlines)
        return ReplayingStream(source, self._clock, start, patience)

    async def check(self) -> None:
        await self._engine.check()

    async def close(self) -> None:
        self._closed = True
        await self._engine.close()


class _Connections:
    """One session's connections to one engine."""

    trouble = Trouble.RECONNECTING

    def __init__(
        self,
        engine: Engine,
        config: SessionConfig,
        clock: Clock,
        draw: Callable[[], float],
        deadlines: Deadlines,
    ) -> None:
        self._engine = engine
        self._config = config
        self._clock = clock
        self._draw = draw
        self._deadlines = deadlines
        self._failing_since_ms: int | None = None
        self._attempts = 0

    async def next(self, failure: EngineUnavailable | None, start: int) -> Opened:
        while True:
            if failure is not None:
                await self._back_off(failure)
            try:
                async with asyncio.timeout(OPEN_MS_MAX / 1_000):
                    stream = await self._engine.open(self._config, start)
                return Opened(stream, self._engine.capabilities.name)
            except TimeoutError:
                failure = EngineUnavailable("the speech engine does not answer")
            except EngineUnavailable as error:
                failure = error

    def progressed(self) -> None:
        self._failing_since_ms = None
        self._attempts = 0

    def rests(self) -> bool:
        return False

    async def _back_off(self, failure: EngineUnavailable) -> None:
        """Raises `failure` where no further attempt is worth it."""
        now_ms = self._clock.monotonic_ms()
        self._failing_since_ms = now_ms if self._failing_since_ms is None else self._failing_since_ms
        left_ms = self._failing_since_ms + self._deadlines.give_up_ms - now_ms
        asked_ms = 0
        if isinstance(failure, VendorFailure):
            if failure.retry_after_ms is None or failure.retry_after_ms > left_ms:
                raise failure
            asked_ms = failure.retry_after_ms
        if left_ms <= 0:
            raise failure
        ceiling_ms = min(
            self._deadlines.backoff_ms_max, self._deadlines.backoff_ms << min(self._attempts, 10)
        )
        is_first_rotation = (
            isinstance(failure, VendorFailure) and failure.kind is Kind.ROTATE and not self._attempts
        )
        self._attempts += 1
        # Full jitter: a vendor that returns is not to be met by every session of every instance at once.
        wait_ms = 0 if is_first_rotation else round(self._draw() * ceiling_ms)
        await self._clock.sleep_ms(min(left_ms, asked_ms + wait_ms))
