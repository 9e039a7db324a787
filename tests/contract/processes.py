"""Starting, hearing and ending the processes of `process.py`; none outlives the test that started it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ENDS_WITHIN_S: Final = 30


class Child:
    """One such process, ready and waiting for `go`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")

    async def line(self) -> list[str]:
        """The words of the next line it says; none once it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(ENDS_WITHIN_S):
            return (await self._process.stdout.readline()).decode().split()

    async def lines(self) -> list[list[str]]:
        """All it says until it ends by itself, in order."""
        said = []
        while words := await self.line():
            said.append(words)
        assert await self._process.wait() == 0
        return said

    async def kill(self) -> list[list[str]]:
        """End it as a power cut would; what it had still said."""
        if self._process.returncode is None:
            self._process.kill()
        said = []
        while words := await self.line():
            said.append(words)
        await self._process.wait()
        return said


@asynccontextmanager
async def children(*commands: tuple[str, ...]) -> AsyncIterator[list[Child]]:
    """A process for each command, all ready."""
    async with AsyncExitStack() as stack:
        started = []
        for command in commands:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.contract.process", *command, cwd=ROOT, stdin=PIPE, stdout=PIPE
            )
            started.append(Child(process))
            stack.push_async_callback(started[-1].kill)
        for each in started:
            assert await each.line() == ["ready"]
        yield started
