"""What Steno costs beside relays that keep no promise: CPU for an hour of audio, memory for a session, latency.

    python -m tests.bench.peers --harness DIRECTORY [--suts floor_picows starlette] [--rounds 3] [--sessions 50]

DIRECTORY is a harness that drives relays and Steno with the same clients against the same engine, and measures them from
outside (its README says how to set it up). Rounds alternate, so that all are measured in the same minutes: CPU figures
of a shared machine are worth only what their ratios are. `--python` starts Steno through something else, a profiler say.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ADAPTER: Final = Path(__file__).with_name("peers_adapter.py")
ROOT: Final = Path(__file__).parents[2]
OURS: Final = "steno"
FEW: Final = 5
"""Sessions of the second run, which what a session needs is told from."""

LIMIT_S: Final = 300

Result = dict[str, Any]


def main() -> None:
    told = _arguments()
    with TemporaryDirectory() as place:
        harness = Path(place, "bench")
        shutil.copytree(told.harness, harness)
        # What was measured elsewhere stays elsewhere, and a copy of read-only files is read-only.
        subprocess.run(["chmod", "-R", "u+w", harness], check=True)
        shutil.copy(ADAPTER, harness / "adapters" / f"{OURS}.py")
        environment = {
            **os.environ,
            "PEERS_ROOT": str(ROOT),
            "PEERS_DATA": place,
            "PEERS_PYTHON": json.dumps(told.python.split() if told.python else [sys.executable]),
        }
        for frame_ms in told.frames:
            results: dict[str, list[Result]] = defaultdict(list)
            for _ in range(told.rounds):
                for sut in [*told.suts, OURS]:
                    for sessions in (told.sessions, FEW):
                        results[sut].append(_run(harness, sut, sessions, frame_ms, told.seconds, environment))
            print(_table(results, told.sessions, frame_ms), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--harness", type=Path, required=True)
    parser.add_argument("--suts", nargs="*", default=["floor_picows", "starlette"])
    parser.add_argument("--frames", nargs="+", type=int, default=[20, 100], help="milliseconds")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--python", default="", help="what starts Steno's modules with -m (default: this Python)"
    )
    return parser.parse_args()


def _run(
    harness: Path, sut: str, sessions: int, frame_ms: int, seconds: float, environment: Mapping[str, str]
) -> Result:
    out = harness / "one.jsonl"
    out.unlink(missing_ok=True)
    # Steno's window of credit is counted from what is covered, which an engine that says a final every 3 s moves.
    wanted = [
        "--sut",
        sut,
        "--sessions",
        sessions,
        "--frame-ms",
        frame_ms,
        "--seconds",
        seconds,
        "--out",
        out,
    ]
    command = [sys.executable, str(harness / "run.py"), *map(str, wanted), "--log", str(harness / "run.log")]
    done = subprocess.run(
        command, env=environment, cwd=harness, timeout=LIMIT_S, capture_output=True, text=True, check=False
    )
    if done.returncode or not out.exists():
        raise SystemExit(
            f"{sut} did not run: {done.stdout}{done.stderr}{(harness / 'run.log').read_text()[-2_000:]}"
        )
    result: Result = json.loads(out.read_text().splitlines()[-1])
    if "rtt_ms" not in result or any(result["loss"].values()):
        raise SystemExit(f"{sut}: {result.get('loss')} {result.get('errors')} {result.get('error')}")
    return result


def _table(results: Mapping[str, Sequence[Result]], sessions: int, frame_ms: int) -> str:
    cpu = {sut: _cpu(each, sessions) for sut, each in results.items()}
    peers = [sut for sut in results if sut != OURS]
    lines = [
        f"{sessions} sessions, {frame_ms} ms frames, median (least..most) of {len(next(iter(cpu.values())))}",
        f"{'':<14} {'CPU-s/audio-hour':>22} {'final p50 ms':>13} {'p99 ms':>8} {'kB/session':>11}  Steno costs",
    ]
    for sut, each in results.items():
        full = [result for result in each if result["sessions"] == sessions]
        spread = f"{statistics.median(cpu[sut]):.1f} ({min(cpu[sut]):.1f}..{max(cpu[sut]):.1f})"
        p50, p99 = (statistics.median(result["rtt_ms"][name] for result in full) for name in ("p50", "p99"))
        ratio = f"{statistics.median(cpu[OURS]) / statistics.median(cpu[sut]):.1f} x" if sut in peers else ""
        lines.append(f"{sut:<14} {spread:>22} {p50:>13.1f} {p99:>8.1f} {_memory_kb(each):>11.0f}  {ratio}")
    return "\n".join(lines)


def _cpu(results: Sequence[Result], sessions: int) -> list[float]:
    return [result["cpu_s_per_audio_h"] for result in results if result["sessions"] == sessions]


def _memory_kb(results: Sequence[Result]) -> float:
    """What one more session needs, in kB of resident memory: many sessions against few."""
    rss: dict[int, list[float]] = defaultdict(list)
    for result in results:
        rss[result["sessions"]].append(result["mem"]["rss_kb"])
    (few, least), (many, most) = sorted((count, statistics.median(each)) for count, each in rss.items())
    return (most - least) / (many - few)


if __name__ == "__main__":
    main()
