"""An event loop whose time passes only when nothing else can happen: hours of protocol in a second, the same each time.

Nothing under it may use sockets or threads. Work handed to a thread runs at once, in place.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

WALL_MS: Final = 1_800_000_000_000


class Deadlock(Exception):
    """Everybody waits, and no time is due."""


class _Selector(selectors.SelectSelector):
    """Instead of waiting for a socket, moves the time to where the loop wanted to be woken."""

    passed: float = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is scheduled, and something is still awaited")
        self.passed += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed

    def run_in_executor(  # type: ignore[override]  # the base says Any, and waits for a thread
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        done: asyncio.Future[T] = self.create_future()
        done.set_result(func(*args))
        return done


class VirtualClock:
    """`ports.Clock` on the loop's time; each machine's wall may be wrong by its own amount."""

    def __init__(self, skew_ms: int = 0) -> None:
        self.skew_ms = skew_ms

    def wall_ms(self) -> int:
        return WALL_MS + self.skew_ms + self.monotonic_ms()

    def monotonic_ms(self) -> int:
        # A deadline computed in milliseconds and reached in seconds must not be missed by a rounding.
        return int(asyncio.get_running_loop().time() * 1_000 + 1e-6)

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(max(0, duration_ms) / 1_000)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a loop of its own; raises what any task raised and nobody took."""
    loop = VirtualLoop()
    failures: list[str] = []

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        failures.append(f"{context['message']}: {error!r}")

    loop.set_exception_handler(note)
    try:
        result = loop.run_until_complete(main)
        left = [task.get_coro() for task in asyncio.all_tasks(loop)]
        assert not left, f"tasks left behind: {left}"
        assert not failures, failures
        return result
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
