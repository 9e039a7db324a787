"""What the vendors' adapters cost beside a bare socket: `python -m tests.bench.adapters`.

Each line is one process with so many sessions at a microphone's pace: a bare websocket client that sends the same frames
and drops what comes back unread, the adapter, which means the vendor's SDK and what makes hypotheses of its messages, and
the adapter as `build_engine` wraps it. Servers run in a process of their own, whose cost is not counted; they say an
interim every 0.2 s and a final every 1 s (Speechmatics) or 3 s (Deepgram). CPU is what the operating system counts for
the process, user and system, without the time it takes to open the sessions; memory is what one more session adds.
Rounds alternate: on a shared machine only ratios of the same minutes mean anything.

`--url deepgram=ws://HOST:PORT` measures against another server; `--profile FILE` writes what cProfile sees of the first
line with an adapter in it, and measures nothing else.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.adapters_client import KINDS
from tests.providers.hurried import VENDORS

ROOT: Final = Path(__file__).parents[2]
FEW: Final = 2
"""Sessions of the second run, which what a session adds is told from."""

FEW_S: Final = 5
LIMIT_S: Final = 300


@dataclass(frozen=True, slots=True)
class Row:
    vendor: str
    kind: str
    frame_ms: int


@dataclass(frozen=True, slots=True)
class Cost:
    cpu_s_per_audio_h: float
    session_kb: float


def main() -> None:
    told = _options()
    with _serving() as urls:
        urls |= dict(each.split("=", 1) for each in told.url)
        rows = [
            Row(vendor, kind, frame_ms)
            for vendor in told.vendors
            for frame_ms in told.frames
            for kind in told.kinds
        ]
        if told.profile:
            row = next(each for each in rows if each.kind != "bare")
            _run(row, urls, told.sessions, told.seconds, "--profile", str(told.profile))
            return
        costs: dict[Row, list[Cost]] = {row: [] for row in rows}
        for _ in range(told.rounds):
            for row in rows:
                costs[row].append(_cost(row, urls, told.sessions, told.seconds))
    print(f"{told.sessions} sessions, {told.seconds:g} s, median (least..most) of {told.rounds}")
    print(f"{'':<34} {'CPU-s/audio-hour':>22} {'beside bare':>12} {'kB/session':>11}")
    for row, each in costs.items():
        bare = costs.get(Row(row.vendor, "bare", row.frame_ms))
        print(_line(row, each, bare))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.adapters",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--vendors", nargs="+", choices=VENDORS, default=list(VENDORS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--frames", nargs="+", type=int, default=[20, 100], metavar="MS")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", action="append", default=[], metavar="VENDOR=URL")
    parser.add_argument("--profile", type=Path, metavar="FILE")
    return parser.parse_args()


@contextmanager
def _serving() -> Iterator[dict[str, str]]:
    """The vendors' servers, in one process that ends with its stdin."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.adapters_server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield dict(json.loads(child.stdout.readline()))
        child.stdin.close()


def _cost(row: Row, urls: dict[str, str], sessions: int, seconds: float) -> Cost:
    many = _run(row, urls, sessions, seconds)
    few = _run(row, urls, FEW, FEW_S)
    return Cost(
        3_600 * many["cpu_s"] / many["audio_s"],
        (many["resident_kb"] - few["resident_kb"]) / (sessions - FEW),
    )


def _run(row: Row, urls: dict[str, str], sessions: int, seconds: float, *more: str) -> dict[str, float]:
    wanted = (row.kind, row.vendor, urls[row.vendor], str(sessions), str(row.frame_ms), str(seconds))
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.adapters_client", *wanted, *more],
        cwd=ROOT,
        timeout=LIMIT_S,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _line(row: Row, costs: Sequence[Cost], bare: Sequence[Cost] | None) -> str:
    cpu = [each.cpu_s_per_audio_h for each in costs]
    name = f"{row.vendor}, {row.frame_ms} ms, {row.kind}"
    spread = f"{median(cpu):.1f} ({min(cpu):.1f}..{max(cpu):.1f})"
    ratio = f"{median(cpu) / median(each.cpu_s_per_audio_h for each in bare):.1f} x" if bare else ""
    return f"{name:<34} {spread:>22} {ratio:>12} {median(each.session_kb for each in costs):>11.0f}"


if __name__ == "__main__":
    main()
