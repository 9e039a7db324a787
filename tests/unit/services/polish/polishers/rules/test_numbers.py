"""Numbers are read whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.polish.polishers.rules.numbers import (
    NUMBER_WORDS,
    read_cardinal,
    read_clipped,
    read_decimal,
    read_millions,
    read_ordinal,
    read_year,
    suffixed,
)
from tests.unit.services.polish.polishers.rules.speech import say, say_decimal


@given(st.integers(0, 999_999), st.booleans())
def test_every_number_is_read_as_it_is_said(value: int, joined_by_and: bool) -> None:
    assert read_cardinal(say(value, joined_by_and=joined_by_and).split()) == value


@given(st.integers(0, 999), st.text("0123456789", min_size=1, max_size=4))
def test_every_decimal_is_read_as_it_is_said(whole: int, digits: str) -> None:
    assert read_decimal(say_decimal(f"{whole}.{digits}").split()) == f"{whole}.{digits}"


@given(st.lists(st.sampled_from([*sorted(NUMBER_WORDS), "and"]), min_size=1, max_size=6))
def test_what_is_read_is_said_that_way_and_no_other(words: list[str]) -> None:
    """Whatever run of number words: a number is found only if saying it gives these very words."""
    value = read_cardinal(words)
    if value is None:
        return
    spoken = {say(value, joined_by_and=False)}
    if value % 100 == 0 and 1_100 <= value <= 1_900:
        spoken.add(f"{say(value // 100)} hundred")
    assert " ".join(words).replace(" and ", " ") in spoken


@pytest.mark.parametrize(
    "words",
    [
        "one twenty",
        "twenty thirty",
        "two five",
        "hundred",
        "five hundred twenty hundred",
        "one thousand zero",
        "oh five",
        "",
    ],
)
def test_a_run_that_is_no_one_number_is_none(words: str) -> None:
    assert read_cardinal(words.split()) is None


@pytest.mark.parametrize(
    "words",
    ["two point", "two point twenty five", "two point five point five", "one twenty point five", "two"],
)
def test_a_decimal_has_one_point_and_single_digits(words: str) -> None:
    assert read_decimal(words.split()) is None


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("one twenty", 120),
        ("one oh five", 105),
        ("two forty five", 245),
        ("one five", None),
        ("nine twenty", None),
        ("one hundred", None),
        ("twenty", None),
        ("one oh oh", None),
        ("", None),
    ],
)
def test_a_clipped_number_has_hundreds_and_tens(words: str, value: int | None) -> None:
    assert read_clipped(words.split()) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("nineteen ninety five", 1995),
        ("twenty twenty six", 2026),
        ("twenty oh nine", 2009),
        ("nineteen hundred", 1900),
        ("two thousand and twelve", 2012),
        ("twenty five", None),
        ("three hundred", None),
        ("thirty thirty", None),
        ("nineteen oh", None),
    ],
)
def test_years(words: str, value: int | None) -> None:
    assert read_year(words.split()) == value


@pytest.mark.parametrize(
    ("words", "figures"),
    [
        ("two million", "2 million"),
        ("one point two million", "1.2 million"),
        ("million", None),
        ("two", None),
        ("one twenty million", None),
    ],
)
def test_millions(words: str, figures: str | None) -> None:
    assert read_millions(words.split()) == figures


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("first", "1st"),
        ("second", "2nd"),
        ("third", "3rd"),
        ("eleventh", "11th"),
        ("twelfth", "12th"),
        ("thirteenth", "13th"),
        ("fortieth", "40th"),
        ("twenty second", "22nd"),
        ("ninety ninth", "99th"),
    ],
)
def test_ordinals(words: str, written: str) -> None:
    value = read_ordinal(words.split())
    assert value is not None
    assert suffixed(value) == written


@pytest.mark.parametrize("words", ["twenty", "twenty tenth", "ten first", "one hundred first", ""])
def test_no_ordinals(words: str) -> None:
    assert read_ordinal(words.split()) is None
