"""The present connection: in order, one at a time, cut on purpose, and over in every way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from client.cuts import Cuts
from client.events import Came, Closed, Event, Flushed, Opened
from client.line import Line, Outgoing
from shared.wire.frames import Frame
from shared.wire.messages import Bye, Finish, Pause, Ping
from tests.unit.client.doubles import FakeNetwork, FakeSocket, pcm, settle

URL = "ws://one.example:8000/v1/stream"


class Talk:
    def __init__(self, cut_every: int | None) -> None:
        self.network = FakeNetwork()
        self.events: list[Event] = []
        self.troubles: list[str] = []
        self.failures: list[BaseException] = []
        self.failing: type[Event] | None = None
        self.line = Line(
            self.network, Cuts(cut_every), self._happened, self.troubles.append, self.failures.append
        )

    def _happened(self, event: Event) -> None:
        if self.failing is not None and isinstance(event, self.failing):
            raise LookupError("ours")
        self.events.append(event)

    async def dial(self, number: int = 1) -> FakeSocket:
        self.line.dial(number, URL)
        await settle()
        return self.network.last


@asynccontextmanager
async def talk(cut_every: int | None = None) -> AsyncIterator[Talk]:
    here = Talk(cut_every)
    yield here
    await here.line.close()
    assert all(socket.is_gone for socket in here.network.sockets)


async def test_what_is_given_is_sent_in_order_and_passed_on() -> None:
    async with talk() as here:
        socket = await here.dial()
        assert here.events == [Opened(1), Flushed(1)]
        outgoing: list[Outgoing] = [Pause(0), Frame(0, pcm(0.1)), Frame(1_600, pcm(0.1)), Finish(3_200)]
        for each in outgoing:
            here.line.send(each)
        await settle()
        assert socket.sent == outgoing
        assert here.events == [Opened(1), Flushed(1), Flushed(1)]


async def test_what_the_server_says_comes_with_the_number_of_the_dial() -> None:
    async with talk() as here:
        socket = await here.dial(7)
        socket.say(Ping(1))
        socket.bye(Bye(4512, "moving", retry=True))
        await settle()
        assert here.events[2:] == [
            Came(7, Ping(1)),
            Came(7, Bye(4512, "moving", retry=True)),
            Closed(7, 4512),
        ]


async def test_last_words_are_heard_although_sending_fails_first() -> None:
    async with talk() as here:
        socket = await here.dial()
        socket.bye(Bye(4410, "deleted", retry=False))
        here.line.send(Frame(0, pcm(0.1)))
        await settle()
        assert here.events[-2:] == [Came(1, Bye(4410, "deleted", retry=False)), Closed(1, 4410)]


async def test_a_socket_that_does_not_open_is_closed_and_said() -> None:
    async with talk() as here:
        here.network.refusing = {"one.example"}
        here.line.dial(1, URL)
        await settle()
        assert here.events == [Closed(1, 1006)]
        assert here.troubles == [f"{URL}: connection refused"]


async def test_hanging_up_is_heard_of_no_more() -> None:
    async with talk() as here:
        socket = await here.dial()
        here.line.hang_up()
        socket.say(Ping(1))
        await settle()
        assert here.events == [Opened(1), Flushed(1)]
        assert socket.is_gone


async def test_a_new_dial_hangs_up_the_one_before_and_forgets_what_waited_for_it() -> None:
    async with talk() as here:
        first = await here.dial(1)
        first.takes_nothing = True
        here.line.send(Pause(1))
        here.line.send(Pause(2))
        await settle()
        second = await here.dial(2)
        here.line.send(Pause(3))
        await settle()
        assert first.is_gone
        assert second.sent == [Pause(3)]


async def test_a_cut_sends_exactly_up_to_it_and_nothing_after() -> None:
    async with talk(cut_every=2_000) as here:
        socket = await here.dial()
        here.line.send(Frame(0, pcm(0.1)))
        here.line.send(Frame(1_600, pcm(0.1)))
        here.line.send(Finish(3_200))
        await settle()
        assert [(frame.start, frame.until) for frame in socket.audio] == [(0, 1_600), (1_600, 2_000)]
        assert socket.finish is None
        assert here.events[-1] == Closed(1, 1006)


@pytest.mark.parametrize("said", ["not json", '{"type": "ping"}', '{"type": "ping", "echo": -1}', b"audio"])
async def test_what_is_not_understood_ends_the_connection_and_is_said(said: str | bytes) -> None:
    async with talk() as here:
        socket = await here.dial()
        socket.say_raw(said)
        await settle()
        assert here.events[-1] == Closed(1, 1002)
        assert len(here.troubles) == 1


async def test_a_message_of_a_later_version_is_passed_over() -> None:
    async with talk() as here:
        socket = await here.dial()
        socket.say_raw('{"type": "weather", "sun": true}')
        socket.say(Ping(1))
        await settle()
        assert here.events[-1] == Came(1, Ping(1))


@pytest.mark.parametrize("event", [Opened, Came, Flushed, Closed])
async def test_an_own_mistake_is_handed_on_and_leaves_no_socket(event: type[Event]) -> None:
    async with talk() as here:
        here.failing = event
        socket = await here.dial()
        socket.bye(Bye(4500, "ours", retry=True))
        await settle()
        assert [type(failure) for failure in here.failures] == [LookupError]
        assert socket.is_gone
