"""What Google runs beside us in the cloud, as one process: the scheduler, and the hand that keeps topics and bucket there.

    python -m infra.local.scheduler        # POLISH_URL and AUTOSAVE_URL say where the functions are

The sweep is asked for once a minute, and at once after something had to be made anew: what was announced on a topic
that vanished is found by the sweep and by nobody else.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

import httpx

from infra.local.provision import Resource, all_there, make, resources
from shared.config import Role, load_config
from shared.errors import SetupError
from shared.observe import configure, get_logger
from shared.ports import Clock, Subscriber
from shared.subscriber import until_told_to_stop
from shared.tasks import together
from shared.wiring import system_clock

SETUP_EXIT: Final = 2
LOOK_EVERY_MS: Final = 1_000
SWEEP_EVERY_S: Final = 60
ANSWER_S_MAX: Final = 5
SWEEP_S_MAX: Final = 170
"""Cloud Scheduler waits 180 s by default."""

log = get_logger("scheduler")


class Scheduler:
    def __init__(
        self, client: httpx.AsyncClient, wanted: Sequence[Resource], sweep_url: str, clock: Clock
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._sweep_url = sweep_url
        self._clock = clock
        self._due = asyncio.Event()

    async def keep(self) -> None:
        """Look whether everything is there, for ever, and make what is not."""
        while True:
            try:
                if not await all_there(self._client, self._wanted):
                    await make(self._client, self._wanted)
                    log.info("made topics, subscriptions and bucket")
                    self._due.set()
            except httpx.HTTPError as error:
                log.debug("an emulator does not answer", exc_info=error)
            await self._clock.sleep_ms(LOOK_EVERY_MS)

    async def sweep(self) -> None:
        """Ask for the sweep, for ever."""
        while True:
            try:
                async with asyncio.timeout(SWEEP_EVERY_S):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            await self._sweep_once()

    async def _sweep_once(self) -> None:
        try:
            answer = await self._client.post(self._sweep_url, timeout=SWEEP_S_MAX)
        except httpx.HTTPError as error:
            log.warning("the sweep was not asked for; the next one is in a minute", exc_info=error)
        else:
            if answer.is_error:
                log.warning("the sweep failed; the next one is in a minute", status=answer.status_code)


async def _run() -> None:
    config = load_config(Role.AUTOSAVE)
    configure("scheduler", config.log_level, config.log_format)
    functions = {subscriber: os.environ[f"{subscriber.upper()}_URL"] for subscriber in Subscriber}
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S_MAX) as client:
        wanted = resources(config, functions)
        sweep_url = f"{functions[Subscriber.AUTOSAVE]}sweep"
        scheduler = Scheduler(client, wanted, sweep_url, system_clock())
        await together(until_told_to_stop(), scheduler.keep(), scheduler.sweep())


def main() -> int:
    try:
        asyncio.run(_run())
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return SETUP_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
