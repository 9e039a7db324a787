"""A connection that must leave for another server: its recorder is told before it is sent away, and at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from services.ingest.admission import Gate
from services.ingest.connection import Connection
from services.ingest.desk import Desk
from services.ingest.recording import Parts
from services.ingest.sign_in import LOCAL_PRINCIPAL
from services.ingest.teller import MOVING, Outgoing
from services.ingest.visit import MOVE_AFTER_MS, MOVE_MS_MAX, Visit
from shared.tasks import stop
from shared.wire.messages import Bye, Notice, ServerMessage, Welcome
from tests.doubles.faulty_store import slow
from tests.unit.services.ingest.connections import hello, say
from tests.unit.services.ingest.engines.puppets import Puppets, everybody_is_heard
from tests.unit.services.ingest.serving import until
from tests.unit.services.ingest.web import SESSION, Web


@dataclass
class Visiting:
    """One recorder's connection to a desk, without a socket."""

    web: Web
    visit: Visit
    connection: Connection
    outgoing: Outgoing

    def greet(self) -> None:
        ticket = self.web.tickets.issue(SESSION, LOCAL_PRINCIPAL, self.web.clock.wall_ms())
        for event in say(self.connection, hello(session=SESSION, ticket=ticket)):
            self.visit.heard(event)

    async def pass_time(self, duration_ms: int) -> None:
        """And whoever tells the recorder looks up: it does so once a second, by a clock of its own."""
        self.web.clock.advance(duration_ms)
        self.visit.records_changed()
        await everybody_is_heard()

    async def until(self, kind: type[ServerMessage]) -> list[ServerMessage]:
        """Everything sent up to a message of this kind."""
        sent: list[ServerMessage] = []
        async with asyncio.timeout(5):
            while not any(isinstance(each, kind) for each in sent):
                await self.outgoing.ready.wait()
                self.outgoing.ready.clear()
                sent += self.connection.to_send()
                self.outgoing.sent.set()
        return sent


@asynccontextmanager
async def visiting() -> AsyncIterator[Visiting]:
    web = Web()
    numbers = count(1)
    gate = Gate(
        web.store,
        web.clock,
        web.kek,
        web.tickets,
        lambda: f"{next(numbers):08d}-0000-4000-8000-000000000000",
        None,
    )
    desk = Desk(gate, Parts(Puppets(), web.bus, web.clock), sessions_max=5)
    connection, outgoing = Connection(web.clock.monotonic_ms()), Outgoing()
    visit = Visit(desk, connection, outgoing)
    with desk.visit(visit):
        running = asyncio.create_task(visit.run())
        try:
            yield Visiting(web, visit, connection, outgoing)
        finally:
            await stop(running)
    await until(lambda: not desk.is_busy)


def told(sent: list[ServerMessage]) -> list[ServerMessage | int]:
    """Of what was sent, the notices and the code it was closed with."""
    kept = [each for each in sent if isinstance(each, Notice | Bye)]
    return [each.code if isinstance(each, Bye) else each for each in kept]


async def test_a_recorder_is_told_that_it_moves_and_then_sent_away() -> None:
    async with visiting() as it:
        it.greet()
        assert told(await it.until(Welcome)) == []
        it.visit.move()
        assert told(await it.until(Bye)) == [MOVING, 4512]


async def test_who_is_not_welcomed_yet_is_sent_away_at_once() -> None:
    async with visiting() as it:
        it.visit.move()
        assert told(await it.until(Bye)) == [4512]


async def test_a_connection_moves_by_itself_before_the_platform_ends_it() -> None:
    async with visiting() as it:
        it.greet()
        await it.until(Welcome)
        await it.pass_time(MOVE_AFTER_MS - 1)
        assert told(it.connection.to_send()) == []
        await it.pass_time(1)
        assert told(await it.until(Bye)) == [MOVING, 4512]
    assert MOVE_AFTER_MS == 55 * 60 * 1_000


async def test_a_store_that_does_not_answer_holds_no_recorder_back() -> None:
    async with visiting() as it:
        it.greet()
        await it.until(Welcome)
        it.web.store.next_writes(slow(10_000))
        it.visit.move()
        await it.pass_time(MOVE_MS_MAX - 1)
        assert told(it.connection.to_send()) == [MOVING]
        await it.pass_time(1)
        assert told(await it.until(Bye)) == [4512]
        it.web.clock.advance(10_000)
    assert MOVE_MS_MAX < 3_000
