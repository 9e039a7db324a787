"""Every state with every message a recorder may send: what is allowed moves on, the rest is 4400 and why."""

import pytest

from services.ingest.connection import MOVES, Connection, State
from services.ingest.events import AudioCame, FinishCame, GapCame, HelloCame, PauseCame, PongCame
from shared.domain.entries import GapCause
from shared.domain.values import Span
from shared.wire.frames import Frame
from shared.wire.messages import ClientMessage, Finish, GapSent, Hello, Pause, Pong
from tests.unit.services.ingest.connections import (
    EACH_MESSAGE,
    a_gap,
    frame,
    hello,
    in_state,
    pcm,
    say,
    welcomed,
)

KINDS: dict[str, type[ClientMessage] | type[Frame]] = {
    "hello": Hello,
    "audio": Frame,
    "gap": GapSent,
    "pause": Pause,
    "finish": Finish,
    "pong": Pong,
}

REFUSALS: dict[State, dict[str, str]] = {
    State.GREETING: {
        "audio": "audio came before hello",
        "gap": "gap came before hello",
        "pause": "pause came before hello",
        "finish": "finish came before hello",
        "pong": "pong came before hello",
    },
    State.ASKING: {
        "hello": "a second hello came",
        "audio": "audio came before welcome",
        "gap": "gap came before welcome",
        "pause": "pause came before welcome",
        "finish": "finish came before welcome",
        "pong": "pong came before welcome",
    },
    State.STREAMING: {"hello": "a second hello came"},
    State.FINISHING: {
        "hello": "a second hello came",
        "audio": "audio came after finish",
        "gap": "gap came after finish",
        "pause": "pause came after finish",
    },
    State.FINISHED: {
        "hello": "a second hello came",
        "audio": "audio came after finish",
        "gap": "gap came after finish",
        "pause": "pause came after finish",
    },
    State.CLOSING: {},
}
"""The protocol's own words; what is in neither this table nor CLOSING is allowed."""

EVERY_PAIR = [(state, name) for state in State for name in EACH_MESSAGE]


def test_every_kind_of_message_is_tried() -> None:
    assert KINDS.keys() == EACH_MESSAGE.keys()
    assert set(MOVES) == set(State)


@pytest.mark.parametrize(("state", "name"), EVERY_PAIR)
def test_what_is_not_in_the_table_is_the_recorders_mistake(state: State, name: str) -> None:
    connection = in_state(state)
    before = connection.closing
    say(connection, EACH_MESSAGE[name], 1)
    refusal = REFUSALS[state].get(name)
    if state is State.CLOSING:
        assert connection.closing is before
    elif refusal is None:
        assert connection.closing is None
        assert connection.state is MOVES[state][KINDS[name]]
    else:
        assert KINDS[name] not in MOVES[state]
        assert connection.state is State.CLOSING
        assert connection.closing is not None
        assert (connection.closing.code, connection.closing.reason) == (4400, refusal)


@pytest.mark.parametrize("name", EACH_MESSAGE)
def test_what_comes_while_closing_is_discarded(name: str) -> None:
    connection = in_state(State.CLOSING)
    assert say(connection, EACH_MESSAGE[name], 1) == []
    assert connection.to_send() == []


def test_garbage_while_closing_is_discarded_too() -> None:
    connection = in_state(State.CLOSING)
    assert connection.receive_text("{", 1) == []
    assert connection.receive_bytes(b"", 1) == []
    assert connection.closing is not None
    assert connection.closing.code == 4500


def test_each_message_becomes_the_event_it_means() -> None:
    connection = Connection(0)
    assert say(connection, hello(dial=7)) == [HelloCame(hello(dial=7))]
    connection = welcomed()
    assert say(connection, frame(0, 1_600)) == [AudioCame(0, pcm(0, 1_600))]
    assert say(connection, a_gap(1, 1_600, wall_ms=700)) == [
        GapCame(1, GapCause.DEVICE_LOST, Span(1_600, 1_600), 700)
    ]
    assert say(connection, Pause(1_600)) == [PauseCame(1_600)]
    assert say(connection, Pong(0, 3_200, 1_600)) == [PongCame(3_200)]
    assert say(connection, Finish(1_600)) == [FinishCame(1_600)]
    assert say(connection, Finish(1_600)) == [FinishCame(1_600)]


def test_audio_goes_on_after_a_pause() -> None:
    connection = welcomed()
    say(connection, Pause(0))
    assert say(connection, frame(0, 160)) == [AudioCame(0, pcm(0, 160))]
