"""Whatever arrives, however slowly it is read, and whoever speaks when: no exception, no growth, and one goodbye."""

import json
from collections.abc import Callable
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.connection import OUTBOX_MAX, WINDOW_LIVE, Connection, State
from services.ingest.events import AudioCame, GapCame, HelloCame, Place
from shared.errors import Retry
from shared.wire.messages import (
    Ack,
    Bye,
    Finished,
    HintSent,
    Notice,
    Ping,
    ServerMessage,
    Ticket,
    Welcome,
    encode_message,
)
from tests.unit.services.ingest.connections import EACH_MESSAGE, TICKET, frame, in_state, lost, say

NUMBERS: Final = st.one_of(
    st.integers(0, 3), st.just(2**53), st.just(-1), st.just(0.5), st.none(), st.just("0")
)
FIELDS: Final = ["type", "at", "until", "start", "echo", "gap_no", "version", "dial", "session", "cause"]


def changed(text: str, field: str, value: object) -> str:
    return json.dumps(json.loads(text) | {field: value})


TEXTS: Final = st.one_of(
    st.text(max_size=40),
    st.builds(
        changed,
        st.sampled_from(
            [encode_message(each) for each in EACH_MESSAGE.values() if not isinstance(each, bytes)]
        ),
        st.sampled_from(FIELDS),
        st.one_of(NUMBERS, st.sampled_from(["hello", "pong", "mystery", "suspended"])),
    ),
)


@given(st.sampled_from(State), TEXTS)
def test_no_text_raises(state: State, text: str) -> None:
    connection = in_state(state)
    events = connection.receive_text(text, 1)
    assert not (events and connection.closing)


@given(
    st.sampled_from(State),
    st.one_of(st.binary(max_size=40), st.builds(frame, st.integers(0, 9), st.integers(10, 20))),
)
def test_no_bytes_raise(state: State, message: bytes) -> None:
    connection = in_state(state)
    events = connection.receive_bytes(message, 1)
    assert not (events and connection.closing)


class Service:
    """Whoever uses a connection, in any order, reading as seldom as chance says."""

    def __init__(self) -> None:
        self.connection = Connection(0)
        self.sent: list[ServerMessage] = []
        self._now_ms = 0
        self._gaps = 0

    @property
    def _is_welcomed(self) -> bool:
        """Nobody has anything to say before."""
        return self.connection.state not in (State.GREETING, State.ASKING)

    def wait(self) -> None:
        self._now_ms += 2_000
        self.connection.tick(self._now_ms)

    def hello(self) -> None:
        if [HelloCame] == [
            type(event) for event in say(self.connection, EACH_MESSAGE["hello"], self._now_ms)
        ]:
            self._admitted()

    def _admitted(self) -> None:
        self.connection.welcome(Place(1, 0, 0, "a-log"), TICKET, WINDOW_LIVE, self._now_ms)

    def audio(self) -> None:
        start = self.connection.frontier
        events = say(self.connection, frame(start, start + 30_000), self._now_ms)
        assert all(isinstance(event, AudioCame) for event in events)

    def loss(self) -> None:
        start = self.connection.frontier
        events = say(self.connection, lost(self._gaps + 1, start, start + 10), self._now_ms)
        self._gaps += sum(isinstance(event, GapCame) for event in events)

    def finish(self) -> None:
        say(self.connection, EACH_MESSAGE["finish"], self._now_ms)

    def records(self) -> None:
        if self._is_welcomed and self.connection.has_room:
            for _ in range(OUTBOX_MAX // 2):
                self.connection.send(Notice("degraded", "It is slow.", safe=True))

    def progress(self) -> None:
        if self.connection.state in (State.STREAMING, State.FINISHING):
            self.connection.progress(self.connection.frontier, self._gaps, WINDOW_LIVE)

    def hint(self) -> None:
        if self._is_welcomed:
            self.connection.hint(HintSent(1, 0, 10, "perhaps"))

    def ticket(self) -> None:
        if self._is_welcomed:
            self.connection.send(TICKET)

    def finished(self) -> None:
        if self.connection.state is State.FINISHING:
            self.progress()
            self.connection.finished(self.connection.frontier)

    def leave(self) -> None:
        self.connection.bye(Retry("moving"))

    def read(self) -> None:
        messages = self.connection.to_send()
        # At most one of each of these beside what was queued.
        assert len(messages) <= OUTBOX_MAX + len([Ack, Ping, HintSent, Bye])
        self.sent += messages


STEPS: Final[list[Callable[[Service], None]]] = [
    Service.wait,
    Service.hello,
    Service.audio,
    Service.loss,
    Service.finish,
    Service.records,
    Service.progress,
    Service.hint,
    Service.ticket,
    Service.finished,
    Service.leave,
    Service.read,
]
USUAL: Final = [Service.audio, Service.records, Service.progress, Service.hint, Service.ticket, Service.read]


@given(st.booleans(), st.lists(st.one_of(st.sampled_from(USUAL), st.sampled_from(STEPS)), max_size=60))
def test_in_any_order_of_use(greeted: bool, steps: list[Callable[[Service], Any]]) -> None:
    service = Service()
    for step in [Service.hello, Service.read, *steps] if greeted else steps:
        step(service)
    service.leave()
    service.read()
    kinds = [type(message) for message in service.sent]
    assert kinds[-1] is Bye
    assert kinds.count(Bye) == 1
    if len(kinds) > 1:
        assert kinds[:2] == [Welcome, Ticket]
        assert kinds.count(Welcome) == 1
    credit = [each.send_until for each in service.sent if isinstance(each, Welcome | Ack)]
    assert credit == sorted(credit)
    after = kinds[kinds.index(Finished) + 1 :] if Finished in kinds else []
    assert Ack not in after
    service.read()
    assert len(kinds) == len(service.sent)
