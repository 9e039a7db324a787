"""The polish service: pulls wake-ups and polishes what they are about, until SIGTERM. `python -m services.polish.main`."""

import asyncio
import sys
from typing import Final

from services.polish.handler import PolishHandler
from services.polish.polishers.offline import RulesPolisher
from shared.config import Config, Role, load_config
from shared.domain.values import SessionId
from shared.errors import Broken, DictationError, SetupError
from shared.observe import configure, get_logger
from shared.ports import Subscriber
from shared.subscriber import Handle, Puller, until_told_to_stop
from shared.tasks import together
from shared.wiring import build

SETUP_EXIT: Final = 2

log = get_logger("polish")


def main() -> int:
    try:
        if not __debug__:
            raise SetupError("Steno checks its own arithmetic with assertions; run Python without -O")
        config = load_config(Role.POLISH)
        configure("polish", config.log_level, config.log_format)
        asyncio.run(_run(config))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return SETUP_EXIT
    return 0


async def _run(config: Config) -> None:
    assert config.polisher == "rules", "load_config admits no other yet"
    ports = build(config)
    polisher = RulesPolisher()
    try:
        handler = PolishHandler(ports.store, ports.bus, ports.kek, polisher)
        puller = Puller(ports.bus, ports.clock, Subscriber.POLISH, _guarded(handler.handle))
        log.info("serving")
        await together(until_told_to_stop(), puller.run())
    finally:
        await polisher.close()
        await ports.close()


def _guarded(handle: Handle) -> Handle:
    """A mistake of ours over one session is logged and costs that session only; a person finds it as a dead letter."""

    async def guarded(session: SessionId) -> None:
        try:
            await handle(session)
        except DictationError:
            raise
        except Exception as error:
            log.error("polishing failed", session=session, exc_info=error)
            raise Broken("a mistake of ours; the log says where") from error

    return guarded


if __name__ == "__main__":
    sys.exit(main())
