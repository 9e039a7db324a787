"""The Gemini server by hand: prints `ready URL`, plays its faults on every request in turn, and ends on SIGTERM."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from tests.providers.gemini import FAULTS, Gemini, running


async def by_hand(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.providers gemini")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--fault", action="extend", default=[], nargs="+", choices=sorted(FAULTS), metavar="NAME"
    )
    parser.add_argument("--forever", action="store_true", help="the last fault stays")
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument(
        "--backed-by",
        default="scripted",
        metavar="NAME",
        help="as the others have it; polished by the rules anyway",
    )
    given = parser.parse_args(arguments)
    gemini = Gemini(given.fault, given.forever, time_scale=given.time_scale)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with running(gemini, given.port) as url:
        print(f"ready {url}", flush=True)
        await ended.wait()
    for violation in gemini.violations:
        print(f"violation: {violation}", file=sys.stderr, flush=True)
