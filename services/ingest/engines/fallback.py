"""Stage 6 of 13. Several engines as one: when one gives up, the next hears what that one had not settled.

A session stays where it went until it pauses: to try the first engine again in the middle of a sentence would risk the
sentence for nothing. Every final names the engine that said it.
"""

from collections.abc import Callable, Sequence
from typing import Final as Constant

from services.ingest.engines.base import Capabilities, Engine, Trouble
from services.ingest.engines.remote_failures import VendorFailure
from services.ingest.engines.replaying import Opened, ReplayingStream
from shared.domain.session import SessionConfig
from shared.errors import EngineUnavailable
from shared.ports import Clock

GIVE_UP_MS: Constant = 60_000
ROUND_MS_MAX: Constant = 2_000
"""Full jitter between two rounds through all engines, so that engines which refuse at once are not hammered."""


class Fallback:
    def __init__(
        self,
        engines: Sequence[Engine],
        clock: Clock,
        draw: Callable[[], float],
        give_up_ms: int = GIVE_UP_MS,
    ) -> None:
        """`engines` in the order in which to try them. `draw` gives a number from 0 to below 1 for the jitter."""
        assert engines
        self._engines = tuple(engines)
        self._clock = clock
        self._draw = draw
        self._give_up_ms = give_up_ms
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """What all can; what a caller must allow for is the worst of all."""
        every = [engine.capabilities for engine in self._engines]
        return Capabilities(
            name="+".join(can.name for can in every),
            word_times=all(can.word_times for can in every),
            settles_in_ms=max(can.settles_in_ms for can in every),
            utterance_ms_max=max(can.utterance_ms_max for can in every),
            streams_max=min(can.streams_max for can in every),
            ingest_rate_max=min(
                (can.ingest_rate_max for can in every if can.ingest_rate_max is not None), default=None
            ),
        )

    async def open(self, config: SessionConfig, start: int) -> ReplayingStream:
        if self._closed:
            raise EngineUnavailable("the speech engines are closed")
        source = _Engines(self._engines, config, self._clock, self._draw, self._give_up_ms)
        # Whether a stream is dead is for each engine's own wrapper to know: engines differ in what they owe when.
        return ReplayingStream(source, self._clock, start, None)

    async def check(self) -> None:
        for engine in self._engines:
            await engine.check()

    async def close(self) -> None:
        self._closed = True
        for engine in self._engines:
            await engine.close()


class _Engines:
    """One session's way through the engines."""

    trouble = Trouble.FAILING_OVER

    def __init__(
        self,
        engines: Sequence[Engine],
        config: SessionConfig,
        clock: Clock,
        draw: Callable[[], float],
        give_up_ms: int,
    ) -> None:
        self._engines = engines
        self._config = config
        self._clock = clock
        self._draw = draw
        self._give_up_ms = give_up_ms
        self._at = 0
        self._failed: list[EngineUnavailable] = []
        """Of this round: one failure for each engine tried since something was settled."""
        self._failing_since_ms: int | None = None

    async def next(self, failure: EngineUnavailable | None, start: int) -> Opened:
        while True:
            if failure is not None:
                await self._move_on(failure)
            engine = self._engines[self._at]
            try:
                return Opened(await engine.open(self._config, start), engine.capabilities.name)
            except EngineUnavailable as error:
                failure = error

    def progressed(self) -> None:
        self._failing_since_ms = None
        self._failed.clear()

    def rests(self) -> bool:
        is_elsewhere = self._at != 0
        self._at = 0
        return is_elsewhere

    async def _move_on(self, failure: EngineUnavailable) -> None:
        """Raises `failure` where no engine is left to hope for."""
        now_ms = self._clock.monotonic_ms()
        self._failing_since_ms = now_ms if self._failing_since_ms is None else self._failing_since_ms
        self._failed.append(failure)
        self._at = (self._at + 1) % len(self._engines)
        if len(self._failed) < len(self._engines):
            return
        is_late = now_ms - self._failing_since_ms >= self._give_up_ms
        if is_late or all(isinstance(each, VendorFailure) and not each.retryable for each in self._failed):
            raise failure
        self._failed.clear()
        await self._clock.sleep_ms(round(self._draw() * ROUND_MS_MAX))
