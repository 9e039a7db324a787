"""What a connection does by the clock: it waits for a hello, its answer, and pongs, and never for ever."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.cadence import ACK_EVERY_MS, HEARTBEAT_MS
from services.ingest.connection import ADMISSION_MS_MAX, HELLO_MS_MAX, WINDOW_LIVE, Connection, State
from services.ingest.events import Place
from shared.wire.messages import Ack, Bye, Finish, Ping, Pong
from tests.unit.services.ingest.connections import (
    TICKET,
    a_gap,
    frame,
    hello,
    in_state,
    only,
    say,
    welcomed,
)

CLIENT_WAITS_MS = 12_000


def closed_with(connection: Connection) -> tuple[int, str] | None:
    closing = connection.closing
    return None if closing is None else (closing.code, closing.reason)


def test_hello_must_come_within_5_s() -> None:
    connection = Connection(1_000)
    assert connection.deadline_ms == 1_000 + HELLO_MS_MAX == 6_000
    connection.tick(5_999)
    assert connection.closing is None
    connection.tick(6_000)
    assert closed_with(connection) == (4508, "no hello came within 5 s")
    assert connection.to_send() == [Bye(4508, "no hello came within 5 s", retry=True)]


def test_a_hello_that_nobody_answers_is_told_so_before_its_recorder_gives_up() -> None:
    connection = Connection(0)
    say(connection, hello(), now_ms=4_000)
    assert connection.deadline_ms == 4_000 + ADMISSION_MS_MAX
    assert ADMISSION_MS_MAX < CLIENT_WAITS_MS
    connection.tick(13_999)
    assert connection.closing is None
    connection.tick(14_000)
    assert closed_with(connection) == (4503, "opening the session takes too long; it is tried again")


def test_an_answer_after_that_is_not_heard() -> None:
    connection = in_state(State.ASKING)
    connection.tick(ADMISSION_MS_MAX)
    connection.to_send()
    connection.welcome(Place(1, 0, 0, "a-log"), TICKET, WINDOW_LIVE, ADMISSION_MS_MAX)
    assert connection.state is State.CLOSING
    assert connection.to_send() == []


def test_nothing_is_due_while_closing() -> None:
    connection = in_state(State.CLOSING)
    assert connection.deadline_ms is None
    connection.tick(1_000_000)
    assert connection.to_send() == []


def test_every_5_s_a_ping_and_what_is_answered_lives_on() -> None:
    connection = welcomed()
    for second in range(5, 3_600, 5):
        assert connection.deadline_ms == second * 1_000
        connection.tick(second * 1_000)
        [ping] = connection.to_send()
        assert ping == Ping(second // 5)
        say(connection, Pong(ping.echo, 0, 0), second * 1_000 + 400)
    assert connection.closing is None


def test_two_misses_in_a_row_are_one_too_many() -> None:
    connection = welcomed()
    for now_ms in (5_000, 10_000):
        connection.tick(now_ms)
        assert connection.closing is None
    connection.tick(15_000)
    assert closed_with(connection) == (4508, "two pings in a row were not answered")


def test_one_miss_is_forgiven_once_a_ping_is_answered() -> None:
    connection = welcomed()
    for now_ms in range(5_000, 100_000, 5_000):
        connection.tick(now_ms)
        pings = only(connection.to_send(), Ping)
        if now_ms % 10_000 == 0:
            say(connection, Pong(pings[-1].echo, 0, 0), now_ms + 10)
    assert connection.closing is None


def test_other_traffic_does_not_count_as_an_answer() -> None:
    connection = welcomed()
    for at in range(150):
        say(connection, frame(at, at + 1), 100 * at)
        connection.tick(100 * at)
    assert connection.closing is None
    connection.tick(15_000)
    assert closed_with(connection) == (4508, "two pings in a row were not answered")


def test_an_echo_of_a_ping_never_sent_is_no_answer() -> None:
    connection = welcomed()
    for now_ms in (5_000, 10_000, 15_000):
        connection.tick(now_ms)
        say(connection, Pong(99, 0, 0), now_ms + 1)
    assert closed_with(connection) == (4508, "two pings in a row were not answered")


@given(last_answer=st.integers(0, 20), delay_ms=st.integers(0, HEARTBEAT_MS - 1))
def test_a_peer_that_falls_silent_is_given_up_within_10_to_15_s(last_answer: int, delay_ms: int) -> None:
    connection = welcomed()
    silent_since_ms = 0
    while connection.closing is None:
        assert connection.deadline_ms is not None
        now_ms = connection.deadline_ms
        connection.tick(now_ms)
        for ping in only(connection.to_send(), Ping):
            if ping.echo <= last_answer:
                silent_since_ms = now_ms + delay_ms
                say(connection, Pong(ping.echo, 0, 0), silent_since_ms)
    assert 10_000 <= now_ms - silent_since_ms <= 15_000


def test_a_finished_recorder_is_still_asked_for_signs_of_life() -> None:
    connection = in_state(State.FINISHED)
    for now_ms in (5_000, 10_000, 15_000):
        connection.tick(now_ms)
    assert connection.state is State.CLOSING


def test_received_audio_is_acknowledged_at_most_every_250_ms() -> None:
    connection = welcomed()
    acks: list[tuple[int, Ack]] = []
    for now_ms in range(0, 2_000, 20):
        say(connection, frame(now_ms, now_ms + 20), now_ms)
        connection.tick(now_ms)
        acks += [(now_ms, ack) for ack in only(connection.to_send(), Ack)]
    times = [at for at, _ in acks]
    assert times[0] == 260
    assert all(later - earlier >= ACK_EVERY_MS for earlier, later in itertools.pairwise(times))
    assert len(times) == 7
    assert [ack.received for _, ack in acks] == [at + 20 for at in times]
    assert {ack.covered for _, ack in acks} == {0}


def test_a_gap_is_acknowledged_as_received_too() -> None:
    connection = welcomed()
    say(connection, a_gap(), now_ms=10)
    assert connection.deadline_ms == 10 + ACK_EVERY_MS


def test_what_was_received_before_asks_for_no_acknowledgement() -> None:
    connection = welcomed(covered=1_600)
    say(connection, frame(0, 1_600))
    assert connection.deadline_ms == HEARTBEAT_MS


def test_covered_is_acknowledged_at_once_and_counts_as_the_due_one() -> None:
    connection = welcomed()
    say(connection, frame(0, 1_600), now_ms=0)
    connection.progress(800, 0, WINDOW_LIVE)
    assert connection.to_send() == [Ack(1_600, 800, 800 + WINDOW_LIVE, 0)]
    assert connection.deadline_ms == HEARTBEAT_MS


def test_a_place_that_did_not_move_is_not_acknowledged_again() -> None:
    connection = welcomed()
    connection.progress(0, 0, WINDOW_LIVE)
    assert connection.to_send() == []


def test_a_stored_gap_is_acknowledged_where_covered_did_not_move() -> None:
    connection = welcomed()
    say(connection, a_gap())
    connection.progress(0, 1, WINDOW_LIVE)
    assert connection.to_send() == [Ack(0, 0, WINDOW_LIVE, 1)]


def test_after_finished_no_acknowledgement_is_due() -> None:
    connection = welcomed()
    say(connection, frame(0, 160), now_ms=0)
    say(connection, Finish(160), now_ms=0)
    connection.finished(160)
    assert connection.deadline_ms == HEARTBEAT_MS
