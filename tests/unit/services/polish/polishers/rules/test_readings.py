"""The number at a place: all of its words, or none."""

import pytest

from services.polish.polishers.rules.readings import read_number, run_end
from services.polish.polishers.rules.tokens import split


@pytest.mark.parametrize(
    ("said", "figures", "words"),
    [
        ("two", "2", 1),
        ("two hundred and five and", "205", 4),
        ("two point five milligrams", "2.5", 3),
        ("one point two million", "1.2 million", 4),
        ("37.5", "37.5", 1),
        ("37 point 5", "37.5", 3),
        ("37 point five", "37.5", 3),
        ("37 point", "37", 1),
        ("3,500 units", "3,500", 1),
        ("one twenty", None, 2),
        ("one 5 mg", None, 1),
        ("forty fifth", None, 1),
        ("one hundred and fifth", None, 2),
        ("point two cm", None, 2),
        ("point two milligrams", "0.2", 2),
        ("twenty-five", "25", 1),
    ],
)
def test_readings(said: str, figures: str | None, words: int) -> None:
    reading = read_number(split(said), 0)
    assert reading is not None
    assert (reading.figures, reading.until) == (figures, words)


@pytest.mark.parametrize("said", ["", "patient", "and two", "5mg", "1:2", "two-way", ", two"])
def test_no_number_begins_here(said: str) -> None:
    assert read_number(split(said), 0) is None


def test_a_mark_ends_a_run() -> None:
    assert run_end(split("two, five"), 0) == 1
    assert run_end(split("two hundred and, five"), 0) == 2
