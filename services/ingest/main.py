"""The ingest service: reads its configuration, composes what serves, and runs until SIGTERM. `python -m services.ingest.main`."""

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from typing import Final

import uvloop
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from services.ingest.admission import Gate
from services.ingest.app import create_app
from services.ingest.desk import GREETINGS_MAX, Desk
from services.ingest.engines.base import Engine
from services.ingest.engines.build import build_engine
from services.ingest.http_rules import REQUESTS_MAX, loopback_hosts
from services.ingest.pages import RECORDER_DIR, load_page
from services.ingest.readiness import Readiness, StoreHealth
from services.ingest.recording import Parts
from services.ingest.server import Server, allow_connections, listen
from services.ingest.sessions import Sessions
from services.ingest.sessions_api import SessionsApi
from services.ingest.sign_in import DevelopmentSignIn
from services.ingest.tickets import Tickets, open_ring
from services.ingest.ws import serve
from shared.config import Config, Role
from shared.errors import SetupError
from shared.keys import Keys
from shared.observe import get_logger
from shared.starting import configured
from shared.tasks import together
from shared.wiring import Ports, build

SETUP_EXIT: Final = 2

log = get_logger("ingest")


def main() -> int:
    try:
        config = configured(Role.INGEST)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_logged(_run(config)))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return SETUP_EXIT


async def _logged(service: Awaitable[None]) -> int:
    """The exit code. A mistake of ours is logged: a traceback would print what the error says, which may be words."""
    try:
        await service
    except SetupError:
        raise
    except Exception as error:
        log.error("the service failed", exc_info=error)
        return 1
    return 0


async def _run(config: Config) -> None:
    async with AsyncExitStack() as closing_down:
        # First of all: a port that is taken is said before anything is opened or loaded.
        listening = closing_down.enter_context(closing(listen(config.host, config.port)))
        connections_max = config.sessions_each() + GREETINGS_MAX + REQUESTS_MAX
        allow_connections(connections_max)
        ports = build(config)
        closing_down.push_async_callback(ports.close)
        engine = build_engine(config, ports.clock)
        closing_down.push_async_callback(engine.close)
        readiness = Readiness()
        tickets = Tickets(open_ring(config.ticket_keys, config.ticket_key_file))
        desk = _desk(config, ports, engine, tickets)

        async def drain() -> None:
            readiness.drain()
            await desk.drain()

        server = Server(_app(config, ports, tickets, desk, readiness), drain, connections_max)
        await together(server.serve([listening]), _get_ready(engine, readiness), desk.watch())


def _desk(config: Config, ports: Ports, engine: Engine, tickets: Tickets) -> Desk:
    gate = Gate(
        store=ports.store,
        clock=ports.clock,
        kek=ports.kek,
        tickets=tickets,
        draw_id=lambda: str(uuid.uuid4()),
        retention_days=config.retention_days,
    )
    return Desk(gate, Parts(engine, ports.bus, ports.clock), config.sessions_each())


def _app(config: Config, ports: Ports, tickets: Tickets, desk: Desk, readiness: Readiness) -> ASGIApp:
    hosts = loopback_hosts(config.port)
    sign_in = DevelopmentSignIn(hosts, in_cloud=config.in_cloud)
    log.info("the development sign-in is on: whoever sits at this machine is signed in")
    sessions = Sessions(ports.store, ports.blobs, ports.bus, Keys(ports.kek), ports.clock)
    api = SessionsApi(sign_in, tickets, sessions, ports.clock)
    health = StoreHealth(ports.store, ports.clock)
    return create_app(api, load_page(RECORDER_DIR), _guarded(desk), readiness, health, hosts)


def _guarded(desk: Desk) -> Callable[[WebSocket], Awaitable[None]]:
    """One recorder's connection; a mistake of ours in it is logged, and costs that connection only."""

    async def stream(websocket: WebSocket) -> None:
        try:
            await serve(websocket, desk)
        except Exception as error:
            log.error("a connection failed", exc_info=error)

    return stream


async def _get_ready(engine: Engine, readiness: Readiness) -> None:
    """Load what the engine needs before the first recorder is let in."""
    await engine.check()
    readiness.serve()
    log.info("serving")


if __name__ == "__main__":
    sys.exit(main())
