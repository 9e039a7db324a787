"""The autosave service: pulls wake-ups and saves drafts, and sweeps, until SIGTERM. `python -m services.autosave.main`."""

import asyncio
import secrets
import sys
from typing import Final

from services.autosave.handler import AutosaveHandler
from services.autosave.sweep import SWEEP_EVERY_MS, Sweep
from shared.config import Config, Role, load_config
from shared.domain.values import Holder, SessionId
from shared.errors import Broken, DictationError, SetupError
from shared.observe import configure, get_logger
from shared.ports import Clock, Subscriber
from shared.subscriber import Handle, Puller, until_told_to_stop
from shared.tasks import together
from shared.wiring import build

SETUP_EXIT: Final = 2

log = get_logger("autosave")


def main() -> int:
    try:
        if not __debug__:
            raise SetupError("Steno checks its own arithmetic with assertions; run Python without -O")
        config = load_config(Role.AUTOSAVE)
        configure("autosave", config.log_level, config.log_format)
        asyncio.run(_run(config))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return SETUP_EXIT
    return 0


async def _run(config: Config) -> None:
    ports = build(config)
    try:
        handler = AutosaveHandler(ports.store, ports.bus, ports.blobs, ports.kek, ports.clock)
        puller = Puller(ports.bus, ports.clock, Subscriber.AUTOSAVE, _guarded(handler.handle))
        sweep = Sweep(ports.store, ports.bus, ports.blobs, ports.clock, _draw_holder)
        log.info("serving")
        await together(until_told_to_stop(), puller.run(), _sweep(sweep, ports.clock))
    finally:
        await ports.close()


def _draw_holder() -> Holder:
    return Holder(secrets.token_hex(16))


async def _sweep(sweep: Sweep, clock: Clock) -> None:
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
