"""Many streams to the speech vendors that end in every way: `python -m tests.bench.vendor_endings`.

Each is one dictation to both vendors, through their SDKs and everything the service wraps them in. The vendors' servers,
in processes of their own, serve well, die, refuse, hear nothing or leave questions unanswered; whoever dictates finishes,
stops in the middle, is cancelled, or goes before the stream is open. Prints what this process holds before and after:
nothing may be left of a stream.
"""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Final

from services.ingest.engines.base import Engine, EngineStream, Through
from services.ingest.engines.build import compose
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, samples
from shared.errors import EngineUnavailable
from shared.tasks import stop, together
from tests.bench.endings import AT_ONCE, Left, left_in
from tests.bench.kills_run import noise
from tests.providers.hurried import VENDORS, HurriedClock, be_quiet, engine_at, limits_of
from tests.providers.served import served

SPEED: Final = 20.0
LENGTH: Final = samples(20)
CHUNK: Final = samples(0.1)
WARM_UP: Final = 100
"""Streams after which pools of threads are full and caches are warm."""

SETTLE_MS: Final = 3_000
TROUBLES: Final[Sequence[tuple[Sequence[str], Sequence[str]]]] = (
    ((), ()),
    (("abort-every=2",), ("no-finalise-reply", "error-at=3")),
    (("deaf", "unknown"), ("abort-every=3",)),
    (("never-close", "no-finalise-reply"), ("early-mark",)),
    (("http-503",), ("http-401",)),
)
"""What is wrong with the first and the second vendor; a stream meets one of these pairs."""

WAYS: Final = ("finished", "stopped", "cancelled", "before it opened", "at once")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.vendor_endings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sessions", type=int, default=500)
    be_quiet()
    return asyncio.run(_measure(parser.parse_args().sessions))


async def _measure(sessions: int) -> int:
    async with AsyncExitStack() as opened:
        engines = [_composed(*trouble) for trouble in TROUBLES]
        for engine in engines:
            opened.push_async_callback(engine.close)
        await _many(engines, range(WARM_UP))
        before = _held()
        ways = await _many(engines, range(WARM_UP, WARM_UP + sessions))
        after = _held()
    print(f"{sessions} streams: {dict(sorted(ways.items()))}")
    print(f"before {before[0]} tasks, {before[1]}\nafter  {after[0]} tasks, {after[1]}")
    same = _counts(before) == _counts(after)
    print("nothing is left" if same else "SOMETHING IS LEFT")
    return 0 if same else 1


def _held() -> tuple[int, Left]:
    return len(asyncio.all_tasks()), left_in(os.getpid())


def _counts(held: tuple[int, Left]) -> tuple[int, ...]:
    tasks, left = held
    return tasks, left.threads, left.descriptors, left.children


def _composed(*faults: Sequence[str]) -> Engine:
    engines = []
    for vendor, given in zip(VENDORS, faults, strict=True):
        options = ["--time-scale", str(SPEED), *(each for name in given for each in ("--fault", name))]
        address = served(vendor, *options).removeprefix("ws://").partition("/")[0]
        engines.append(engine_at(vendor, address, limits_of(vendor, SPEED)))
    return compose(engines, HurriedClock(SPEED), Random(1).random, _all_is_speech)


def _all_is_speech(pcm: bytes) -> list[bool]:
    return [True] * (len(pcm) // BYTES_PER_SAMPLE // DETECTOR_FRAME)


async def _many(engines: Sequence[Engine], numbers: Sequence[int]) -> Counter[str]:
    ways: Counter[str] = Counter()
    room = asyncio.Semaphore(AT_ONCE)
    pcm = noise(1, LENGTH)

    async def one(number: int) -> None:
        async with room:
            draw = Random(number)
            ways[await _dictate(draw.choice(engines), draw, pcm)] += 1

    await asyncio.gather(*(one(number) for number in numbers))
    await HurriedClock(1).sleep_ms(SETTLE_MS)
    return ways


async def _dictate(engine: Engine, draw: Random, pcm: bytes) -> str:
    way = draw.choice(WAYS)
    opening = asyncio.create_task(engine.open(SessionConfig(), 0))
    if way == "before it opened":
        await asyncio.wait([opening], timeout=draw.choice([0.0, 0.001]))
        await stop(opening)
    if opening.cancelled():
        return way
    stream = await opening
    work = asyncio.create_task(together(_hear(stream), _feed(stream, draw, pcm)))
    try:
        if way in ("stopped", "cancelled"):
            await asyncio.wait([work], timeout=draw.uniform(0, 1.0))
        elif way == "finished":
            await work
    except EngineUnavailable:
        return "failed"
    finally:
        if way == "cancelled":
            await stop(work)
        await stream.close()
        await stop(work)
    return way


async def _feed(stream: EngineStream, draw: Random, pcm: bytes) -> None:
    clock = HurriedClock(SPEED)
    for at in range(0, LENGTH, CHUNK):
        await stream.feed(at, pcm[at * BYTES_PER_SAMPLE : (at + CHUNK) * BYTES_PER_SAMPLE])
        await clock.sleep_ms(100)
        if draw.random() < 0.02:
            await stream.flush(at + CHUNK)
    await stream.flush(LENGTH)


async def _hear(stream: EngineStream) -> None:
    async for hypothesis in stream.heard():
        if isinstance(hypothesis, Through) and hypothesis.until >= LENGTH:
            return


if __name__ == "__main__":
    sys.exit(main())
