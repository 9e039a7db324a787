"""Spoken numbers, read strictly: one number, or none. Pure.

"one twenty milligram tablet" is one tablet of 20 mg and no dose of 120 mg. So a run of number words is read whole or not
at all, and what is heard as short for something ("one twenty" for 120) is read only where its meaning is certain; the
rules that ask know where.
"""

from collections.abc import Sequence
from typing import Final

DIGITS: Final = dict(zip("zero one two three four five six seven eight nine".split(), range(10), strict=True))
TEENS: Final = dict(
    zip(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
        range(10, 20),
        strict=True,
    )
)
TENS: Final = dict(
    zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True)
)
MULTIPLES: Final = ("hundred", "thousand")
NUMBER_WORDS: Final = frozenset({*DIGITS, *TEENS, *TENS, *MULTIPLES, "million", "oh"})

ORDINALS: Final = {
    **dict(
        zip(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
            " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth".split(),
            range(1, 20),
            strict=True,
        )
    ),
    **{f"{tens.removesuffix('y')}ieth": value for tens, value in TENS.items()},
}
CENTURIES: Final = {"eighteen": 18, "nineteen": 19, "twenty": 20}


def read_cardinal(words: Sequence[str]) -> int | None:
    """A whole number below a million as it is said in full: "two hundred and five"; None for anything else."""
    words = _parted(words)
    if list(words) == ["zero"]:
        return 0
    if "thousand" in words:
        at = words.index("thousand")
        thousands, rest = _below_thousand(words[:at]), words[at + 1 :]
        if not thousands or (rest[:1] == ["and"] and "hundred" in rest):
            return None
        below = _below_thousand(rest[1:] if rest[:1] == ["and"] else rest)
        if rest and not below:
            return None
        return 1_000 * thousands + (below or 0)
    return _below_thousand(words, teens=True)


def read_millions(words: Sequence[str]) -> str | None:
    """ "one point two million" as "1.2 million": the noughts of it would be miscounted."""
    if len(words) < 2 or words[-1] != "million":
        return None
    value = read_cardinal(words[:-1])
    figures = read_decimal(words[:-1]) if value is None else str(value)
    return None if figures is None else f"{figures} million"


def read_decimal(words: Sequence[str]) -> str | None:
    """ "two point five" as "2.5"; each word after the point is one digit. "point five" is "0.5"."""
    words = _parted(words)
    if words.count("point") != 1:
        return None
    at = words.index("point")
    whole = read_cardinal(words[:at]) if at else 0
    digits = [0 if word == "oh" else DIGITS.get(word) for word in words[at + 1 :]]
    if whole is None or not digits or None in digits:
        return None
    return f"{whole}.{''.join(str(digit) for digit in digits)}"


def read_clipped(words: Sequence[str]) -> int | None:
    """ "one twenty" as 120, "one oh five" as 105: how pressures and rates are said."""
    words = _parted(words)
    hundreds = DIGITS.get(words[0], 0) if words else 0
    if not 1 <= hundreds <= 3:
        return None
    rest = words[1:]
    if len(rest) == 2 and rest[0] == "oh":
        digit = DIGITS.get(rest[1], 0)
        return 100 * hundreds + digit if digit else None
    below = _below_hundred(rest)
    return 100 * hundreds + below if below is not None and below >= 10 else None


def read_year(words: Sequence[str]) -> int | None:
    """ "nineteen ninety five", "twenty twenty six", "twenty oh nine", "two thousand and nine"."""
    words = _parted(words)
    if words and words[0] in CENTURIES:
        rest = words[1:]
        is_early = len(rest) == 2 and rest[0] == "oh"
        below = DIGITS.get(rest[1]) if is_early else _below_hundred(rest)
        if below is not None and (is_early or below >= 10):
            return 100 * CENTURIES[words[0]] + below
    value = read_cardinal(words)
    return value if value is not None and 1900 <= value <= 2099 else None


def read_ordinal(words: Sequence[str]) -> int | None:
    """ "third", "twenty third", "ninety ninth"."""
    words = _parted(words)
    if len(words) == 1:
        return ORDINALS.get(words[0])
    if len(words) == 2 and words[0] in TENS and ORDINALS.get(words[1], 10) < 10:
        return TENS[words[0]] + ORDINALS[words[1]]
    return None


def suffixed(value: int) -> str:
    """22 as "22nd"."""
    teen = 10 <= value % 100 < 20
    return f"{value}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th')}"


def _parted(words: Sequence[str]) -> list[str]:
    """ "twenty-five" is two words, as it is spoken."""
    return [part for word in words for part in word.split("-")]


def _below_thousand(words: Sequence[str], *, teens: bool = False) -> int | None:
    """`teens`: "fifteen hundred" counts as 1500."""
    if "hundred" not in words:
        return _below_hundred(words)
    at = words.index("hundred")
    hundreds = _below_hundred(words[:at])
    rest = words[at + 1 :]
    if hundreds is None or not (1 <= hundreds <= 9 or (teens and not rest and 11 <= hundreds <= 19)):
        return None
    if not rest:
        return 100 * hundreds
    below = _below_hundred(rest[1:] if rest[0] == "and" else rest)
    return 100 * hundreds + below if below else None


def _below_hundred(words: Sequence[str]) -> int | None:
    if len(words) == 1:
        return next((table[words[0]] for table in (DIGITS, TEENS, TENS) if words[0] in table), None)
    if len(words) == 2 and words[0] in TENS and DIGITS.get(words[1]):
        return TENS[words[0]] + DIGITS[words[1]]
    return None
