"""Tell many stories: `python -m tests.flow --seeds 10000`, or one again: `python -m tests.flow --seed 17`."""

import argparse
import logging
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.flow.story import play

PROGRESS_EVERY = 500


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.flow", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many stories (default 200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--seed", type=int, help="one story only")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: one per core")
    options = parser.parse_args()
    first, count = (options.first, options.seeds) if options.seed is None else (options.seed, 1)
    began = time.monotonic()
    failed = 0
    with ProcessPoolExecutor(options.processes, initializer=_be_quiet) as pool:
        stories = [pool.submit(play, seed) for seed in range(first, first + count)]
        for done, story in enumerate(as_completed(stories), 1):
            if error := story.exception():
                failed += 1
                traceback.print_exception(error)
            if done % PROGRESS_EVERY == 0:
                print(f"{done} of {count}, {failed} failed, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{count} stories, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
