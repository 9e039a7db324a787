"""The number at a place among the words, if it is certain which one was meant. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.polish.polishers.rules.commands import DETERMINERS
from services.polish.polishers.rules.numbers import (
    DIGITS,
    NUMBER_WORDS,
    read_cardinal,
    read_clipped,
    read_decimal,
    read_millions,
    read_ordinal,
)
from services.polish.polishers.rules.tokens import Token, matches, spoken, word_before
from services.polish.polishers.rules.units import KEPT, unit_at

_FIGURE: Final = re.compile(r"\d{1,3}(,\d{3})+|\d+(\.\d+)?")

Written = tuple[list[Token], int]
"""What is written from a place on, and where the words after it begin."""

Rule = Callable[[Sequence[Token], int], Written | None]
"""Looks at one place; None where it does not apply."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The number at a place: as figures, where they are certain, and its value where it is a whole one."""

    until: int
    figures: str | None
    value: int | None = None
    clipped: int | None = None
    """What it means where pressures or rates are spoken of."""
    is_figures: bool = False
    """It was written in figures by the engine already."""

    @property
    def is_small(self) -> bool:
        return self.value is not None and self.value < 10 and not self.is_figures


def read_number(tokens: Sequence[Token], at: int) -> Reading | None:
    """The number that begins at `at`, the whole run of its words; None if none does."""
    if at >= len(tokens):
        return None
    word = tokens[at].spoken
    if _FIGURE.fullmatch(word):
        return _read_figures(tokens, at)
    until = run_end(tokens, at)
    if until == at:
        return None
    words = spoken(tokens, at, until - at)
    if spoken(tokens, until, 1)[0][:1].isdigit() or word_before(tokens, at)[:1].isdigit():
        # "one 5 mg tablet": two numbers side by side are no one number.
        return Reading(until, None)
    if _ordinal_follows(tokens, until):
        return Reading(until, None)
    figures = read_decimal(words) or read_millions(words)
    if figures is not None:
        return Reading(until, figures if _is_a_decimal(tokens, at, until) else None)
    value = read_cardinal(words)
    if value is not None:
        return Reading(until, str(value), value)
    return Reading(until, None, clipped=read_clipped(words))


def _ordinal_follows(tokens: Sequence[Token], at: int) -> bool:
    """ "forty fifth" and "one hundred and fifth" are no forty and no hundred."""
    following = spoken(tokens, at, 2)
    word = following[1] if following[0] == "and" else following[0]
    return read_ordinal([word]) is not None or word in ("hundredth", "thousandth")


def _is_a_decimal(tokens: Sequence[Token], at: int, until: int) -> bool:
    """ "the point two centimetres below" and "at one point five patients" hold no decimal."""
    before, words, unit = word_before(tokens, at), spoken(tokens, at, 2), unit_at(tokens, until)
    is_dose = unit is not None and unit.short not in ("", "cm", "mm")
    if words[0] == "point":
        return before not in DETERMINERS and (is_dose or spoken(tokens, until, 1)[0] in KEPT)
    return words != ["one", "point"] or before != "at" or is_dose


def _read_figures(tokens: Sequence[Token], at: int) -> Reading:
    text = tokens[at].text
    if matches(tokens, at + 1, ("point",)) and "." not in text:
        until = at + 2
        while spoken(tokens, until, 1)[0] in DIGITS or re.fullmatch(r"\d", spoken(tokens, until, 1)[0]):
            until += 1
        digits = [str(DIGITS.get(word, word)) for word in spoken(tokens, at + 2, until - at - 2)]
        if digits:
            return Reading(until, f"{text}.{''.join(digits)}", is_figures=True)
    plain = text.replace(",", "")
    return Reading(at + 1, text, int(plain) if plain.isdigit() else None, is_figures=True)


def run_end(tokens: Sequence[Token], at: int) -> int:
    """Where the number words from `at` on end. "and" and "point" belong to them only between two of them."""
    until = at
    while until < len(tokens):
        word, following = spoken(tokens, until, 2)
        before = word_before(tokens, until) if until > at else ""
        joins = (word == "and" and before in ("hundred", "thousand")) or word == "point"
        if not (is_number_word(word) or (joins and is_number_word(following))):
            break
        until += 1
    return until


def is_number_word(word: str) -> bool:
    return bool(word) and all(part in NUMBER_WORDS for part in word.split("-"))
