"""The engines at the speech vendors, over servers of this process, in a time that runs faster than ours."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import structlog

from services.ingest.engines import deepgram as deepgram_engine
from services.ingest.engines import speechmatics as speechmatics_engine
from services.ingest.engines.base import Engine
from services.ingest.engines.deepgram import DeepgramEngine
from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.speechmatics import SpeechmaticsEngine
from shared.adapters.clocks import SystemClock
from tests.providers import deepgram, speechmatics
from tests.providers.session import Setting, start

VENDORS: Final = ("deepgram", "speechmatics")


class HurriedClock:
    """`ports.Clock` whose time runs `speed` times as fast as this machine's."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._machine = SystemClock()

    def wall_ms(self) -> int:
        return self._machine.wall_ms()

    def monotonic_ms(self) -> int:
        return round(time.monotonic_ns() * self._speed / 1_000_000)

    async def sleep_ms(self, duration_ms: int) -> None:
        await self._machine.sleep_ms(round(duration_ms / self._speed))


@contextlib.asynccontextmanager
async def serving(vendor: str, setting: Setting) -> AsyncIterator[str]:
    """HOST:PORT of a server that ends here."""
    theirs = deepgram if vendor == "deepgram" else speechmatics
    server = await start(theirs.make, theirs.admit, setting, 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        await server.wait_closed()


def limits_of(vendor: str, speed: float) -> Limits:
    """What the service keeps to, `speed` times as fast. A second of audio remains one."""
    given = deepgram_engine.LIMITS if vendor == "deepgram" else speechmatics_engine.LIMITS
    return given if speed == 1 else replace(given.scaled(speed), burst_ms=given.burst_ms)


def engine_at(vendor: str, address: str, limits: Limits) -> Engine:
    url, clock = f"ws://{address}", SystemClock()
    if vendor == "deepgram":
        return DeepgramEngine(url, "key", clock, limits)
    return SpeechmaticsEngine(url, "key", clock, limits)


def be_quiet() -> None:
    """Vendors that fail all the time would fill the log with it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
