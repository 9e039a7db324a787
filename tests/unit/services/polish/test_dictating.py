"""What the page for clinicians promises is what the rules do."""

import re
from pathlib import Path

import pytest

from services.polish.polishers.rules.polish import polish

PAGE = Path(__file__).parents[4] / "docs" / "dictating.md"


def promised() -> list[tuple[str, str]]:
    """What is said and what is written, from the second table of the page."""
    rows = re.findall(
        r"^\| (.*?) \| (.*?) \|$",
        PAGE.read_text().partition("## What is written")[2].partition("\n## ")[0],
        re.M,
    )
    return [
        pair
        for said, written in rows[1:]
        for pair in zip(said.split(" · "), written.split(" · "), strict=True)
    ]


def test_the_page_promises_something() -> None:
    assert len(promised()) >= 9


@pytest.mark.parametrize(("said", "written"), promised())
def test_every_promise_is_kept(said: str, written: str) -> None:
    assert polish(said, (), {}, "en").text.casefold() == written.casefold()
