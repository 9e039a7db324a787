"""The loop of a service that pulls from the embedded bus: take a wake-up, handle its session, say what became of it.

    puller = Puller(ports.bus, ports.clock, Subscriber.POLISH, handle)
    await together(until_told_to_stop(), puller.run())

`handle(session)` is all a service does for a wake-up, however that reached it. It may be called again, late, or twice at
once for the same session, and reads what is to be done from the store.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from shared.domain.values import SessionId
from shared.errors import DictationError, Resync, Retry
from shared.lease import answered
from shared.observe import get_logger
from shared.ports import Bus, Clock, Delivery, Subscriber
from shared.tasks import stop

Handle = Callable[[SessionId], Awaitable[None]]

POLL_MS: Final = 50
"""A look that finds nothing reads one index, without the file's write lock: about 0.4 ms, so 1 % of a core."""

JOBS_MAX: Final = 8
"""Sessions handled at once; the rest wait in the bus, which costs no memory."""

HANDLE_MS_MAX: Final = 60_000
LEASE_MS: Final = HANDLE_MS_MAX + 5_000
"""Longer than a session may be handled, so that the same wake-up is not given to two while both live."""

STOP_MS_MAX: Final = 1_500
"""How long what is being handled may go on once the loop is told to stop."""

OUTAGE_MS: Final = 1_000

STOPPED: Final = "Stopped"
"""The error of a wake-up whose worker was stopped in the middle of it."""

log = get_logger("subscriber")


class Puller:
    """Pulls the wake-ups of one subscriber. One use."""

    def __init__(self, bus: Bus, clock: Clock, subscriber: Subscriber, handle: Handle) -> None:
        self._bus = bus
        self._clock = clock
        self._subscriber = subscriber
        self._handle = handle
        self._jobs: set[asyncio.Task[None]] = set()
        self._out = False

    async def run(self) -> None:
        """Until cancelled; then what is being handled has STOP_MS_MAX to end, and is given back otherwise."""
        try:
            while True:
                delivery = await self._take()
                if delivery is None:
                    await self._clock.sleep_ms(OUTAGE_MS if self._out else POLL_MS)
                else:
                    self._jobs.add(asyncio.create_task(self._serve(delivery)))
                await self._reap()
        finally:
            if self._jobs:
                await asyncio.wait(self._jobs, timeout=STOP_MS_MAX / 1_000)
            await stop(*self._jobs)

    async def _reap(self) -> None:
        """Forget the jobs that are done, once there is room for another. Raises what a job should not have raised."""
        if len(self._jobs) >= JOBS_MAX:
            await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)
        done = {job for job in self._jobs if job.done()}
        self._jobs -= done
        for job in done:
            job.result()

    async def _take(self) -> Delivery | None:
        try:
            delivery = await answered(self._bus.take(self._subscriber, LEASE_MS))
        except Retry as error:
            # Said once for each outage: the same line every second would bury what else the log has to tell.
            if not self._out:
                log.warning("the bus does not answer; looking again every second", exc_info=error)
            self._out = True
            return None
        if self._out:
            log.info("the bus answers again")
        self._out = False
        return delivery

    async def _serve(self, delivery: Delivery) -> None:
        try:
            async with asyncio.timeout(HANDLE_MS_MAX / 1_000):
                await self._handle(delivery.session)
        except (DictationError, TimeoutError) as error:
            await self._failed(delivery, error)
        except asyncio.CancelledError:
            await self._say(self._bus.failed(delivery, STOPPED, permanent=False))
            raise
        else:
            await self._say(self._bus.done(delivery))

    async def _failed(self, delivery: Delivery, error: Exception) -> None:
        """Whoever must act decides: the world or a newer picture is tried again; a person must see the rest."""
        permanent = not isinstance(error, Retry | Resync | TimeoutError)
        log.warning(
            "a session could not be handled",
            session=delivery.session,
            attempts=delivery.attempts,
            permanent=permanent,
            exc_info=error,
        )
        await self._say(self._bus.failed(delivery, type(error).__name__, permanent=permanent))

    async def _say(self, call: Coroutine[Any, Any, None]) -> None:
        """Tell the bus what became of a delivery; if it does not listen, it gives the delivery again after LEASE_MS."""
        try:
            await answered(call)
        except Retry as error:
            log.warning("the bus was not told what became of a wake-up; it will come again", exc_info=error)


async def until_told_to_stop() -> None:
    """Returns on SIGTERM or SIGINT; a second one then ends the process at once."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        await told.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
