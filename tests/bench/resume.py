"""How soon a recording goes on after its connection is cut: `python -m tests.bench.resume`.

Two real ingest processes, the scripted engine, and a recorder that loses its connection after every few seconds of new
speech and dials the other one. Prints the time from each cut to the first newly covered sample, and whether the text is
exactly that of the audio.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import uuid
import wave
from pathlib import Path
from typing import Final

from client.addresses import parse_address
from client.link_state import Link, Phase
from client.stream import stream_file
from client.wanted import Wanted, Watcher
from shared.domain.values import SAMPLES_PER_SECOND, SessionId, samples
from tests.faults.command import Machine, Up, scripted_words, steno_up

SPEECH: Final = Path(__file__).parent.parent / "data" / "speech"


class Cut(Watcher):
    """Times every loss of a welcomed connection until covered grows again."""

    def __init__(self) -> None:
        self.resumed_ms: list[float] = []
        self._phase = Phase.RESTING
        self._lost_at: tuple[float, int] | None = None

    def moved(self, link: Link) -> None:
        was, self._phase = self._phase, link.phase
        if was in (Phase.LIVE, Phase.FINISHING) and link.phase in (Phase.WAITING, Phase.DIALLING):
            self._lost_at = self._lost_at or (time.monotonic(), link.delivery.covered)
        if self._lost_at is not None and link.delivery.covered > self._lost_at[1]:
            self.resumed_ms.append((time.monotonic() - self._lost_at[0]) * 1_000)
            self._lost_at = None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.resume", description=__doc__)
    parser.add_argument("--speech", type=Path, default=SPEECH, help="a folder of 16 kHz mono wav files")
    parser.add_argument("--times", type=int, default=2, help="how often they are joined (default 2)")
    parser.add_argument("--cut-every", type=float, default=3, help="seconds of new speech (default 3)")
    parser.add_argument("--speed", type=float, default=1, help="times real time (default 1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        speech = Path(home, "joined.wav")
        pcm = _join(sorted(options.speech.glob("*.wav")) * options.times, speech)
        cut = Cut()
        with steno_up(Machine(Path(home)), instances=2) as up:
            wanted = _wanted(up, samples(options.cut_every), options.speed)
            result = asyncio.run(stream_file(speech, wanted, cut))
    exact = result.text == scripted_words(pcm)
    _report(cut.resumed_ms, len(pcm) // 2, result.reconnects)
    print(f"text exactly the audio's: {exact}; gaps: {len(result.gaps)}; outcome: {result.outcome}")
    return 0 if exact else 1


def _wanted(up: Up, cut_every: int, speed: float) -> Wanted:
    addresses = tuple(parse_address(f"ws://127.0.0.1:{port}") for port in up.ports)
    return Wanted(addresses, SessionId(str(uuid.uuid4())), speed, cut_every)


def _join(files: list[Path], joined: Path) -> bytes:
    pcm = bytearray()
    for file in files:
        with wave.open(str(file), "rb") as each:
            pcm += each.readframes(each.getnframes())
    with wave.open(str(joined), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLES_PER_SECOND)
        out.writeframes(bytes(pcm))
    return bytes(pcm)


def _report(resumed_ms: list[float], audio_samples: int, reconnects: int) -> None:
    print(f"{audio_samples / SAMPLES_PER_SECOND:.0f} s of speech, {reconnects} reconnects")
    if len(resumed_ms) >= 2:
        centiles = statistics.quantiles(resumed_ms, n=100, method="inclusive")
        p50, p95, p99 = centiles[49], centiles[94], centiles[98]
        print(f"cut to newly covered: median {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
