"""What the tests of the vendors' engines share: a server on a socket here, hurried limits, and a stream played to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final

from services.ingest.engines.base import Engine, EngineStream, Hypothesis, Through
from services.ingest.engines.base import Final as FinalWords
from services.ingest.engines.deepgram import DeepgramEngine
from services.ingest.engines.remote_failures import VendorFailure
from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.scripted import ScriptedEngine
from services.ingest.engines.speechmatics import SpeechmaticsEngine
from shared.adapters.clocks import SystemClock
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, samples
from shared.tasks import stop
from tests.contract.engines import speech
from tests.providers import deepgram, speechmatics
from tests.providers.faults import parse
from tests.providers.session import Setting, start

VENDORS: Final = ("deepgram", "speechmatics")

HURRIED: Final = Limits(
    rate_max=1_000,
    burst_ms=60_000,
    connect_ms=400,
    start_ms=1_000,
    send_ms=400,
    finalise_ms=200,
    end_ms=500,
    keep_alive_ms=100,
    ping_ms=400,
    stall_ms=300,
    quiet_ms=1_500,
    tick_ms=20,
)

CHUNK: Final = samples(0.1)


@dataclass(frozen=True, slots=True)
class Vendor:
    engine: Engine
    setting: Setting


@contextlib.asynccontextmanager
async def vendor(name: str, *faults: str, limits: Limits = HURRIED, **setting: Any) -> AsyncIterator[Vendor]:
    """An engine, and the server it speaks to, which expects no violation unless one is looked for."""
    given = replace(
        Setting(ScriptedEngine(SystemClock()), parse(faults), paced=False, interim_every_s=0.1), **setting
    )
    make, admit = (
        (deepgram.make, deepgram.admit) if name == "deepgram" else (speechmatics.make, speechmatics.admit)
    )
    server = await start(make, admit, given, 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    kind = DeepgramEngine if name == "deepgram" else SpeechmaticsEngine
    engine = kind(url, "key", SystemClock(), limits)
    try:
        yield Vendor(engine, given)
    finally:
        await engine.close()
        server.close()
        await server.wait_closed()


def pcm(start: int, until: int) -> bytes:
    return speech()[start * BYTES_PER_SAMPLE : until * BYTES_PER_SAMPLE]


async def feed(stream: EngineStream, until_s: float, *, flush: bool = True, pause_s: float = 0.0) -> None:
    """`pause_s` after every tenth of a second of audio: recorders do not bring it all at once."""
    until = samples(until_s)
    for at in range(0, until, CHUNK):
        await stream.feed(at, pcm(at, min(until, at + CHUNK)))
        await SystemClock().sleep_ms(round(pause_s * 1_000))
    if flush:
        await stream.flush(until)


async def heard_through(stream: EngineStream, until_s: float) -> list[Hypothesis]:
    said: list[Hypothesis] = []
    async for each in stream.heard():
        said.append(each)
        if isinstance(each, Through) and each.until >= samples(until_s):
            break
    return said


@dataclass(frozen=True, slots=True)
class Ending:
    said: list[Hypothesis]
    failure: VendorFailure

    @property
    def reached(self) -> int:
        """Where the next stream must start."""
        ends = [each.until if isinstance(each, Through) else each.span.until for each in self.said
                if isinstance(each, Through | FinalWords)]  # fmt: skip
        return max(ends, default=0)


async def death(engine: Engine, until_s: float = 4.0, *, pause_s: float = 0.01, flush: bool = True) -> Ending:
    """How a stream ends that was fed so much audio, and what it said before."""
    said: list[Hypothesis] = []
    try:
        stream = await engine.open(SessionConfig(), 0)
    except VendorFailure as failure:
        return Ending(said, failure)
    feeding = asyncio.create_task(feed(stream, until_s, pause_s=pause_s, flush=flush))
    try:
        async for each in stream.heard():
            said.append(each)
    except VendorFailure as failure:
        return Ending(said, failure)
    finally:
        await stop(feeding)
        await stream.close()
    raise AssertionError("the stream outlived its fault")
