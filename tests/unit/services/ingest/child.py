"""The ingest service as a process of its own, as `python -m services.ingest.main` starts it, and a recorder on it."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from shared.wire.frames import encode_frame
from shared.wire.messages import PROTOCOL
from tests.rules.tree import ROOT

ANSWER_S_MAX = 20
SESSION = "11111111-1111-4111-8111-111111111111"
OTHER_SESSION = "22222222-2222-4222-8222-222222222222"
TAKE = "aaaaaaaa-0000-4000-8000-000000000001"
MODULE = ("-m", "services.ingest.main")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(home: Path, port: int, **settings: str) -> dict[str, str]:
    """Nothing of the tester's own settings but what Python itself needs."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("STENO_", "XDG_", "K_"))
    }
    return {
        **kept,
        "HOME": str(home),
        "STENO_DATA_DIR": str(home / "data"),
        "STENO_ENGINES": "scripted",
        "STENO_PORT": str(port),
        **settings,
    }


async def start(env: dict[str, str], *options: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *options, *MODULE, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE
    )


async def outcome(process: Process) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr of a process that ends by itself; one that does not is killed."""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            said, complained = await process.communicate()
            return process.returncode, said.decode(), complained.decode()
    finally:
        await end(process)


async def end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@dataclass
class Service:
    process: Process
    port: int
    log: list[bytes] = field(default_factory=list)
    """What it said until it was ready."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int | None, str, str]:
        self.process.send_signal(number)
        return await outcome(self.process)

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=ANSWER_S_MAX, trust_env=False)

    @asynccontextmanager
    async def recorder(self, protocol: str = PROTOCOL, **headers: str) -> AsyncIterator["Recorder"]:
        async with connect(
            f"ws://127.0.0.1:{self.port}/v1/stream",
            subprotocols=[Subprotocol(protocol)],
            additional_headers=headers,
            open_timeout=ANSWER_S_MAX,
            proxy=None,
        ) as connection:
            yield Recorder(connection, self)


@asynccontextmanager
async def running(home: Path, **settings: str) -> AsyncIterator[Service]:
    """A service that is ready; killed at the end if it still runs."""
    port = free_port()
    process = await start(environment(home, port, **settings))
    service = Service(process, port)
    try:
        async with asyncio.timeout(ANSWER_S_MAX), service.browser() as browser:
            await _ready(browser, service)
        yield service
    finally:
        await end(process)


async def _ready(browser: httpx.AsyncClient, service: Service) -> None:
    log = service.process.stderr
    assert log is not None
    while service.process.returncode is None:
        try:
            if (await browser.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        # Something happens when its log says so; the last line of its start comes once it is ready.
        service.log.append(await log.readline())
    raise AssertionError(f"the service ended before it was ready: {service.log}")


@dataclass
class Recorder:
    """A recorder that does as it is told."""

    connection: ClientConnection
    service: Service
    close_code: int | None = None

    async def hello(self, session: str = SESSION, ticket_for: str | None = None, **changes: object) -> None:
        async with self.service.browser() as browser:
            answer = await browser.post(f"/v1/sessions/{ticket_for or session}/tickets")
        ticket = answer.json()["token"]
        hello = {
            "type": "hello",
            "version": 1,
            "session": session,
            "ticket": ticket,
            "take_id": TAKE,
            "dial": 1,
            "takeover": True,
            "captured_until": 0,
            "gap_no": 0,
            "recording": True,
        }
        await self.connection.send(msgspec.json.encode({**hello, **changes}).decode())

    async def audio(self, start: int, count: int) -> None:
        """`count` samples of the take's clock from `start`."""
        await self.connection.send(encode_frame(start, bytes(2 * count)))

    async def finish(self, until: int) -> None:
        await self.connection.send(f'{{"type": "finish", "until": {until}}}')

    async def until(self, kind: str, **fields: object) -> dict[str, Any]:
        """The next message of this kind with these fields; what comes before it is passed over."""
        async with asyncio.timeout(ANSWER_S_MAX):
            while True:
                told: dict[str, Any] = msgspec.json.decode(await self.connection.recv())
                if told["type"] == kind and fields.items() <= told.items():
                    return told

    async def goodbye(self) -> tuple[dict[str, Any], int | None]:
        """The `bye` and the code the socket is closed with."""
        bye = await self.until("bye")
        async with asyncio.timeout(ANSWER_S_MAX):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed as closed:
                return bye, closed.rcvd.code if closed.rcvd else None
