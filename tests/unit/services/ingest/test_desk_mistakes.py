"""A mistake of ours in a recording: its recorder is told, whoever mends it reads where, and nothing of it is left."""

import asyncio
import json
from io import StringIO
from itertools import count

from services.ingest.admission import Gate
from services.ingest.connection import Connection
from services.ingest.desk import Desk
from services.ingest.recording import Parts
from services.ingest.sign_in import LOCAL_PRINCIPAL
from services.ingest.teller import Outgoing
from services.ingest.visit import Visit
from shared.config import LogFormat, LogLevel
from shared.observe import configure
from shared.tasks import stop
from shared.wire.messages import Bye, Welcome
from tests.unit.services.ingest.connections import hello, only, say
from tests.unit.services.ingest.engines.puppets import Puppets
from tests.unit.services.ingest.serving import until
from tests.unit.services.ingest.web import SESSION, Web


async def test_a_mistake_in_a_recording_is_logged_without_what_it_says_and_told_as_ours() -> None:
    logged = StringIO()
    configure("ingest", LogLevel.INFO, LogFormat.JSON, logged)
    web, engine, numbers = Web(), Puppets(), count(1)
    gate = Gate(
        web.store,
        web.clock,
        web.kek,
        web.tickets,
        lambda: f"{next(numbers):08d}-0000-4000-8000-000000000000",
        None,
    )
    desk = Desk(gate, Parts(engine, web.bus, web.clock), sessions_max=5)
    connection, outgoing = Connection(web.clock.monotonic_ms()), Outgoing()
    visit = Visit(desk, connection, outgoing)
    with desk.visit(visit):
        running = asyncio.create_task(visit.run())
        ticket = web.tickets.issue(SESSION, LOCAL_PRINCIPAL, web.clock.wall_ms())
        for event in say(connection, hello(session=SESSION, ticket=ticket)):
            visit.heard(event)
        await until(lambda: bool(engine.streams))
        assert only(connection.to_send(), Welcome) != []
        engine.streams[0].say(AssertionError("Mrs Example has a cough"))
        async with asyncio.timeout(5):
            await running
        (bye,) = only(connection.to_send(), Bye)
        await stop(running)
    await until(lambda: not desk.is_busy)
    assert (bye.code, bye.retry) == (4500, True)
    failed = [line for line in map(json.loads, logged.getvalue().splitlines()) if line["level"] == "error"]
    assert [line["event"] for line in failed] == ["a recording failed"]
    assert "Mrs Example" not in logged.getvalue()
