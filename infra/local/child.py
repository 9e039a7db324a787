"""One running child: its process, the tether that ends with us, and the pipe its log comes through."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process as Running
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from infra.local.stack import Process
from shared.tasks import stop

READ_BYTES: Final = 65_536
LAST_LINES_S_MAX: Final = 0.2
"""How long a dead child's log is still read: what it started itself may keep the pipe open for ever."""

Output = Callable[[bytes], None]


class Child:
    """Made by `start`; `wait` to the end of it, on every path."""

    def __init__(self, running: Running, tether: int, reading: "asyncio.Task[None]") -> None:
        self._running = running
        self._tether = tether
        self._reading = reading

    @property
    def pid(self) -> int:
        return self._running.pid

    @classmethod
    async def start(cls, process: Process, output: Output) -> "Child":
        # Pipes of our own: with asyncio's, a process counts as running while any child of its own has them open.
        with ExitStack() as theirs, ExitStack() as ours:
            tether_theirs, tether_ours = os.pipe()
            theirs.callback(os.close, tether_theirs)
            ours.callback(os.close, tether_ours)
            log_ours, log_theirs = os.pipe()
            theirs.callback(os.close, log_theirs)
            ours.callback(os.close, log_ours)
            running = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *process.runs,
                stdin=tether_theirs,
                stdout=log_theirs,
                stderr=log_theirs,
                env=dict(process.environment),
                # A Ctrl-C in the terminal goes to us alone: a child that got it as well as our SIGTERM would
                # take that for the second request, and not drain.
                process_group=0,
            )
            ours.pop_all()
        return cls(running, tether_ours, asyncio.create_task(_read(log_ours, output)))

    def signal(self, number: signal.Signals) -> None:
        """To the child alone, which hands it on to what it started."""
        try:
            self._running.send_signal(number)
        except ProcessLookupError:
            # It is dead already, and `wait` is about to say so.
            pass

    async def wait(self) -> int:
        """Its exit code, negative for a signal; a child still running when this is cancelled is killed.

        So is all that it started, however it ended: a server's workers or an emulator would keep its port.
        """
        try:
            return await self._running.wait()
        finally:
            self._kill_group()
            os.close(self._tether)
            await asyncio.wait([self._reading], timeout=LAST_LINES_S_MAX)
            await stop(self._reading)

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            # It left nobody behind.
            pass


async def _read(descriptor: int, output: Output) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    try:
        while read := await reader.read(READ_BYTES):
            output(read)
    finally:
        transport.close()
