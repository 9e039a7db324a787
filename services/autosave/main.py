"""The autosave service: saves the drafts that wake-ups are about, and sweeps.

python -m services.autosave.main                                       pulls from the embedded bus, until SIGTERM
functions-framework --asgi --target autosave --source services/autosave/main.py     is pushed to, everywhere else
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.autosave.handler import AutosaveHandler
from services.autosave.sweep import SWEEP_EVERY_MS, Sweep
from shared.config import Config, Role
from shared.domain.values import Holder, SessionId
from shared.errors import Broken, DictationError, SetupError
from shared.function import Opened, Routes, caller_of, pushed_to, ready, respond, scheduled
from shared.observe import get_logger
from shared.ports import Clock, Subscriber
from shared.push import Receiver
from shared.starting import configured
from shared.subscriber import Handle, Puller, until_told_to_stop
from shared.tasks import together
from shared.wiring import Ports, build

SETUP_EXIT: Final = 2
FAILED: Final = 500

log = get_logger("autosave")


def main() -> int:
    try:
        asyncio.run(_run())
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return SETUP_EXIT
    return 0


async def autosave(request: Request) -> Response:
    """What functions-framework serves: pushes at `/`, the scheduler's request at `/sweep`, and `/readyz`."""
    try:
        return await respond(_routes, request)
    except Exception as error:
        # The framework would print what the error says, which may be words.
        log.error("a request failed", exc_info=error)
        return Response(status_code=FAILED)


async def _run() -> None:
    config = configured(Role.AUTOSAVE)
    async with _opened(config) as ports:
        if ports.pulled is None:
            raise SetupError(f"under the backend {config.backend} autosave is served by functions-framework")
        puller = Puller(ports.pulled, ports.clock, Subscriber.AUTOSAVE, _handle(ports))
        log.info("serving")
        await together(until_told_to_stop(), puller.run(), _sweep_on(_sweep(ports), ports.clock))


@asynccontextmanager
async def _function() -> AsyncIterator[Routes]:
    config = configured(Role.AUTOSAVE)
    async with _opened(config) as ports:
        if ports.box is None:
            raise SetupError("functions-framework serves autosave under the backends emulators and gcp only")
        pusher = caller_of(config, ports.verify, config.push_service_account)
        scheduler = caller_of(config, ports.verify, config.scheduler_service_account)
        receiver = Receiver(Subscriber.AUTOSAVE, _handle(ports), ports.box, ports.clock, pusher)
        log.info("serving")
        yield {
            ("POST", "/"): pushed_to(receiver),
            ("POST", "/sweep"): scheduled(_sweep(ports).run_once, scheduler),
            ("GET", "/readyz"): ready(ports.store),
        }


_routes: Final = Opened(_function)


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Ports]:
    ports = build(config)
    try:
        yield ports
    finally:
        await ports.close()


def _handle(ports: Ports) -> Handle:
    return _guarded(AutosaveHandler(ports.store, ports.bus, ports.blobs, ports.kek, ports.clock).handle)


def _sweep(ports: Ports) -> Sweep:
    return Sweep(ports.store, ports.bus, ports.blobs, ports.clock, lambda: Holder(secrets.token_hex(16)))


async def _sweep_on(sweep: Sweep, clock: Clock) -> None:
    while True:
        try:
            await sweep.run_once()
        except DictationError as error:
            log.warning("the sweep was cut short; the next one is in a minute", exc_info=error)
        except Exception as error:
            log.error("the sweep failed", exc_info=error)
        await clock.sleep_ms(SWEEP_EVERY_MS)


def _guarded(handle: Handle) -> Handle:
    """A mistake of ours over one session is logged and costs that session only; a person finds it as a dead letter."""

    async def guarded(session: SessionId) -> None:
        try:
            await handle(session)
        except DictationError:
            raise
        except Exception as error:
            log.error("saving a draft failed", session=session, exc_info=error)
            raise Broken("a mistake of ours; the log says where") from error

    return guarded


if __name__ == "__main__":
    sys.exit(main())
