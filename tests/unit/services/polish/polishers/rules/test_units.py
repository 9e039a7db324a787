"""What stands after a number."""

import pytest

from services.polish.polishers.rules.tokens import split
from services.polish.polishers.rules.units import unit_at


@pytest.mark.parametrize(
    ("said", "short", "words"),
    [
        ("milligrams", "mg", 1),
        ("Milligrams daily", "mg", 1),
        ("percent", "%", 1),
        ("per cent", "%", 2),
        ("degrees celsius", "°C", 2),
        ("beats per minute", "bpm", 3),
        ("millimetres of mercury", "mmHg", 3),
        ("millimetres of pus", "mm", 1),
        ("milligrams per kilogram per day", "mg/kg", 3),
        ("millimoles per litre", "mmol/L", 3),
        ("litres per minute", "L/min", 3),
        ("milligrams per day", "mg", 1),
        ("percent per minute", "%", 1),
        ("micrograms", "", 0),
        ("units", "", 0),
        ("weeks", "", 0),
        ("grams", "g", 1),
    ],
)
def test_units(said: str, short: str, words: int) -> None:
    unit = unit_at(split(said), 0)
    assert unit is not None
    assert (unit.short, unit.until) == (short, words)


@pytest.mark.parametrize(
    "said", ["", "gram negative rods", "grams positive", "patients", "milli grams", ", mg"]
)
def test_no_units(said: str) -> None:
    assert unit_at(split(said), 0) is None


def test_what_is_a_time() -> None:
    times = [
        word
        for word in "weeks tablets mg hours times".split()
        if (unit := unit_at(split(word), 0)) and unit.is_time
    ]
    assert times == ["weeks", "hours", "times"]
