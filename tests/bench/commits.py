"""How long a commit takes, and how many a second there are, with 1, 10 and 50 sessions writing at once.

    python -m tests.bench.commits --backend embedded|emulators [--seconds 3]

Each session commits one sealed entry of 300 bytes after the other, as fast as it is answered: real dictation commits
one every two seconds or so. `embedded` is SQLite on this machine's disk; `emulators` is Google's Firestore emulator,
whose own speed production's has nothing to do with, so what it shows is what we add: CPU time in this process.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from shared.adapters.clocks import SystemClock
from shared.adapters.firestore import FirestoreStore
from shared.adapters.sqlite import SqliteStore
from shared.lease import LogWriter
from shared.ports import Store
from tests.contract.examples import document, grown, session_id
from tests.doubles.emulators import firestore_project

SESSIONS: Final = (1, 10, 50)
SEALED: Final = bytes(300)
WARM_S: Final = 1.0
BACKENDS: Final = ("embedded", "emulators")


@dataclass(frozen=True, slots=True)
class Figures:
    sessions: int
    commits_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Of this process, for each commit."""

    def __str__(self) -> str:
        return (
            f"{self.sessions:>8} {self.commits_per_s:>10.0f} {self.p50_ms:>8.2f} {self.p99_ms:>8.2f}"
            f" {self.cpu_ms:>8.2f}"
        )


HEAD: Final = f"{'sessions':>8} {'commits/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8}"


@asynccontextmanager
async def embedded() -> AsyncIterator[Store]:
    with TemporaryDirectory() as directory:
        store = SqliteStore.open(Path(directory, "steno.db"))
        yield store
        await store.close()


@asynccontextmanager
async def emulators() -> AsyncIterator[Store]:
    with firestore_project() as place:
        address, _, project = place.partition("/")
        store = FirestoreStore.open(project, address)
        yield store
        await store.close()


async def commit_until(writer: LogWriter, ends_at: float) -> list[float]:
    """The seconds that each commit took."""
    took = []
    while (began := time.perf_counter()) < ends_at:
        after, rows = grown(writer.stored, 1, SEALED)
        await writer.commit(replace(after, heartbeat_at_ms=after.heartbeat_at_ms + 1), rows)
        took.append(time.perf_counter() - began)
    return took


async def together(writers: Sequence[LogWriter], seconds: float) -> list[float]:
    ends_at = time.perf_counter() + seconds
    return sorted(chain(*await asyncio.gather(*(commit_until(each, ends_at) for each in writers))))


async def measure(store: Store, sessions: int, seconds: float) -> Figures:
    clock = SystemClock()
    names = [session_id(1_000 * sessions + number) for number in range(sessions)]
    writers = [LogWriter(store, clock, await store.create(name, document())) for name in names]
    await together(writers, WARM_S)
    cpu = time.process_time()
    took = await together(writers, seconds)
    cpu = time.process_time() - cpu
    return Figures(
        sessions,
        len(took) / seconds,
        1_000 * took[len(took) // 2],
        1_000 * took[len(took) * 99 // 100],
        1_000 * cpu / len(took),
    )


async def run(backend: str, seconds: float) -> list[Figures]:
    async with embedded() if backend == "embedded" else emulators() as store:
        return [await measure(store, sessions, seconds) for sessions in SESSIONS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backend", choices=BACKENDS, required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    told = parser.parse_args()
    print(f"{told.backend}, {told.seconds:g} s each")
    print(HEAD)
    for figures in asyncio.run(run(told.backend, told.seconds)):
        print(figures)


if __name__ == "__main__":
    main()
