"""Many sessions that end in every way: `python -m tests.bench.endings`.

Prints threads, descriptors, children and memory of the ingest process after as many sessions and after as many again:
pools of threads fill once, and nothing may be left of a session.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.addresses import parse_address
from client.api import open_api
from client.stream import MachineClock, Recorder, Tools
from client.wanted import Wanted, Watcher
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, SessionId, TakeId, samples
from tests.faults.command import Machine, Up, steno_up

AT_ONCE: Final = 20
SETTLE_S: Final = 40
"""A recording whose client is lost waits 10 s and flushes for 20 s at most."""


@dataclass(frozen=True)
class Left:
    threads: int
    descriptors: int
    children: int
    resident_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.endings", description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, steno_up(Machine(Path(home)), instances=1) as up:
        pid = up.pids(up.ports[0])[-1]
        asyncio.run(_many(up, options.sessions))
        before = left_in(pid)
        ways = asyncio.run(_many(up, options.sessions))
        after = left_in(pid)
    print(f"{options.sessions} sessions: {ways}")
    print(f"before {before}\nafter  {after}")
    same = (before.threads, before.descriptors, before.children) == (
        after.threads,
        after.descriptors,
        after.children,
    )
    print("nothing is left" if same else "SOMETHING IS LEFT")
    return 0 if same else 1


async def _many(up: Up, sessions: int) -> dict[str, int]:
    ways: dict[str, int] = {}
    room = asyncio.Semaphore(AT_ONCE)
    async with open_api() as api:

        async def one(number: int) -> None:
            async with room:
                way = await _session(up, Tools(api), random.Random(number))
                ways[way] = ways.get(way, 0) + 1

        await asyncio.gather(*(one(number) for number in range(sessions)))
    await MachineClock().sleep_ms(SETTLE_S * 1_000)
    return ways


async def _session(up: Up, tools: Tools, draw: random.Random) -> str:
    address = parse_address(f"ws://127.0.0.1:{up.ports[0]}")
    cut_every = samples(draw.choice([0.3, 1])) if draw.random() < 0.4 else None
    wanted = Wanted((address,), SessionId(str(uuid.uuid4())), 8, cut_every)
    recorder = Recorder(wanted, TakeId(str(uuid.uuid4())), tools, Watcher())
    run = asyncio.create_task(recorder.run(_audio(draw)))
    if draw.random() < 0.5:
        await run
        return "finished"
    await asyncio.wait([run], timeout=draw.uniform(0, 0.8))
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    return "vanished"


async def _audio(draw: random.Random) -> AsyncIterator[bytes]:
    for _ in range(draw.randint(1, 5)):
        yield draw.randbytes(SAMPLES_PER_SECOND * BYTES_PER_SAMPLE)


def left_in(pid: int) -> Left:
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    children = (process / "task" / str(pid) / "children").read_text().split()
    return Left(
        len(list((process / "task").iterdir())),
        len(list((process / "fd").iterdir())),
        len(children),
        round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1),
    )


if __name__ == "__main__":
    sys.exit(main())
