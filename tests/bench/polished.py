"""How soon committed words are polished on the recorder's screen: `python -m tests.bench.polished --backend embedded`.

A real `steno up` with the scripted engine and the rules for polishing, and recorders at a microphone's pace. Prints the
time from the entry that ends an utterance (which a recorder gets once it is committed) to the polished text of that
utterance, as the same recorder receives both. With Gemini the vendor's own time comes on top.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Final

from client.addresses import parse_address
from client.stream import stream_file
from client.wanted import Wanted, Watcher
from shared.domain.values import SessionId
from shared.wire.messages import EntrySent, PolishedSent, ServerMessage
from tests.faults.command import Machine, Up, steno_up

SPEECH: Final = Path(__file__).parent.parent / "data" / "speech" / "nat_librivox_sense.wav"
BACKENDS: Final = ("embedded", "emulators")


class Screen(Watcher):
    """When each entry came, and each polished text after the last of its entries."""

    def __init__(self) -> None:
        self.polished_ms: list[float] = []
        self._came: dict[int, float] = {}

    def heard(self, message: ServerMessage) -> None:
        now = time.monotonic()
        match message:
            case EntrySent(index=index):
                self._came[index] = now
            case PolishedSent(last=last):
                self.polished_ms.append((now - self._came[last]) * 1_000)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.polished", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0])
    parser.add_argument("--recorders", type=int, default=1, help="at once (default 1)")
    parser.add_argument("--speech", type=Path, default=SPEECH, help="what each of them streams")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        steno_up(Machine(Path(home)), 1, "--backend", options.backend) as up,
    ):
        screens = asyncio.run(_record(up, options.speech, options.recorders))
    times = sorted(each for screen in screens for each in screen.polished_ms)
    p95 = times[len(times) * 95 // 100]
    print(
        f"{options.backend}, {options.recorders} recorders, {len(times)} utterances: committed to polished"
        f" median {statistics.median(times):.0f} ms, p95 {p95:.0f} ms, most {times[-1]:.0f} ms"
    )
    return 0


async def _record(up: Up, speech: Path, recorders: int) -> list[Screen]:
    address = parse_address(f"ws://127.0.0.1:{up.ports[0]}")
    screens = [Screen() for _ in range(recorders)]
    async with asyncio.TaskGroup() as group:
        for screen in screens:
            wanted = Wanted((address,), SessionId(str(uuid.uuid4())), speed=1)
            group.create_task(stream_file(speech, wanted, screen))
    return screens


if __name__ == "__main__":
    sys.exit(main())
