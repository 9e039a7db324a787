"""Days, years and times of day."""

import pytest

from services.polish.polishers.rules.quantities import write_quantities
from services.polish.polishers.rules.tokens import join, split


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("the first of may", "the 1st of May"),
        ("the thirty first of march twenty twenty", "the 31st of March 2020"),
        ("the twenty second of june nineteen oh five", "the 22nd of June 1905"),
        ("june third", "June 3rd"),
        ("june the third two thousand and nine", "June the 3rd 2009"),
        ("on May third", "on May 3rd"),
        ("may third twenty twenty five", "May 3rd 2025"),
        ("the third of may two hundred milligrams", "the 3rd of May 200 mg"),
        ("in nineteen ninety five", "in 1995"),
        ("since two thousand", "since 2000"),
        ("june twenty nineteen", "june 2019"),
        ("eleventh and twentieth and forty fourth", "11th and 20th and 44th"),
        ("three pm", "3 pm"),
        ("three p m", "3 pm"),
        ("twelve thirty am", "12:30 am"),
        ("three oh five am", "3:05 am"),
        ("three oh oh am", "3:00 am"),
    ],
)
def test_written_in_figures(said: str, written: str) -> None:
    assert join(write_quantities(split(said))[0]) == written


@pytest.mark.parametrize(
    "said",
    [
        "may first need help",
        "a tenth",
        "twenty second wait",
        "twenty third degree",
        "first and second and third",
        "one tenth",
        "in twenty thirty minute steps",
        "in nine patients",
        "three seventy pm",
        "zero pm",
        "at three thirty",
    ],
)
def test_left_as_said(said: str) -> None:
    assert join(write_quantities(split(said))[0]) == said
