"""Vendors' servers by hand: `python -m tests.providers deepgram|speechmatics|gemini --port P`; prints `ready URL`, ends on SIGTERM."""

import argparse
import asyncio
import signal
import sys
from typing import Final

from services.ingest.engines.base import Engine
from services.ingest.engines.build import build_engine
from shared.adapters.clocks import SystemClock
from shared.config import load_config
from tests.providers import deepgram, speechmatics
from tests.providers.faults import parse
from tests.providers.gemini_by_hand import by_hand
from tests.providers.session import Setting, start

CLOSE_S_MAX: Final = 5
PATHS: Final = {"deepgram": "", "speechmatics": "/v2"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.providers")
    parser.add_argument("vendor", choices=sorted(PATHS))
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--backed-by", choices=("scripted", "local"), default="scripted")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=SECONDS]", nargs="+")
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--interim-every", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--key", default="", help="the only one that is accepted")
    parser.add_argument("--unpaced", action="store_true", help="take audio as fast as it comes")
    parser.add_argument("--leashed", action="store_true", help="end when stdin does")
    given = parser.parse_args()
    try:
        given.faults = parse(name for names in given.fault for name in names)
    except ValueError as error:
        parser.error(str(error))
    return given


async def _serve(given: argparse.Namespace) -> None:
    engine: Engine = build_engine(load_config(engines=(given.backed_by,), provider_urls={}), SystemClock())
    await engine.check()
    setting = Setting(
        engine,
        given.faults,
        given.key,
        given.time_scale,
        not given.unpaced,
        given.interim_every,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if given.leashed:
        loop.add_reader(sys.stdin.fileno(), ended.set)
    vendor = deepgram if given.vendor == "deepgram" else speechmatics
    server = await start(vendor.make, vendor.admit, setting, given.port)
    port = server.sockets[0].getsockname()[1]
    print(f"ready ws://127.0.0.1:{port}{PATHS[given.vendor]}", flush=True)
    await ended.wait()
    if given.leashed:
        # Its end stays readable for ever.
        loop.remove_reader(sys.stdin.fileno())
    server.close()
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await server.wait_closed()
    except TimeoutError:
        # A session that plays deaf or frozen goes with the process.
        pass
    await engine.close()
    for violation in setting.violations:
        print(f"violation: {violation}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["gemini"]:
        asyncio.run(by_hand(sys.argv[2:]))
        sys.exit()
    asyncio.run(_serve(_arguments()))
