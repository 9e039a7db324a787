"""A service as its own process, over a data directory that the test shares with it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from shared.config import PREFIX, Config, load_config
from shared.domain.entries import Logged
from shared.domain.session import SessionConfig
from shared.domain.values import SessionId
from shared.ports import Stored
from shared.publisher import announce
from shared.sealing import new_key, seal_config, seal_entry
from shared.wiring import Ports, build
from tests.unit.services.scene import SESSION, Scene, words

WAIT_S_MAX = 20


class Running:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until_said(self, sentence: str) -> None:
        assert self.process.stderr is not None
        async with asyncio.timeout(WAIT_S_MAX):
            while not any(sentence in line for line in self.lines):
                line = await self.process.stderr.readline()
                assert line, "it ended without saying so"
                self.lines.append(line.decode())

    async def stop(self) -> tuple[int, float]:
        """Its exit code after SIGTERM, and how many seconds that took."""
        assert self.process.stderr is not None
        began_s = asyncio.get_running_loop().time()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S_MAX):
            self.lines += (await self.process.stderr.read()).decode().splitlines()
            code = await self.process.wait()
        return code, asyncio.get_running_loop().time() - began_s


def config_in(directory: Path) -> Config:
    return load_config(
        data_dir=directory / "data", key_file=directory / "key.json", ticket_key_file=directory / "ticket.key"
    )


@asynccontextmanager
async def running(module: str, config: Config, **changed: str) -> AsyncIterator[Running]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stderr=PIPE, env={**inherited, **config.environment(), **changed}
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Ports]:
    ports = build(config)
    try:
        yield ports
    finally:
        await ports.close()


async def dictate(ports: Ports, *texts: str, heartbeat_age_ms: int = 0) -> Stored:
    """A session of these words as ingest leaves it, announced."""
    document = (await Scene().begin()).document
    key, wrapped = await new_key(ports.kek, SESSION)
    now_ms = ports.clock.wall_ms() - heartbeat_age_ms
    take = replace(document.takes[0], seen_at_ms=now_ms)
    document = replace(
        document.with_take(take),
        heartbeat_at_ms=now_ms,
        created_at_ms=now_ms,
        wrapped_key=wrapped,
        config=seal_config(key, SessionConfig()),
    )
    stored = await ports.store.create(SESSION, document)
    rows = [seal_entry(key, Logged(n, words(text, n))) for n, text in enumerate(texts)]
    stored = await ports.store.write(stored, replace(document, next_index=len(rows)), rows)
    await announce(ports.bus, stored)
    return stored


async def until(ports: Ports, holds: Callable[[], Awaitable[bool]]) -> None:
    """Looks again whenever a record changes."""
    watch: AsyncIterator[SessionId] = ports.store.watch()
    async with asyncio.timeout(WAIT_S_MAX):
        while not await holds():
            await anext(watch)
