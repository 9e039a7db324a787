"""The arithmetic of what Google Cloud costs."""

import pytest

from tests.bench.cloud_prices import (
    FUNCTION,
    INGEST,
    Bill,
    Kind,
    Swept,
    added,
    an_hour_of_cpu,
    bus_bytes,
    deleting,
    dollars,
    less,
    passing,
    times,
)

READ: Bill = {Kind.READ: 1}


@pytest.mark.parametrize(
    ("bill", "price"),
    [
        ({Kind.READ: 100_000}, 0.03),
        ({Kind.WRITE: 100_000}, 0.09),
        ({Kind.DELETE: 100_000}, 0.01),
        ({Kind.BUS: 2**40}, 40),
        ({Kind.CLASS_A: 1_000}, 0.005),
        ({Kind.CLASS_B: 1_000}, 0.0004),
        ({Kind.KEY: 10_000}, 0.03),
        ({Kind.READ: 100_000, Kind.WRITE: 100_000}, 0.12),
        ({}, 0),
    ],
)
def test_each_kind_has_its_price(bill: Bill, price: float) -> None:
    assert dollars(bill) == pytest.approx(price)


def test_bills_add_up_kind_by_kind() -> None:
    assert dollars(added(READ, {Kind.WRITE: 2}, READ)) == dollars({Kind.READ: 2, Kind.WRITE: 2})
    assert less({Kind.READ: 3}, READ)[Kind.READ] == 2
    assert times(READ, 2.5) == {Kind.READ: 2.5}


def test_a_small_request_of_the_bus_is_billed_as_a_thousand_bytes() -> None:
    assert bus_bytes(1) == bus_bytes(400, 600) == 1_000
    assert bus_bytes(400, 601) == 1_001


def test_a_session_is_swept_while_it_records_and_for_seventy_minutes_more() -> None:
    swept = Swept(alone={Kind.READ: 4}, recording={Kind.READ: 4}, finished={Kind.READ: 3}, deleted=READ)
    assert swept.hour_of()[Kind.READ] == 60 * 4 + 70 * 3


def test_a_tombstone_is_read_every_minute_for_thirty_days() -> None:
    swept = Swept(alone={}, recording={}, finished={}, deleted={Kind.READ: 5, Kind.CLASS_A: 1})
    assert swept.deletion()[Kind.READ] == 70 * 5 + (30 * 24 * 60 - 70)
    assert swept.deletion()[Kind.CLASS_A] == 70


def test_deleting_finds_and_deletes_every_row() -> None:
    assert deleting(10) == {Kind.READ: 10, Kind.DELETE: 10, Kind.CLASS_A: 2}


def test_two_queries_pass_every_session_kept() -> None:
    assert passing(sessions=3_000, minutes=10) == {Kind.READ: 60}


def test_an_instance_costs_what_its_processors_and_memory_do() -> None:
    assert INGEST.an_hour == pytest.approx(3_600 * (2 * 0.000018 + 2 * 0.000002))
    assert FUNCTION.an_hour == pytest.approx(3_600 * (0.000018 + 0.5 * 0.000002))
    # All the seconds of both its processors are the whole instance.
    assert an_hour_of_cpu(2 * 3_600) == pytest.approx(INGEST.an_hour)
