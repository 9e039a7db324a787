"""Tasks by name, for a shell that starts and replaces them: none outlives its owner, and none fails unheard."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from shared.tasks import stop


class Chores:
    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        """`failed` gets what a task raised: our own mistake, unless it is one that its owner expects."""
        self._failed = failed
        self._named: dict[str, asyncio.Task[None]] = {}
        self._living: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """The one of this name before it, if it still runs, is no longer wanted."""
        self.cancel(name)
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._named[name] = task
        self._living.add(task)

    def cancel(self, name: str) -> bool:
        """Whether it was running. It does nothing more on its own account; what it holds is let go of by itself."""
        task = self._named.get(name)
        return task is not None and task.cancel()

    def has(self, name: str) -> bool:
        """Whether one of this name was ever started."""
        return name in self._named

    async def wait(self, name: str) -> None:
        """Until the one of this name, if there is one, has ended."""
        if name in self._named:
            await asyncio.wait({self._named[name]})

    async def close(self) -> None:
        """Returns once none is left."""
        await stop(*self._living)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._living.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
