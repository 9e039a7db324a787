"""Days, years and times of day in figures. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.polish.polishers.rules.numbers import DIGITS, read_cardinal, read_ordinal, read_year, suffixed
from services.polish.polishers.rules.readings import Rule, Written, is_number_word, run_end
from services.polish.polishers.rules.tokens import Token, fixed, spoken, starts_sentence, word_before
from services.polish.polishers.rules.units import unit_at

MONTHS: Final = (
    "january february march april may june july august september october november december"
).split()


def _date(tokens: Sequence[Token], at: int) -> Written | None:
    """ "the twenty third of march twenty twenty six": the day in figures, the month with its capital, then the year."""
    for length in (2, 1):
        day = read_ordinal(spoken(tokens, at, length))
        of, month = spoken(tokens, at + length, 2)
        if day is not None and day <= 31 and of == "of" and month in MONTHS:
            written = [fixed(suffixed(day), tokens[at]), tokens[at + length]]
            return _with_year(tokens, [*written, _month(tokens[at + length + 1])], at + length + 2)
    month, following = spoken(tokens, at, 2)
    if month not in MONTHS:
        return None
    skipped = 2 if following == "the" else 1
    for length in (2, 1):
        day = read_ordinal(spoken(tokens, at + skipped, length))
        if day is not None and day <= 31:
            written = [_month(tokens[at]), *tokens[at + 1 : at + skipped], fixed(suffixed(day))]
            dated = _with_year(tokens, written, at + skipped + length)
            # "she may first need" is no date; a month with a capital of its own, or a year after it, is.
            has_capital = tokens[at].text != month and not starts_sentence(tokens, at)
            is_date = month != "may" or has_capital or dated[1] > at + skipped + length
            return dated if is_date else None
    return None


def _year(tokens: Sequence[Token], at: int) -> Written | None:
    """ "since twenty nineteen", "in nineteen ninety five", "june twenty twenty four"."""
    until = run_end(tokens, at)
    if until == at or unit_at(tokens, until) is not None:
        return None
    before = word_before(tokens, at)
    year = read_year(spoken(tokens, at, until - at))
    if year is None or before not in {"in", "since", "year", "during", "until", *MONTHS}:
        return None
    return [fixed(str(year), tokens[at])], until


def _with_year(tokens: Sequence[Token], written: list[Token], at: int) -> Written:
    until = run_end(tokens, at)
    year = read_year(spoken(tokens, at, until - at)) if until > at else None
    if year is None or unit_at(tokens, until) is not None:
        return written, at
    return [*written, fixed(str(year))], until


def _month(token: Token) -> Token:
    return replace(token, text=token.text.capitalize(), fixed=True)


def _ordinal(tokens: Sequence[Token], at: int) -> Written | None:
    """ "eleventh" as 11th. "twenty second" may be a time and "twenty third degree burns" twenty: those stay."""
    for length in (2, 1):
        words = spoken(tokens, at, length)
        value = read_ordinal(words)
        if value is not None and length == 2 and words[1] in ("first", "second", "third"):
            return list(tokens[at : at + 2]), at + 2
        # "a tenth" is a part.
        if value is not None and value >= 10 and not _is_counted(word_before(tokens, at)):
            return [fixed(suffixed(value), tokens[at])], at + length
    return None


def _clock(tokens: Sequence[Token], at: int) -> Written | None:
    """ "three thirty pm" as 3:30 pm."""
    until = run_end(tokens, at)
    following = spoken(tokens, until, 2)
    half = next((half for half in ("am", "pm") if half == following[0] or list(half) == following), None)
    words = spoken(tokens, at, until - at)
    hour = read_cardinal(words[:1]) if words else None
    if half is None or hour is None or not 1 <= hour <= 12:
        return None
    minute = 0 if words[1:] in ([], ["oh", "oh"]) else _minute(words[1:])
    if minute is None:
        return None
    figures = str(hour) if len(words) == 1 else f"{hour}:{minute:02}"
    return [fixed(figures, tokens[at]), fixed(half)], until + (1 if following[0] == half else 2)


def _minute(words: list[str]) -> int | None:
    if len(words) == 2 and words[0] == "oh":
        return DIGITS.get(words[1])
    value = read_cardinal(words)
    return value if value is not None and 10 <= value < 60 else None


def _is_counted(word: str) -> bool:
    return word == "a" or is_number_word(word)


DATE_RULES: Final[tuple[Rule, ...]] = (_date, _year, _clock)
ORDINAL_RULES: Final[tuple[Rule, ...]] = (_ordinal,)
"""After the others: "second" may be part of something else."""
