"""`steno up --backend emulators` in which every service reaches Google's emulators through counters of its own.

The sweep runs in a process of its own here, so that what it costs is told from what saving drafts costs; on Cloud Run
both are the one service autosave.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from infra.local.logs import LogLines
from infra.local.processes import Processes
from infra.local.rehearsal import free_ports, plan_rehearsal, with_addresses
from infra.local.stack import Process
from infra.local.supervisor import Charge
from shared.adapters.clocks import SystemClock
from shared.config import Config, load_config, variable
from shared.tasks import stop
from shared.wiring import build
from tests.bench.cloud_forwarder import forwarding
from tests.bench.cloud_meter import Meter
from tests.doubles.emulators import tools
from tests.doubles.rpc_relay import relaying

READY_S_MAX: Final = 90
SWEEP_S_MAX: Final = 60
METERED: Final = ("ingest-1", "polish", "autosave", "sweep")
PUSHED: Final = ("polish", "autosave")
SWEEP: Final = "/sweep"


@dataclass(frozen=True, slots=True)
class Stack:
    meter: Meter
    url: str
    """Of ingest."""
    sweep_url: str

    async def sweep(self, times: int) -> None:
        """Have it swept at once, beside the scheduler's own sweeps."""
        async with httpx.AsyncClient(trust_env=False, timeout=SWEEP_S_MAX) as client:
            for _ in range(times):
                (await client.post(self.sweep_url)).raise_for_status()

    async def delete(self, session: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=SWEEP_S_MAX) as client:
            (await client.delete(f"{self.url}/v1/sessions/{session}")).raise_for_status()


@asynccontextmanager
async def metered_stack(home: Path, vendor_url: str) -> AsyncIterator[Stack]:
    """Serves once entered. Everything it needs lies in `home`, and everything it started ends with it."""
    found = tools()
    config = with_addresses(
        load_config(
            backend="emulators",
            data_dir=home / "data",
            key_file=home / "key-encryption.json",
            ticket_key_file=home / "ticket.key",
            engines=("deepgram",),
            provider_urls={"deepgram": vendor_url},
            log_level="warning",
        )
    )
    meter = Meter()
    [port] = free_ports(1)
    async with AsyncExitStack() as opened:
        processes = _with_sweep(plan_rehearsal(config, found, [port], os.environ))
        told = {name: await _told(opened, meter, config, name.removesuffix("-1")) for name in METERED}
        pushed = {name: opened.enter_context(_pushes(meter, processes, name)) for name in PUSHED}
        told["scheduler"] = {f"{name.upper()}_URL": f"http://{address}/" for name, address in pushed.items()}
        await opened.enter_async_context(_running(config, [_told_too(each, told) for each in processes]))
        yield Stack(meter, f"http://127.0.0.1:{port}", f"http://{pushed['autosave']}{SWEEP}")


def _with_sweep(processes: Sequence[Process]) -> list[Process]:
    autosave = next(each for each in processes if each.name == "autosave")
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}/readyz"
    environment = {**autosave.environment, "PORT": str(port)}
    return [*processes, replace(autosave, charge=Charge("sweep"), environment=environment, health_url=url)]


def _told_too(process: Process, told: Mapping[str, Mapping[str, str]]) -> Process:
    return replace(process, environment={**process.environment, **told.get(process.name, {})})


async def _told(opened: AsyncExitStack, meter: Meter, config: Config, service: str) -> dict[str, str]:
    """Where a service finds what stands for Google: at counters of its own."""
    firestore = await opened.enter_async_context(
        relaying(config.firestore_emulator, partial(meter.firestore, service))
    )
    pubsub = await opened.enter_async_context(
        relaying(config.pubsub_emulator, partial(meter.pubsub, service))
    )
    storage = opened.enter_context(
        forwarding(
            lambda path: f"http://{config.storage_emulator}",
            lambda method, path, body: meter.storage(service, method, path),
        )
    )
    return {
        variable("firestore_emulator"): firestore.address,
        variable("pubsub_emulator"): pubsub.address,
        variable("storage_emulator"): storage,
    }


def _pushes(meter: Meter, processes: Sequence[Process], name: str) -> AbstractContextManager[str]:
    places = {each.name: (each.health_url or "").removesuffix("/readyz") for each in processes}

    def look(method: str, path: str, body: bytes) -> None:
        if path == SWEEP:
            meter.sweeps += 1
        else:
            meter.push(name, body)

    return forwarding(lambda path: places["sweep" if path == SWEEP else name], look)


@asynccontextmanager
async def _running(config: Config, processes: Sequence[Process]) -> AsyncIterator[None]:
    # The key file is made here, and not by each child for itself.
    ports = build(config)
    await ports.close()
    lines = LogLines(sys.stderr)
    ready = asyncio.Event()

    def announce(line: str) -> None:
        if line.startswith("ready "):
            ready.set()

    running = asyncio.create_task(Processes(processes, SystemClock(), announce, lines).run())
    # Ctrl-C is the supervisor's: once it has stopped, nothing is left to measure.
    owner = asyncio.current_task()
    assert owner is not None

    def over(_: object) -> None:
        owner.cancel()

    running.add_done_callback(over)
    try:
        async with asyncio.timeout(READY_S_MAX):
            await ready.wait()
        yield
    finally:
        running.remove_done_callback(over)
        await stop(running)
        lines.close()
