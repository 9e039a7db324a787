"""The shell of the supervisor: real processes, signals and time around the decisions of `supervisor.py`."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import httpx

from infra.local.child import Child
from infra.local.logs import LogLines
from infra.local.stack import Process
from infra.local.supervisor import (
    Action,
    Announce,
    Event,
    Exited,
    Hangs,
    Kill,
    Launch,
    Launched,
    Leave,
    Report,
    Says,
    Serves,
    StopAsked,
    Supervisor,
    Terminate,
)
from shared.ports import Clock
from shared.tasks import stop

POLL_MS: Final = 100
POLL_MS_MAX: Final = 2_000
TROUBLE_CHARACTERS_MAX: Final = 500
NAME: Final = "steno"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Vigil:
    """When a child that serves is taken to hang: longer than any pause of a busy machine, shorter than a person's
    patience. Saying that it is unwell counts as an answer."""

    every_ms: int = 5_000
    answer_ms: int = 5_000
    misses: int = 3
    """In a row."""


VIGIL: Final = Vigil()


class Processes:
    """Runs children until they are told to stop. One use."""

    def __init__(
        self,
        processes: Iterable[Process],
        clock: Clock,
        announce: Say,
        lines: LogLines,
        vigil: Vigil = VIGIL,
    ) -> None:
        self._processes = {process.name: process for process in processes}
        self._clock = clock
        self._announce = announce
        self._lines = lines
        self._vigil = vigil
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        """A few of each child at a time, and one for each signal: whoever takes them waits for nothing else."""
        self._running: dict[str, Child] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Returns the code to exit with. SIGTERM and SIGINT stop everything in order; a second one at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._events.put_nowait, StopAsked())
        supervisor = Supervisor(
            (each.charge for each in self._processes.values()), self._clock.monotonic_ms()
        )
        try:
            return await self._obey(supervisor)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            await self._end()

    async def _obey(self, supervisor: Supervisor) -> int:
        actions = supervisor.wake(self._clock.monotonic_ms())
        while True:
            for action in actions:
                if isinstance(action, Leave):
                    return action.code
                await self._do(action)
            event = await self._next(supervisor.deadline_ms)
            now_ms = self._clock.monotonic_ms()
            actions = supervisor.wake(now_ms) if event is None else supervisor.handle(event, now_ms)

    async def _next(self, deadline_ms: int | None) -> Event | None:
        """What happens next; None if that is the deadline."""
        wait_ms = None if deadline_ms is None else max(0, deadline_ms - self._clock.monotonic_ms())
        try:
            async with asyncio.timeout(None if wait_ms is None else wait_ms / 1_000):
                return await self._events.get()
        except TimeoutError:
            return None

    async def _do(self, action: Action) -> None:
        match action:
            case Launch(name):
                await self._launch(self._processes[name])
            case Terminate(name):
                self._signal(name, signal.SIGTERM)
            case Kill(name):
                self._signal(name, signal.SIGKILL)
            case Announce(line):
                self._announce(line)
            case Report(line):
                self._lines.say(NAME, line)

    async def _launch(self, process: Process) -> None:
        child = await Child.start(process, lambda read: self._lines.feed(process.name, read))
        self._running[process.name] = child
        self._events.put_nowait(Launched(process.name, child.pid))
        task = asyncio.create_task(self._watch(process, child))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, process: Process, child: Child) -> None:
        serving = asyncio.create_task(self._look_after(process))
        try:
            code = await child.wait()
        finally:
            await stop(serving)
            del self._running[process.name]
        self._lines.ended(process.name)
        self._events.put_nowait(Exited(process.name, code))

    async def _look_after(self, process: Process) -> None:
        """Say when it serves, and when it has ceased to answer."""
        if process.health_url is None:
            self._events.put_nowait(Serves(process.name))
            return
        async with httpx.AsyncClient(trust_env=False, timeout=POLL_MS_MAX / 1_000) as client:
            while not await _is_ready(client, process.health_url):
                await self._clock.sleep_ms(POLL_MS)
            self._events.put_nowait(Serves(process.name))
            await self._until_it_hangs(client, process.name, process.health_url)
        self._events.put_nowait(Hangs(process.name))

    async def _until_it_hangs(self, client: httpx.AsyncClient, name: str, url: str) -> None:
        misses = 0
        while misses < self._vigil.misses:
            await self._clock.sleep_ms(self._vigil.every_ms)
            try:
                answer = await client.get(url, timeout=self._vigil.answer_ms / 1_000)
            except httpx.TimeoutException:
                misses += 1
                continue
            except httpx.HTTPError:
                # A refused connection is no silence: its process is about to be missed.
                pass
            else:
                self._events.put_nowait(Says(name, _trouble(answer)))
            misses = 0

    def _signal(self, name: str, number: signal.Signals) -> None:
        if name in self._running:
            self._running[name].signal(number)

    async def _end(self) -> None:
        """Nothing is left running, on any path."""
        await stop(*self._tasks)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _trouble(answer: httpx.Response) -> str:
    """The sentence with which it says that it cannot serve; empty if it can."""
    if answer.status_code == httpx.codes.OK:
        return ""
    try:
        said = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        said = f"it answers {answer.status_code}"
    return " ".join(str(said).split())[:TROUBLE_CHARACTERS_MAX]
