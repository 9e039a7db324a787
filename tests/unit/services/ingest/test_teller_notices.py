"""What a recorder is told of trouble: which, when, once, and that its audio is safe."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from services.ingest.connection import OUTBOX_MAX, WINDOW_CATCHING_UP, WINDOW_LIVE, Connection
from services.ingest.engines.base import Final, Health, Hypothesis, Through, Trouble
from services.ingest.follow import Follower
from services.ingest.recording import Parts, Recording
from services.ingest.teller import (
    CATCHING_UP,
    CATCHING_UP_BACKLOG,
    ENGINE_BEHIND,
    FAILING_OVER,
    MOVING,
    RECONNECTING,
    STORAGE_SLOW,
    STORING_SLOWLY_MS,
    TROUBLES,
    UNHEARD,
    Outgoing,
    Teller,
    Window,
)
from shared.domain.session import SessionConfig, SessionDocument, SessionState
from shared.domain.values import Holder, Span, samples
from shared.lease import LogWriter
from shared.sealing import unwrap_key
from shared.tasks import stop
from shared.wire.messages import Ack, Cursors, EntrySent, Notice, Ping
from tests.doubles.faulty_store import slow
from tests.unit.services.ingest.connections import frame, only, say, welcomed
from tests.unit.services.ingest.engines.puppets import Puppets, everybody_is_heard
from tests.unit.services.ingest.web import SESSION, Web, take

TOO_MUCH = samples(20) + 1
"""Unsettled, it is more than an engine that keeps up leaves behind."""


@dataclass
class Live:
    """A recording at work, and who tells its recorder."""

    web: Web
    engine: Puppets
    connection: Connection
    outgoing: Outgoing
    recording: Recording
    teller: Teller
    window: Window

    def speak(self, until: int) -> None:
        for at in range(self.recording.received, until, samples(1)):
            for event in say(self.connection, frame(at, min(until, at + samples(1)))):
                self.recording.hear(event)

    async def recognise(self, *said: Hypothesis) -> None:
        self.engine.streams[0].say(*said)
        await everybody_is_heard()

    async def pass_time(self, duration_ms: int) -> None:
        self.web.clock.advance(duration_ms)
        await everybody_is_heard()

    async def notices(self) -> list[Notice]:
        """Told since the last time, after one more look."""
        await self.teller.progress(self.recording, self.window)
        return only(self.connection.to_send(), Notice)


def _held(document: SessionDocument) -> SessionDocument:
    return replace(document, state=SessionState.RECORDING, holder=Holder("me"), finished_at_ms=None)


@asynccontextmanager
async def live(captured_s: float = 0) -> AsyncIterator[Live]:
    """`captured_s` is what the recorder said it holds when it was welcomed."""
    web = Web()
    stored = await web.record(takes=[take(1, captured_s=captured_s)], change=_held)
    key = await unwrap_key(web.kek, SESSION, stored.document.wrapped_key)
    engine = Puppets()
    writer = LogWriter(web.store, web.clock, stored)
    recording = Recording(Parts(engine, web.bus, web.clock), writer, key, SessionConfig(), 1)
    connection, outgoing = welcomed(), Outgoing()
    follower = Follower(web.store, key, SESSION, Cursors())
    teller = Teller(connection, outgoing, follower, web.store, SESSION)
    running = asyncio.create_task(recording.run())
    await everybody_is_heard()
    try:
        yield Live(web, engine, connection, outgoing, recording, teller, Window(samples(captured_s)))
    finally:
        await stop(running)


def words(start: int, until: int) -> Final:
    return Final(Span(start, until), "words")


async def test_where_nothing_is_amiss_nothing_is_told() -> None:
    async with live() as it:
        it.speak(samples(5))
        await it.recognise(words(0, samples(4)))
        assert await it.notices() == []


# --- which


@pytest.mark.parametrize("trouble", list(Trouble))
async def test_an_engine_that_mends_itself_is_told_of_once_and_again_when_it_fails_again(
    trouble: Trouble,
) -> None:
    notice = TROUBLES[trouble]
    async with live() as it:
        await it.recognise(Health(trouble))
        assert [await it.notices(), await it.notices()] == [[notice], []]
        await it.recognise(Health(None))
        assert await it.notices() == []
        await it.recognise(Health(trouble))
        assert await it.notices() == [notice]


async def test_one_trouble_after_another_is_told_each_time() -> None:
    async with live() as it:
        told = []
        for trouble in (Trouble.RECONNECTING, Trouble.FAILING_OVER, Trouble.RECONNECTING):
            await it.recognise(Health(trouble))
            told += await it.notices()
        assert told == [RECONNECTING, FAILING_OVER, RECONNECTING]


async def test_a_store_that_takes_its_time_is_told_of_after_3_s() -> None:
    async with live() as it:
        it.web.store.next_writes(slow(10_000))
        it.speak(samples(2))
        await it.recognise(words(0, samples(1)))
        await it.pass_time(STORING_SLOWLY_MS)
        assert await it.notices() == []
        await it.pass_time(1)
        assert [await it.notices(), await it.notices()] == [[STORAGE_SLOW], []]
        await it.pass_time(7_000)
        assert await it.notices() == [], "it is stored"
        it.web.store.next_writes(slow(10_000))
        await it.recognise(words(samples(1), samples(2)))
        await it.pass_time(9_999)
        assert await it.notices() == [STORAGE_SLOW]
    assert STORING_SLOWLY_MS == 3_000


async def test_a_store_that_is_down_is_told_of() -> None:
    async with live() as it:
        it.web.store.down = True
        it.speak(samples(2))
        await it.recognise(words(0, samples(1)))
        for _ in range(4):
            await it.pass_time(1_000)
        assert await it.notices() == [STORAGE_SLOW]


async def test_an_engine_slower_than_the_speaker_is_told_of_until_it_has_caught_up() -> None:
    async with live() as it:
        it.speak(TOO_MUCH - 1)
        assert await it.notices() == []
        it.speak(TOO_MUCH)
        assert [await it.notices(), await it.notices()] == [[ENGINE_BEHIND], []]
        await it.recognise(Through(1))
        assert await it.notices() == []
        it.speak(TOO_MUCH + 1)
        assert await it.notices() == [ENGINE_BEHIND]


async def test_what_was_kept_during_an_outage_is_said_to_be_written_until_little_is_left() -> None:
    async with live(captured_s=16) as it:
        assert [await it.notices(), await it.notices()] == [[CATCHING_UP], []]
        it.speak(samples(16))
        await it.recognise(words(0, samples(1)))
        await it.teller.progress(it.recording, it.window)
        (entry, ack) = [each for each in it.connection.to_send() if isinstance(each, EntrySent | Ack)]
        assert isinstance(entry, EntrySent)
        assert isinstance(ack, Ack)
        assert ack.covered == samples(1)
        assert it.window.samples == WINDOW_LIVE
        assert await it.notices() == []


async def test_what_is_soon_delivered_is_no_catching_up() -> None:
    async with live(captured_s=15) as it:
        assert await it.notices() == []


# --- which of several


def _stores_slowly(it: Live) -> None:
    it.web.store.down = True


def _catches_up(it: Live) -> None:
    it.window = Window(CATCHING_UP_BACKLOG + 1)


@pytest.mark.parametrize(
    ("also", "said", "told"),
    [
        (_stores_slowly, Health(Trouble.FAILING_OVER), STORAGE_SLOW),
        (_catches_up, Health(Trouble.FAILING_OVER), FAILING_OVER),
        (_catches_up, Health(None), CATCHING_UP),
        (lambda it: None, Health(None), ENGINE_BEHIND),
    ],
)
async def test_the_trouble_that_matters_most_is_told(
    also: Callable[[Live], None], said: Health, told: Notice
) -> None:
    async with live(captured_s=60) as it:
        it.window = Window(0)
        also(it)
        it.speak(TOO_MUCH + samples(2))
        await it.recognise(words(0, samples(1)), said)
        for _ in range(4):
            await it.pass_time(1_000)
        assert await it.notices() == [told]


# --- how


@pytest.mark.parametrize(
    ("notice", "kind"),
    [
        (STORAGE_SLOW, "storage"),
        (ENGINE_BEHIND, "degraded"),
        (RECONNECTING, "degraded"),
        (FAILING_OVER, "failing_over"),
        (UNHEARD, "degraded"),
        (CATCHING_UP, "catching_up"),
        (MOVING, "moving"),
    ],
)
def test_every_notice_says_that_the_audio_is_safe(notice: Notice, kind: str) -> None:
    assert (notice.kind, notice.safe) == (kind, True)
    assert "audio is kept" in notice.text or "Nothing is lost" in notice.text


def test_no_trouble_of_an_engine_is_left_untold() -> None:
    assert TROUBLES.keys() == set(Trouble)


async def test_a_notice_waits_until_a_slow_reader_has_room() -> None:
    async with live() as it:
        for number in range(OUTBOX_MAX // 2):
            it.connection.send(Ping(number))
        it.outgoing.sent.set()  # as it is after whatever was sent before
        await it.recognise(Health(Trouble.RECONNECTING))
        telling = asyncio.create_task(it.teller.progress(it.recording, it.window))
        await everybody_is_heard()
        assert not telling.done()
        assert only(it.connection.to_send(), Notice) == []
        it.outgoing.sent.set()
        async with asyncio.timeout(5):
            await telling
        assert only(it.connection.to_send(), Notice) == [RECONNECTING]


async def test_whoever_sends_is_woken_for_a_notice_while_the_log_waits_for_room() -> None:
    """Each would wait for the other."""
    async with live() as it:
        it.speak(samples(2))
        await it.recognise(Health(Trouble.RECONNECTING), words(0, samples(1)))
        for number in range(OUTBOX_MAX // 2 - 1):
            it.connection.send(Ping(number))
        telling = asyncio.create_task(it.teller.progress(it.recording, it.window))
        await everybody_is_heard()
        assert not telling.done()
        assert it.outgoing.ready.is_set()
        assert only(it.connection.to_send(), Notice) == [RECONNECTING]
        it.outgoing.sent.set()
        async with asyncio.timeout(5):
            await telling
        assert len(only(it.connection.to_send(), EntrySent)) == 1


# --- the window of credit


def test_credit_is_wide_for_who_returns_with_much_and_never_widens_again() -> None:
    window = Window(CATCHING_UP_BACKLOG + 1)
    assert window.samples == WINDOW_CATCHING_UP
    assert window.progressed(CATCHING_UP_BACKLOG + 1) == WINDOW_CATCHING_UP
    assert window.progressed(CATCHING_UP_BACKLOG) == WINDOW_LIVE
    assert window.progressed(10 * CATCHING_UP_BACKLOG) == WINDOW_LIVE
    assert Window(CATCHING_UP_BACKLOG).samples == WINDOW_LIVE
    assert CATCHING_UP_BACKLOG == samples(15)
