"""Real children: small ones, that behave as they are told."""

import asyncio
import os
import re
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

from infra.local.logs import LogLines
from infra.local.processes import VIGIL, Processes, Vigil
from infra.local.stack import Process, ours
from infra.local.supervisor import Charge
from shared.adapters.clocks import SystemClock

ROOT = Path(__file__).parents[4]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def process(name: str, behaviour: str, port: int | None = None) -> Process:
    told = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "BEHAVIOUR": behaviour,
        "STENO_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}" if port else None
    runs = ours("tests.doubles.child_process")
    return Process(Charge(name, url), runs, told, f"{url}/readyz" if url else None)


class Stack:
    """A supervisor with real children, and what it said."""

    def __init__(self, *processes: Process, vigil: Vigil = VIGIL) -> None:
        self.log = StringIO()
        self.lines = LogLines(self.log)
        self.announced: asyncio.Queue[str] = asyncio.Queue()
        self.running = Processes(processes, SystemClock(), self.announced.put_nowait, self.lines, vigil)

    async def pid(self) -> int:
        line = await self.announced.get()
        found = re.fullmatch(r"ingest pid=(\d+) url=http://127\.0\.0\.1:\d+", line)
        assert found, line
        return int(found[1])


@asynccontextmanager
async def started(
    *processes: Process, vigil: Vigil = VIGIL
) -> AsyncIterator[tuple[Stack, asyncio.Task[int]]]:
    stack = Stack(*processes, vigil=vigil)
    task = asyncio.create_task(stack.running.run())
    try:
        yield stack, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        stack.lines.close()


async def test_a_child_that_is_frozen_is_killed_and_comes_back_on_its_port() -> None:
    port = free_port()
    vigil = Vigil(every_ms=50, answer_ms=200, misses=2)
    async with started(process("ingest-1", "serves", port), vigil=vigil) as (stack, task):
        first = await stack.pid()
        await stack.announced.get()
        os.kill(first, signal.SIGSTOP)
        assert await stack.pid() != first
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task == 0
    assert "ingest-1 does not answer and is killed" in stack.log.getvalue()


async def test_what_a_child_says_is_wrong_is_told_once_and_that_it_is_over() -> None:
    vigil = Vigil(every_ms=20, answer_ms=2_000, misses=2)
    async with started(process("ingest-1", "ails for a while", free_port()), vigil=vigil) as (stack, task):
        async with asyncio.timeout(10):
            while "ingest-1 serves again" not in stack.log.getvalue():
                await SystemClock().sleep_ms(20)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task == 0
    assert stack.log.getvalue().count("ingest-1 cannot serve: the well is dry; dig deeper") == 1


async def test_ready_once_all_serve_and_a_killed_child_comes_back_on_its_port() -> None:
    port = free_port()
    async with started(process("ingest-1", "serves", port), process("polish", "waits")) as (stack, task):
        first = await stack.pid()
        assert await stack.announced.get() == f"ready http://127.0.0.1:{port}"
        os.kill(first, signal.SIGKILL)
        assert await stack.pid() != first
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task == 0
    log = stack.log.getvalue()
    assert "ingest-1 | serving" in log
    assert "steno | ingest-1 was killed by signal 9; it is started again" in log
    assert "polish | waiting" in log


async def test_ctrl_c_drains_too() -> None:
    async with started(process("ingest-1", "serves", free_port())) as (stack, task):
        pid = await stack.pid()
        assert (await stack.announced.get()).startswith("ready ")
        assert os.getpgid(pid) != os.getpgid(0), (
            "a Ctrl-C of the terminal would reach the child beside our SIGTERM"
        )
        os.kill(os.getpid(), signal.SIGINT)
        assert await task == 0
    assert "ingest-1 | stopping" in stack.log.getvalue()


async def test_a_second_signal_does_not_wait_for_a_stubborn_child() -> None:
    async with started(process("ingest-1", "stubborn", free_port())) as (stack, task):
        await stack.pid()
        assert (await stack.announced.get()).startswith("ready ")
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert await task == 0


async def test_a_child_that_cannot_be_set_up_ends_it_with_2_and_its_own_sentence() -> None:
    async with started(process("ingest-1", "misconfigured", free_port()), process("polish", "waits")) as (
        stack,
        task,
    ):
        assert await task == 2
    assert "ingest-1 | the sky is missing; put it back" in stack.log.getvalue()


async def test_a_child_that_only_crashes_ends_the_start_with_1() -> None:
    async with started(process("ingest-1", "crashes", free_port()), process("polish", "waits")) as (
        stack,
        task,
    ):
        assert await task == 1
    assert stack.log.getvalue().count("ingest-1 exited with 7") == 3


async def test_what_a_child_left_behind_does_not_hide_its_death() -> None:
    async with started(process("ingest-1", "leaves a child behind", free_port())) as (stack, task):
        assert await stack.pid() != await stack.pid()
        assert await task == 1
    assert "ingest-1 | left behind" in stack.log.getvalue()


async def test_children_die_with_a_supervisor_that_is_killed() -> None:
    port = free_port()
    script = (
        "import asyncio, sys\n"
        "from io import StringIO\n"
        "from tests.unit.infra.local.test_processes import process, Stack\n"
        "async def main():\n"
        f"    stack = Stack(process('ingest-1', 'stubborn', {port}))\n"
        "    task = asyncio.create_task(stack.running.run())\n"
        "    print(await stack.pid(), flush=True)\n"
        "    print(await stack.announced.get(), flush=True)\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    assert (await supervisor.stdout.readline()).startswith(b"ready ")
    gone = os.pidfd_open(pid)
    supervisor.kill()
    await supervisor.wait()
    readable, _, _ = select.select([gone], [], [], 20)
    os.close(gone)
    assert readable
