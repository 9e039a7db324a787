"""What functions-framework serves for us: one function per service, which takes every request of its address.

The framework has no hook for start and end. So what a function needs is opened at its first request, in the event loop
that serves, to which Google's clients then belong; and it is closed by a task that the end of that loop cancels.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from shared.config import Config
from shared.errors import DictationError
from shared.lease import answered
from shared.observe import get_logger
from shared.ports import Store
from shared.push import ACKNOWLEDGED, TRY_AGAIN, Caller, Receiver, Verify

T = TypeVar("T")

Route = Callable[[Request], Awaitable[int]]
"""Answers a request with a status; nobody reads a body of ours."""

Routes = Mapping[tuple[str, str], Route]
"""By method and path."""

NOT_FOUND: Final = 404
OK: Final = 200

log = get_logger("function")


class Opened(Generic[T]):
    """Opened when first asked for; closed when the event loop ends."""

    def __init__(self, open_it: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._open_it = open_it
        self._lock = asyncio.Lock()
        self._value: T | None = None
        self._closer: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """Raises what opening raises, and tries again the next time."""
        async with self._lock:
            if self._value is None:
                stack = AsyncExitStack()
                value = await stack.enter_async_context(self._open_it())
                self._closer = asyncio.create_task(_close_at_the_end(stack))
                self._value = value
            return self._value


async def _close_at_the_end(stack: AsyncExitStack) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await stack.aclose()


async def respond(routes: Opened[Routes], request: Request) -> Response:
    try:
        route = (await routes.get()).get((request.method, request.url.path))
    except DictationError as error:
        log.error("the function cannot be set up", exc_info=error)
        return Response(status_code=TRY_AGAIN)
    return Response(status_code=NOT_FOUND if route is None else await route(request))


def pushed_to(receiver: Receiver) -> Route:
    async def route(request: Request) -> int:
        return await receiver.receive(request.headers.get("authorization"), request.stream())

    return route


def scheduled(work: Callable[[], Awaitable[None]], caller: Caller | None) -> Route:
    """Work that a scheduler asks for. What fails is asked for again by the next request."""

    async def route(request: Request) -> int:
        try:
            if caller is not None:
                await caller.check(request.headers.get("authorization"))
            await work()
        except DictationError as error:
            log.warning("scheduled work was refused, or cut short", exc_info=error)
            return error.http_status
        return ACKNOWLEDGED

    return route


def ready(store: Store) -> Route:
    async def route(request: Request) -> int:
        try:
            await answered(store.check())
        except DictationError as error:
            # Whoever probes is told a number only.
            log.warning("the function is not ready", exc_info=error)
            return error.http_status
        return OK

    return route


def caller_of(config: Config, verify: Verify | None, service_account: str) -> Caller | None:
    """Who alone may send requests: anybody on the emulators, whose functions only this machine can reach."""
    if config.backend == "emulators":
        return None
    assert verify is not None
    return Caller(verify, config.push_audience, service_account)
