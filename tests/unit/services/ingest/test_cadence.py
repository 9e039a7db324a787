"""Pings and acknowledgements, each by its own clock; of each at most one waits."""

import pytest

from services.ingest.cadence import ACK_EVERY_MS, HEARTBEAT_MS, Acks, Pings
from shared.wire.messages import Ack, Ping


def started_pings() -> Pings:
    pings = Pings()
    pings.start(0)
    return pings


def started_acks(covered: int = 100, gaps_through: int = 1, credit: int = 500) -> Acks:
    acks = Acks()
    acks.start(covered, gaps_through, credit)
    return acks


def test_a_ping_is_made_when_it_is_due_and_not_before() -> None:
    pings = started_pings()
    assert pings.tick(HEARTBEAT_MS - 1)
    assert pings.to_send() == []
    assert pings.tick(HEARTBEAT_MS)
    assert pings.to_send() == [Ping(1)]
    assert pings.to_send() == []
    assert pings.due_ms == 2 * HEARTBEAT_MS


def test_pings_that_could_not_be_sent_are_one() -> None:
    pings = started_pings()
    pings.tick(HEARTBEAT_MS)
    pings.tick(2 * HEARTBEAT_MS)
    assert pings.to_send() == [Ping(2)]


def test_the_answer_to_an_older_ping_is_a_miss_of_the_newer() -> None:
    pings = started_pings()
    pings.tick(5_000)
    pings.tick(10_000)
    pings.answered(1)
    assert not pings.tick(15_000)


def test_a_late_answer_does_not_take_a_newer_one_back() -> None:
    pings = started_pings()
    pings.tick(5_000)
    pings.tick(10_000)
    pings.answered(2)
    pings.answered(1)
    assert pings.tick(15_000)
    assert pings.tick(20_000)
    assert not pings.tick(25_000)


def test_a_shell_that_stood_still_counts_one_miss_however_long_that_was() -> None:
    """Where our own process stalls, the pongs wait unread; they are read before the next ping is due."""
    pings = started_pings()
    pings.tick(5_000)
    assert pings.tick(60_000)
    assert pings.due_ms == 65_000


def test_more_audio_asks_for_one_acknowledgement() -> None:
    acks = started_acks()
    assert acks.due_ms is None
    acks.received_more(1_000)
    acks.received_more(1_100)
    assert acks.due_ms == 1_000 + ACK_EVERY_MS
    acks.tick(1_000 + ACK_EVERY_MS - 1)
    assert acks.to_send(300) == []
    acks.tick(1_000 + ACK_EVERY_MS)
    assert acks.due_ms is None
    assert acks.to_send(300) == [Ack(300, 100, 500, 1)]
    assert acks.to_send(300) == []


def test_one_that_waits_will_tell_of_later_audio_too() -> None:
    acks = started_acks()
    acks.progressed(200, 1, 600)
    acks.received_more(5_000)
    assert acks.due_ms is None
    assert acks.to_send(999) == [Ack(999, 200, 600, 1)]


@pytest.mark.parametrize(("covered", "gaps_through", "credit"), [(200, 1, 500), (100, 2, 500), (100, 1, 501)])
def test_any_progress_is_acknowledged_at_once(covered: int, gaps_through: int, credit: int) -> None:
    acks = started_acks()
    acks.received_more(0)
    acks.progressed(covered, gaps_through, credit)
    assert acks.due_ms is None
    assert acks.to_send(300) == [Ack(300, covered, credit, gaps_through)]


def test_no_progress_is_not_acknowledged() -> None:
    acks = started_acks()
    acks.progressed(100, 1, 400)
    assert acks.to_send(300) == []


def test_credit_is_never_taken_back() -> None:
    acks = started_acks()
    acks.progressed(200, 1, 300)
    assert acks.to_send(300) == [Ack(300, 200, 500, 1)]


@pytest.mark.parametrize(("covered", "gaps_through"), [(99, 1), (100, 0)])
def test_a_place_that_goes_back_is_our_own_mistake(covered: int, gaps_through: int) -> None:
    with pytest.raises(AssertionError):
        started_acks().progressed(covered, gaps_through, 500)


def test_the_last_one_says_what_was_due_and_nothing_is_due_after_it() -> None:
    acks = started_acks()
    assert acks.last(300) == []
    acks.received_more(0)
    assert acks.last(300) == [Ack(300, 100, 500, 1)]
    assert acks.due_ms is None
    assert acks.last(300) == []
