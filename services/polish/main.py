"""The polish service: polishes what wake-ups are about.

python -m services.polish.main                                         pulls from the embedded bus, until SIGTERM
functions-framework --asgi --target polish --source services/polish/main.py         is pushed to, everywhere else
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.polish.handler import PolishHandler
from services.polish.polishers.base import Polisher
from services.polish.polishers.offline import RulesPolisher
from services.polish.polishers.standing_in import StandingIn
from shared.config import LOOPBACK, Config, Role
from shared.domain.values import SessionId
from shared.errors import Broken, DictationError, SetupError
from shared.function import Opened, Routes, caller_of, pushed_to, ready, respond
from shared.observe import get_logger
from shared.ports import Clock, Subscriber
from shared.push import Receiver
from shared.starting import configured
from shared.subscriber import Handle, Puller, until_told_to_stop
from shared.tasks import together
from shared.wiring import Ports, build

SETUP_EXIT: Final = 2
FAILED: Final = 500

log = get_logger("polish")


def main() -> int:
    try:
        asyncio.run(_run())
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return SETUP_EXIT
    return 0


async def polish(request: Request) -> Response:
    """What functions-framework serves: pushes at `/`, and `/readyz`."""
    try:
        return await respond(_routes, request)
    except Exception as error:
        # The framework would print what the error says, which may be words.
        log.error("a request failed", exc_info=error)
        return Response(status_code=FAILED)


async def _run() -> None:
    config = configured(Role.POLISH)
    async with _opened(config) as (ports, handle):
        if ports.pulled is None:
            raise SetupError(f"under the backend {config.backend} polish is served by functions-framework")
        puller = Puller(ports.pulled, ports.clock, Subscriber.POLISH, handle)
        log.info("serving")
        await together(until_told_to_stop(), puller.run())


@asynccontextmanager
async def _function() -> AsyncIterator[Routes]:
    config = configured(Role.POLISH)
    async with _opened(config) as (ports, handle):
        if ports.box is None:
            raise SetupError("functions-framework serves polish under the backends emulators and gcp only")
        caller = caller_of(config, ports.verify, config.push_service_account)
        receiver = Receiver(Subscriber.POLISH, handle, ports.box, ports.clock, caller)
        log.info("serving")
        yield {("POST", "/"): pushed_to(receiver), ("GET", "/readyz"): ready(ports.store)}


_routes: Final = Opened(_function)


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[tuple[Ports, Handle]]:
    ports = build(config)
    polisher = _polisher(config, ports.clock)
    try:
        handler = PolishHandler(ports.store, ports.bus, ports.kek, polisher, ports.clock)
        yield ports, _guarded(handler.handle)
    finally:
        await polisher.close()
        await ports.close()


def _polisher(config: Config, clock: Clock) -> Polisher:
    if config.polisher == "rules":
        return RulesPolisher()
    # Importing the SDK takes a second, which only those who use it should wait for.
    from services.polish.polishers.gemini import MODELS, Access, GeminiPolisher

    url = config.provider_urls.get("gemini", "")
    rehearsed = urlsplit(url).hostname in LOOPBACK
    access = Access(
        key="rehearsal" if rehearsed else config.gemini_key,
        project=config.project,
        location=config.gemini_location,
        url=url,
    )
    vendor = GeminiPolisher(access, MODELS[config.gemini_model], config.polish_deadline_ms, clock)
    return StandingIn(vendor, RulesPolisher(), clock)


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
