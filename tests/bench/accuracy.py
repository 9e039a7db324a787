"""How well and how soon the local engine hears: `python -m tests.bench.accuracy [DIRECTORY] [--fast]`.

Streams every `NAME.wav` that has a `NAME.txt` beside it at the pace of a microphone, and prints word error rates beside
those of the same weights over whole files, how long words take to appear, and what a second of audio costs. `--fast`
does not wait for the pace: error rates only.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from services.ingest.engines.build import build_engine
from shared.adapters.clocks import SystemClock
from shared.config import Config
from tests.bench.accuracy_report import report
from tests.bench.accuracy_run import Clip, Heard, clips, listen, transcribe_whole

SPEECH = Path(__file__).parents[1] / "data" / "speech"


async def measure(found: Sequence[Clip], *, fast: bool) -> list[Heard]:
    config = Config()
    engine = build_engine(config, SystemClock())
    try:
        await engine.check()
        return [await listen(engine, clip, fast=fast) for clip in found]
    finally:
        await engine.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.accuracy", description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=SPEECH)
    parser.add_argument(
        "--fast", action="store_true", help="do not keep a microphone's pace: error rates only"
    )
    options = parser.parse_args()
    found = clips(options.directory)
    if not found:
        sys.stderr.write(f"no NAME.wav with a NAME.txt in {options.directory}\n")
        return 2
    heard = asyncio.run(measure(found, fast=options.fast))
    whole = transcribe_whole(Config().model_dir, found)
    sys.stdout.write(report(found, heard, whole, fast=options.fast))
    return 0


if __name__ == "__main__":
    sys.exit(main())
