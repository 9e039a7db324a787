"""What a recorder is told: in which order, how much of it may wait, and how a connection says goodbye."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.connection import (
    OUTBOX_MAX,
    WINDOW_CATCHING_UP,
    WINDOW_LIVE,
    Connection,
    State,
    bye_for,
)
from services.ingest.events import Closing, Place
from services.ingest.follow import PAGE
from shared.domain.values import NUMBER_MAX
from shared.errors import (
    Broken,
    Busy,
    DialTooOld,
    DictationError,
    EngineUnavailable,
    LeaseLost,
    NotYours,
    Refuse,
    Resync,
    Retry,
    SessionDeleted,
    SetupError,
    SignInNeeded,
    StoreUnavailable,
    TakenElsewhere,
    TooMany,
)
from shared.wire.messages import (
    Ack,
    Bye,
    EntrySent,
    Finish,
    Finished,
    HintSent,
    Limits,
    Notice,
    Ping,
    Ticket,
    Welcome,
    WrongVersion,
)
from tests.unit.services.ingest.connections import (
    TICKET,
    frame,
    in_state,
    lost,
    only,
    say,
    welcomed,
)

HINT = HintSent(1, 0, 800, "may")


def entry(index: int, until: int = 0) -> EntrySent:
    return EntrySent(index, 1, max(0, until - 100), until, text="words", utterance_end=False)


def test_welcome_first_and_ticket_second() -> None:
    connection = in_state(State.ASKING)
    connection.welcome(Place(3, 1_600, 2, "a-log"), TICKET, WINDOW_LIVE, 0)
    assert connection.to_send() == [
        Welcome(
            take=3,
            send_from=1_600,
            send_until=1_600 + WINDOW_LIVE,
            gaps_through=2,
            limits=Limits(frame_bytes=65_536, message_bytes=65_536, takes=64),
            heartbeat_ms=5_000,
            log_id="a-log",
        ),
        TICKET,
    ]


def test_welcome_comes_before_pings_and_places_even_where_nothing_could_be_sent_meanwhile() -> None:
    connection = in_state(State.ASKING)
    connection.welcome(Place(1, 0, 0, "a-log"), TICKET, WINDOW_LIVE, 0)
    say(connection, lost(1, 0, 800))
    connection.send(entry(0, 800))
    connection.progress(800, 1, WINDOW_LIVE)
    connection.hint(HINT)
    connection.tick(5_000)
    connection.bye(Retry("moving"))
    kinds = [type(message) for message in connection.to_send()]
    assert kinds == [Welcome, Ticket, EntrySent, Ack, Ping, Bye]


def test_entries_before_the_place_they_reach_and_the_newest_hint_after_them() -> None:
    connection = welcomed()
    say(connection, frame(0, 1_600))
    connection.hint(HintSent(1, 0, 400, "m"))
    connection.send(entry(0, 800))
    connection.progress(800, 0, WINDOW_LIVE)
    connection.hint(HINT)
    connection.send(entry(1, 1_000))
    assert connection.to_send() == [
        entry(0, 800),
        entry(1, 1_000),
        Ack(1_600, 800, 800 + WINDOW_LIVE, 0),
        HINT,
    ]
    assert connection.to_send() == []


def test_a_hint_taken_back_is_not_sent() -> None:
    connection = welcomed()
    connection.hint(HINT)
    connection.hint(None)
    assert connection.to_send() == []


def test_finished_follows_every_entry_and_the_last_place() -> None:
    connection = welcomed()
    say(connection, frame(0, 800))
    say(connection, Finish(800))
    connection.send(entry(0, 800))
    connection.progress(800, 0, WINDOW_LIVE)
    connection.finished(800)
    connection.send(Notice("moving", "It moves.", safe=True))
    connection.all_done()
    assert connection.to_send() == [
        entry(0, 800),
        Ack(800, 800, 800 + WINDOW_LIVE, 0),
        Finished(800),
        Notice("moving", "It moves.", safe=True),
        Bye(1000, "all done", retry=False),
    ]
    assert connection.closing == Closing(1000, "all done")


def test_of_acks_and_pings_at_most_one_waits_and_it_is_the_newest() -> None:
    connection = welcomed()
    for now_ms in range(0, 14_900, 20):
        say(connection, frame(now_ms, now_ms + 20), now_ms)
        connection.tick(now_ms)
        connection.progress(now_ms, 0, WINDOW_LIVE)
    assert connection.to_send() == [Ack(14_900, 14_880, 14_880 + WINDOW_LIVE, 0), Ping(2)]


# --- credit


def test_credit_counts_once_it_is_sent() -> None:
    """What a recorder was not told yet, it cannot mean to use."""
    connection = welcomed(window=1_600)
    say(connection, frame(0, 1_600))
    connection.progress(1_600, 0, 1_600)
    assert say(connection, frame(1_600, 1_601)) == []
    assert connection.closing is not None
    assert connection.closing.reason == "audio until sample 1601, but credit ends at 1600"


def test_credit_that_was_sent_is_honoured() -> None:
    connection = welcomed(window=1_600)
    say(connection, frame(0, 1_600))
    connection.progress(1_600, 0, 1_600)
    assert connection.to_send() == [Ack(1_600, 1_600, 3_200, 0)]
    assert len(say(connection, frame(1_600, 3_200))) == 1


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.sampled_from([0, 1_600, WINDOW_LIVE, WINDOW_CATCHING_UP])))
)
def test_credit_never_decreases(steps: list[tuple[int, int]]) -> None:
    connection = welcomed()
    say(connection, lost(1, 0, 10_000_000))
    covered = told = 0
    for further, window in steps:
        covered += further
        connection.progress(covered, 1, window)
        for ack in only(connection.to_send(), Ack):
            assert ack.send_until >= max(told, ack.covered + window)
            told = ack.send_until


def test_no_number_is_larger_than_json_carries() -> None:
    connection = welcomed()
    say(connection, lost(1, 0, NUMBER_MAX))
    connection.progress(NUMBER_MAX, 1, WINDOW_LIVE)
    assert connection.to_send() == [Ack(NUMBER_MAX, NUMBER_MAX, NUMBER_MAX, 1)]


def test_a_gap_needs_no_credit_but_the_audio_after_it_does() -> None:
    connection = welcomed(window=1_600)
    assert len(say(connection, lost(1, 0, 100_000))) == 1
    assert say(connection, frame(100_000, 100_001)) == []
    assert connection.closing is not None
    assert connection.closing.code == 4416


def test_the_audio_after_a_gap_flows_once_it_is_acknowledged() -> None:
    connection = welcomed(window=1_600)
    say(connection, lost(1, 0, 100_000))
    connection.progress(100_000, 1, 1_600)
    connection.to_send()
    assert len(say(connection, frame(100_000, 101_600))) == 1


# --- bounds


def test_who_asks_for_room_is_never_closed_for_asking() -> None:
    connection = welcomed()
    sent = 0
    while connection.has_room:
        for _ in range(PAGE):
            connection.send(entry(sent))
            sent += 1
    connection.send(TICKET)
    connection.send(Notice("moving", "It moves.", safe=True))
    assert connection.closing is None
    assert len(connection.to_send()) == sent + 2 <= OUTBOX_MAX
    assert connection.has_room


def test_a_reader_too_slow_for_anything_dials_again() -> None:
    connection = welcomed()
    for _ in range(OUTBOX_MAX + 10):
        connection.send(TICKET)
    assert connection.state is State.CLOSING
    assert connection.closing == Closing(4508, "what is sent is not read; dial again")
    messages = connection.to_send()
    assert len(messages) == OUTBOX_MAX + 1
    assert messages[-1] == Bye(4508, "what is sent is not read; dial again", retry=True)


def test_finished_is_not_said_by_a_connection_that_gave_its_reader_up() -> None:
    connection = welcomed()
    for _ in range(OUTBOX_MAX):
        connection.send(TICKET)
    connection.finished(0)
    assert connection.state is State.CLOSING
    assert only(connection.to_send(), Finished) == []


# --- goodbyes


def test_the_first_reason_counts() -> None:
    connection = welcomed()
    connection.bye(Retry("first"))
    connection.bye(Broken("second"))
    connection.all_done()
    assert connection.to_send() == [Bye(4503, "first", retry=True)]
    assert connection.closing == Closing(4503, "first")


@pytest.mark.parametrize("state", [state for state in State if state is not State.CLOSING])
def test_after_bye_nothing_is_said(state: State) -> None:
    connection = in_state(state)
    connection.hint(HINT)
    connection.bye(Broken("it broke"))
    connection.send(entry(0))
    connection.hint(HINT)
    connection.progress(0, 0, WINDOW_CATCHING_UP)
    connection.finished(0)
    connection.tick(1_000_000)
    assert connection.to_send() == [Bye(4500, "it broke", retry=True)]
    assert connection.to_send() == []


def test_what_was_to_be_said_before_bye_is_said() -> None:
    connection = welcomed()
    say(connection, frame(0, 800))
    connection.send(entry(0, 800))
    connection.progress(800, 0, WINDOW_LIVE)
    connection.bye(Retry("moving"))
    assert [type(message) for message in connection.to_send()] == [EntrySent, Ack, Bye]


BYES: list[tuple[DictationError, Bye]] = [
    (Retry("r"), Bye(4503, "r", retry=True)),
    (StoreUnavailable("s"), Bye(4503, "s", retry=True)),
    (EngineUnavailable("e"), Bye(4503, "e", retry=True)),
    (Resync("r"), Bye(4509, "r", retry=True)),
    (LeaseLost("l"), Bye(4509, "l", retry=True)),
    (Broken("b"), Bye(4500, "b", retry=True)),
    (SetupError("s"), Bye(4500, "s", retry=True)),
    (Busy("full", 2_000), Bye(4529, "full", retry=True, retry_after_ms=2_000)),
    (
        DialTooOld(7),
        Bye(
            4509,
            "a newer connection of this recorder was here first; dial again",
            retry=True,
            dial=7,
        ),
    ),
    (
        TakenElsewhere(2, 99),
        Bye(
            4409,
            "another recorder has this session; continue here to take it over",
            retry=False,
            take=2,
            since_ms=99,
        ),
    ),
    (Refuse("m"), Bye(4400, "m", retry=False)),
    (SignInNeeded("i"), Bye(4401, "i", retry=False)),
    (NotYours("n"), Bye(4403, "n", retry=False)),
    (WrongVersion("v"), Bye(4406, "v", retry=False)),
    (SessionDeleted("d"), Bye(4410, "d", retry=False)),
    (TooMany("t"), Bye(4413, "t", retry=False)),
]


@pytest.mark.parametrize(("error", "bye"), BYES, ids=[type(error).__name__ for error, _ in BYES])
def test_a_bye_tells_what_to_do_and_what_helps(error: DictationError, bye: Bye) -> None:
    assert bye_for(error) == bye
    assert bye.retry is not (4400 <= bye.code < 4500)


def test_a_connection_that_is_dismissed_before_its_answer_hears_none() -> None:
    connection = in_state(State.ASKING)
    say(connection, frame(0, 160))
    connection.to_send()
    connection.welcome(Place(1, 0, 0, "a-log"), TICKET, WINDOW_LIVE, 1)
    assert connection.to_send() == []


def test_a_welcome_without_a_hello_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        Connection(0).welcome(Place(1, 0, 0, "a-log"), TICKET, WINDOW_LIVE, 1)
