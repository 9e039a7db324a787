"""Connections in each of their states, and what a recorder sends them."""

from array import array
from typing import Any, Final

from services.ingest.connection import WINDOW_LIVE, Connection, State
from services.ingest.events import Place
from shared.errors import Broken
from shared.wire.frames import encode_frame
from shared.wire.messages import (
    ClientMessage,
    Finish,
    GapSent,
    Hello,
    Pause,
    Pong,
    ServerMessage,
    Ticket,
    encode_message,
)

SESSION: Final = "5e551011-0000-4000-8000-000000000001"
TAKE_ID: Final = "7a4e0000-0000-4000-8000-000000000001"
TICKET: Final = Ticket("a-ticket", 900_000)


def hello(**changes: Any) -> Hello:
    fields: dict[str, Any] = {
        "version": 1,
        "session": SESSION,
        "ticket": "a-ticket",
        "take_id": TAKE_ID,
        "dial": 1,
        "takeover": False,
        "captured_until": 0,
        "gap_no": 0,
        "recording": True,
    }
    return Hello(**(fields | changes))


def pcm(start: int, until: int) -> bytes:
    """Audio in which every sample tells its position, modulo 65,536."""
    return array("H", (position & 0xFFFF for position in range(start, until))).tobytes()


def frame(start: int, until: int) -> bytes:
    return encode_frame(start, pcm(start, until))


def a_gap(gap_no: int = 1, at: int = 0, wall_ms: int = 500) -> GapSent:
    return GapSent(gap_no, "device_lost", at, at, wall_ms)


def lost(gap_no: int, start: int, until: int) -> GapSent:
    return GapSent(gap_no, "lost_after_ack", start, until, 0)


EACH_MESSAGE: Final[dict[str, ClientMessage | bytes]] = {
    "hello": hello(),
    "audio": frame(0, 1_600),
    "gap": a_gap(),
    "pause": Pause(0),
    "finish": Finish(0),
    "pong": Pong(0, 0, 0),
}
"""One of every kind that a recorder may send, right in itself."""


def say(connection: Connection, message: ClientMessage | bytes, now_ms: int = 0) -> list[Any]:
    """The events that come of it."""
    if isinstance(message, bytes):
        return list(connection.receive_bytes(message, now_ms))
    return list(connection.receive_text(encode_message(message), now_ms))


def welcomed(
    covered: int = 0, gaps_through: int = 0, window: int = WINDOW_LIVE, now_ms: int = 0
) -> Connection:
    """Streaming; `welcome` and `ticket` were sent."""
    connection = in_state(State.ASKING, now_ms)
    connection.welcome(Place(1, covered, gaps_through, "a-log"), TICKET, window, now_ms)
    connection.to_send()
    return connection


def in_state(state: State, now_ms: int = 0) -> Connection:
    if state is State.STREAMING:
        return welcomed(now_ms=now_ms)
    connection = Connection(now_ms)
    if state in (State.GREETING, State.CLOSING):
        if state is State.CLOSING:
            connection.bye(Broken("it broke"))
    elif state is State.ASKING:
        say(connection, hello(), now_ms)
    else:
        connection = welcomed(now_ms=now_ms)
        say(connection, Finish(0), now_ms)
        if state is State.FINISHED:
            connection.finished(0)
    assert connection.state is state
    connection.to_send()
    return connection


def only(messages: list[ServerMessage], kind: type[Any]) -> list[Any]:
    return [message for message in messages if isinstance(message, kind)]
