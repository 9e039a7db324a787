"""Running coroutines together so that none outlives the others, on any path."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def together(main: Coroutine[Any, Any, T], *helpers: Coroutine[Any, Any, None]) -> T:
    """Run all until `main` returns or any of them raises; the rest are cancelled and awaited.

    Returns what `main` returned, or raises what the first to fail raised. A helper may return early.
    Unlike a TaskGroup it ends with `main`, and raises the error itself, not a group.
    """
    first = asyncio.ensure_future(main)
    tasks = [first, *(asyncio.ensure_future(helper) for helper in helpers)]
    try:
        waiting = set(tasks)
        while not first.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {first}:
                task.result()
        return first.result()
    finally:
        await stop(*tasks)


async def stop(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until they are gone; what they raise on the way is nobody's any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
