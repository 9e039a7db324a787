"""`steno up` without its command line: check, lock, run."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from infra.local.emulators import find_tools
from infra.local.lock import only_supervisor
from infra.local.logs import LogLines
from infra.local.processes import NAME, Processes, Say
from infra.local.rehearsal import addresses_told, plan_rehearsal, with_addresses
from infra.local.stack import Process, choose_ports, plan, port_is_free
from shared.config import Config, LogFormat, LogLevel
from shared.errors import SetupError
from shared.observe import configure
from shared.starting import check_assertions
from shared.wiring import build


@dataclass(frozen=True, slots=True)
class Wanted:
    ports: Sequence[int] = ()
    instances: int | None = None


def run(config: Config, wanted: Wanted, announce: Say) -> int:
    """Runs until stopped; returns the code to exit with. `announce` gets the lines for programs.

    Raises:
        SetupError: before anything is started, saying what to put right.
    """
    check_assertions()
    # Found out by the child it would be one line among the logs of all of them.
    if "local" in config.engines and not config.model_dir.is_dir():
        raise SetupError(
            f"there is no speech model in {config.model_dir}; fetch it with: make setup, or choose another --engine"
        )
    if sys.stderr.isatty() and config.log_format is LogFormat.AUTO:
        config = config.model_copy(update={"log_format": LogFormat.PLAIN})
    if config.backend == "gcp":
        raise SetupError("steno up runs on this machine: --backend is embedded or emulators")
    # Before anything is made: what is missing may be a download.
    tools = None
    if config.backend == "emulators":
        config, tools = with_addresses(config), find_tools(os.environ)
    with ExitStack() as held:
        held.enter_context(only_supervisor(config.data_dir))
        ports = choose_ports(
            config, wanted.ports, wanted.instances, lambda port: port_is_free(config.host, port)
        )
        if tools is None:
            return asyncio.run(_run(config, plan(config, ports, os.environ), announce))
        held.enter_context(addresses_told(config))
        return asyncio.run(_run(config, plan_rehearsal(config, tools, ports, os.environ), announce))


async def _run(config: Config, processes: Sequence[Process], announce: Say) -> int:
    # The adapters are opened here first, for a key or a directory that cannot be used is then one sentence and not
    # one of each child.
    configure(NAME, LogLevel.WARNING)
    ports_opened = build(config)
    await ports_opened.close()
    lines = LogLines(sys.stderr)
    try:
        engines = "the speech model takes a few seconds to load" if "local" in config.engines else "a moment"
        lines.say(NAME, f"starting {len(processes)} processes on {config.data_dir}; {engines}")
        if config.backend == "emulators":
            lines.say(NAME, "everything that is dictated is kept by the emulators and is gone when they stop")
        return await Processes(processes, ports_opened.clock, announce, lines).run()
    finally:
        lines.close()
