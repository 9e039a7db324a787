"""Hours of audio through one session: `python -m tests.bench.long_session`.

Generated audio, as fast as the service takes it, the scripted engine. Prints the memory of server and client as they go,
and how much each grew per hour of audio after the first ten minutes.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from client.addresses import parse_address
from client.api import open_api
from client.link_state import Link
from client.result import Result
from client.stream import Recorder, Tools
from client.wanted import Wanted, Watcher
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, SessionId, TakeId, samples
from tests.faults.command import Machine, Up, steno_up

LOOK_EVERY: Final = samples(60)
WARM: Final = samples(600)


@dataclass
class Memory(Watcher):
    """Resident megabytes of server and client after every minute of covered audio."""

    server: int
    seen: list[tuple[float, float, float]] = field(default_factory=list)
    _next: int = LOOK_EVERY

    def moved(self, link: Link) -> None:
        if link.delivery.covered >= self._next:
            self._next = link.delivery.covered + LOOK_EVERY
            hours = link.delivery.covered / SAMPLES_PER_SECOND / 3_600
            self.seen.append((hours, _resident_mb(self.server), _resident_mb(os.getpid())))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.long_session", description=__doc__)
    parser.add_argument("--hours", type=float, default=4, help="of audio (default 4)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, steno_up(Machine(Path(home)), instances=1) as up:
        memory = Memory(up.pids(up.ports[0])[-1])
        result = asyncio.run(_stream(up, options.hours, memory))
    _report(memory.seen)
    print(
        f"{result.outcome}: {result.covered_samples} of {result.audio_samples} samples covered,"
        f" {len(result.records.entries)} entries, {len(result.gaps)} gaps"
    )
    return 0 if result.covered_samples == result.audio_samples else 1


async def _stream(up: Up, hours: float, memory: Memory) -> Result:
    wanted = Wanted((parse_address(f"ws://127.0.0.1:{up.ports[0]}"),), SessionId(str(uuid.uuid4())))
    async with open_api() as api:
        recorder = Recorder(wanted, TakeId(str(uuid.uuid4())), Tools(api), memory)
        return await recorder.run(_audio(hours))


async def _audio(hours: float) -> AsyncIterator[bytes]:
    generator = random.Random(1)
    for _ in range(round(hours * 3_600)):
        yield generator.randbytes(SAMPLES_PER_SECOND * BYTES_PER_SAMPLE)


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _report(seen: list[tuple[float, float, float]]) -> None:
    print("audio h   server MB   client MB")
    for hours, server, client in seen[:: max(1, len(seen) // 12)]:
        print(f"{hours:7.2f}   {server:9.1f}   {client:9.1f}")
    warm = [each for each in seen if each[0] * 3_600 * SAMPLES_PER_SECOND >= WARM]
    for name, column in (("server", 1), ("client", 2)):
        print(
            f"{name}: {_slope([(each[0], each[column]) for each in warm]):+.2f} MB an hour after ten minutes"
        )


def _slope(points: list[tuple[float, float]]) -> float:
    """Of the least-squares line."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


if __name__ == "__main__":
    sys.exit(main())
