"""Tired eyes: text on its ground has the contrast that WCAG AA asks for, by day and by night."""

import re

import pytest

from tests.rules.tree import ROOT

STYLE = (ROOT / "services/ingest/recorder/style.css").read_text()
CONTRAST_MIN = 4.5
PAIRS = [
    ("ink", "paper"),
    ("ink", "sheet"),
    ("ink", "warn-wash"),
    ("ink", "accent-wash"),
    ("soft", "paper"),
    ("soft", "sheet"),
    ("soft", "accent-wash"),
    ("accent", "paper"),
    ("accent", "sheet"),
    ("on-accent", "accent"),
    ("good", "sheet"),
    ("warn", "paper"),
    ("warn", "sheet"),
    ("warn", "warn-wash"),
    ("warn", "accent-wash"),
    ("bad", "paper"),
    ("bad", "sheet"),
    ("on-bad", "bad"),
]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", block))


DAY, NIGHT = (colours(block) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)[:2])


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out(theme: dict[str, str], text: str, ground: str) -> None:
    brighter, darker = sorted((luminance(theme[text]), luminance(theme[ground])), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= CONTRAST_MIN


def luminance(colour: str) -> float:
    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
