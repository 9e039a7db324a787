"""The process that `adapters.py` measures: KIND VENDOR URL SESSIONS FRAME_MS SECONDS; prints what it cost as JSON."""

import argparse
import asyncio
import cProfile
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from websockets.asyncio.client import connect

from services.ingest.engines.base import Engine
from services.ingest.engines.build import build_engine
from services.ingest.engines.deepgram import query
from shared.adapters.clocks import SystemClock
from shared.config import load_config
from shared.domain.session import SessionConfig
from shared.domain.values import SAMPLES_PER_MS
from shared.tasks import stop
from tests.bench.kills_run import noise
from tests.providers.hurried import be_quiet, engine_at, limits_of

KINDS: Final = ("bare", "adapter", "built")
STEADY: Final = 0.2
"""The first part of the time is not counted: connections open, and what is first used is loaded."""


class Session(Protocol):
    async def send(self, start: int, pcm: bytes) -> None: ...

    async def drop_what_comes(self) -> None: ...


class _Bare:
    def __init__(self, url: str, vendor: str) -> None:
        self._vendor = vendor
        if vendor == "deepgram":
            asked = query(SessionConfig())
            url += "/v1/listen?" + "&".join(f"{name}={_spelt(value)}" for name, value in asked.items())
        self._connecting = connect(url, additional_headers=_headers(vendor), compression=None)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["_Bare"]:
        async with self._connecting as self._connection:
            if self._vendor == "speechmatics":
                await self._connection.send(json.dumps({
                    "message": "StartRecognition",
                    "audio_format": {"type": "raw", "encoding": "pcm_s16le", "sample_rate": 16_000},
                    "transcription_config": {"language": "en", "model": "enhanced", "enable_partials": True,
                                             "max_delay": 1.0},
                }))  # fmt: skip
            yield self

    async def send(self, start: int, pcm: bytes) -> None:
        await self._connection.send(pcm)

    async def drop_what_comes(self) -> None:
        while True:
            await self._connection.recv(decode=False)


def _spelt(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _headers(vendor: str) -> dict[str, str]:
    return {"Authorization": "Token key" if vendor == "deepgram" else "Bearer key"}


class _Stream:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["_Stream"]:
        self._stream = await self._engine.open(SessionConfig(), 0)
        try:
            yield self
        finally:
            await self._stream.close()

    async def send(self, start: int, pcm: bytes) -> None:
        await self._stream.feed(start, pcm)

    async def drop_what_comes(self) -> None:
        async for _ in self._stream.heard():
            pass


@asynccontextmanager
async def _maker(kind: str, vendor: str, url: str) -> AsyncIterator[Callable[[], _Bare | _Stream]]:
    if kind == "bare":
        yield lambda: _Bare(url if vendor == "deepgram" else f"{url}/v2", vendor)
        return
    if kind == "adapter":
        engine = engine_at(vendor, url.removeprefix("ws://"), limits_of(vendor, 1))
    else:
        engine = build_engine(load_config(engines=(vendor,), provider_urls={vendor: url}), SystemClock())
    await engine.check()
    try:
        yield lambda: _Stream(engine)
    finally:
        await engine.close()


async def _measure(told: argparse.Namespace) -> dict[str, float]:
    frame = told.frame_ms * SAMPLES_PER_MS
    pcm = noise(1, SAMPLES_PER_MS * 1_000)[: frame * 2]
    frames = round(told.seconds * 1_000 / told.frame_ms)
    async with AsyncExitStack() as opened:
        make = await opened.enter_async_context(_maker(told.kind, told.vendor, told.url))
        sessions: list[Session] = [
            await opened.enter_async_context(make().opened()) for _ in range(told.sessions)
        ]
        listening = [asyncio.create_task(each.drop_what_comes()) for each in sessions]
        opened.push_async_callback(stop, *listening)
        began = asyncio.get_running_loop().time()
        speaking = [
            asyncio.create_task(_speak(each, pcm, frames, began + told.frame_ms / 1_000 * at / told.sessions))
            for at, each in enumerate(sessions)
        ]
        await _at(began + STEADY * told.seconds)
        cpu_s, at_s = time.process_time(), asyncio.get_running_loop().time()
        await _at(began + told.seconds)
        cpu_s, lasted_s = time.process_time() - cpu_s, asyncio.get_running_loop().time() - at_s
        resident_kb = _resident_kb()
        await asyncio.gather(*speaking)
        # One that ended has failed, and the rest is cheap without it.
        assert not any(each.done() for each in listening), [each for each in listening if each.done()]
    return {"cpu_s": cpu_s, "audio_s": lasted_s * told.sessions, "resident_kb": resident_kb}


async def _speak(session: Session, pcm: bytes, frames: int, began: float) -> None:
    """Each session at a phase of its own, as speakers are."""
    length = len(pcm) // 2
    for frame in range(frames):
        await _at(began + frame * length / SAMPLES_PER_MS / 1_000)
        await session.send(frame * length, pcm)


async def _at(time_s: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    timer = loop.call_at(time_s, due.set_result, None)
    try:
        await due
    finally:
        timer.cancel()


def _resident_kb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.adapters_client", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("vendor")
    parser.add_argument("url")
    parser.add_argument("sessions", type=int)
    parser.add_argument("frame_ms", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--profile")
    told = parser.parse_args()
    be_quiet()
    profile = cProfile.Profile()
    if told.profile:
        profile.enable()
    cost = asyncio.run(_measure(told))
    if told.profile:
        profile.disable()
        profile.dump_stats(told.profile)
    json.dump(cost, sys.stdout)


if __name__ == "__main__":
    main()
