"""An instance that cannot hear what polish and autosave write says so, and why: once for each outage."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from itertools import count

import pytest

from services.ingest.admission import Gate
from services.ingest.desk import WATCH_AGAIN_MS, WATCH_HELD_MS, Desk
from services.ingest.recording import Parts
from shared.config import LogFormat, LogLevel
from shared.domain.values import SessionId
from shared.errors import StoreUnavailable
from shared.observe import configure
from shared.tasks import stop
from tests.doubles.memory import MemoryStore
from tests.unit.services.ingest.engines.puppets import Puppets, everybody_is_heard
from tests.unit.services.ingest.web import OTHER_SESSION, SESSION, Web

NO_INDEX = "an index is missing"
NOT_LET_IN = "the service account is not let in"


class Listened(MemoryStore):
    """What a watch tells is put in by the test: a session that changed, or why the watch broke."""

    def __init__(self) -> None:
        super().__init__()
        self.news: asyncio.Queue[SessionId | StoreUnavailable] = asyncio.Queue(8)
        self.watches = 0

    async def watch(self) -> AsyncIterator[SessionId]:
        self.watches += 1
        while True:
            news = await self.news.get()
            if isinstance(news, StoreUnavailable):
                raise news
            yield news


class Screen:
    """`desk.Visitor`."""

    def __init__(self) -> None:
        self.told = 0

    def move(self) -> None:
        raise AssertionError("nobody stops")

    def records_changed(self) -> None:
        self.told += 1


class Watching:
    def __init__(self) -> None:
        self.store = Listened()
        self.web = Web(memory=self.store)
        numbers = count(1)
        gate = Gate(
            self.web.store, self.web.clock, self.web.kek, self.web.tickets, lambda: str(next(numbers)), None
        )
        self.desk = Desk(gate, Parts(Puppets(), self.web.bus, self.web.clock), sessions_max=5)
        self._log = StringIO()
        configure("test", LogLevel.INFO, LogFormat.JSON, self._log)

    async def hears(self, *all_news: SessionId | StoreUnavailable) -> list[tuple[str, str]]:
        """The level and the cause of every line that is logged on it, while seconds pass."""
        self._log.truncate(self._log.seek(0))
        for news in all_news:
            self.store.news.put_nowait(news)
            await everybody_is_heard()
            self.web.clock.advance(WATCH_AGAIN_MS)
            await everybody_is_heard()
        lines = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [(line["level"], line.get("said", "")) for line in lines]


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    async with _watching() as watching:
        yield watching


@asynccontextmanager
async def _watching() -> AsyncIterator[Watching]:
    watching = Watching()
    task = asyncio.create_task(watching.desk.watch())
    try:
        await everybody_is_heard()
        yield watching
    finally:
        await stop(task)


async def test_a_change_is_told_to_who_follows_that_session(watching: Watching) -> None:
    screens = Screen(), Screen()
    with watching.desk.visit(screens[0]), watching.desk.visit(screens[1]):
        watching.desk.welcomed(screens[0], SESSION)
        watching.desk.welcomed(screens[1], OTHER_SESSION)
        assert await watching.hears(SESSION) == []
    assert [each.told for each in screens] == [1, 0]


async def test_an_outage_is_said_once_with_its_cause_and_so_is_its_end(watching: Watching) -> None:
    said = await watching.hears(*[StoreUnavailable(NO_INDEX)] * 5)
    assert said == [("warning", NO_INDEX)]
    assert watching.store.watches == 6, "it is tried again every second all the same"
    assert [level for level, _ in await watching.hears(SESSION, SESSION)] == ["info"]
    assert [level for level, _ in await watching.hears(StoreUnavailable(NO_INDEX))] == ["warning"]


async def test_another_cause_is_said_too(watching: Watching) -> None:
    causes = [StoreUnavailable(each) for each in (NO_INDEX, NOT_LET_IN, NO_INDEX)]
    said = await watching.hears(*causes)
    assert said == [("warning", NO_INDEX), ("warning", NOT_LET_IN)]


async def test_listening_that_held_without_news_ended_the_outage(watching: Watching) -> None:
    assert len(await watching.hears(StoreUnavailable(NO_INDEX))) == 1
    watching.web.clock.advance(WATCH_HELD_MS)
    assert len(await watching.hears(StoreUnavailable(NO_INDEX))) == 1
