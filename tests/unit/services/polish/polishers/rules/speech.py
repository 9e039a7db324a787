"""Says numbers as people do: an independent speller, to check the reader of numbers against."""

from services.polish.polishers.rules.numbers import DIGITS, TEENS, TENS

_BELOW_TWENTY = [*DIGITS, *TEENS]
_TENS = ["", "", *TENS]


def say(value: int, *, joined_by_and: bool = True) -> str:
    """A number below a million: 1205 is "one thousand two hundred and five"."""
    if value < 20:
        return _BELOW_TWENTY[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f" {_BELOW_TWENTY[ones]}" if ones else "")
    size, name = (100, "hundred") if value < 1_000 else (1_000, "thousand")
    count, rest = divmod(value, size)
    said = f"{say(count, joined_by_and=joined_by_and)} {name}"
    if not rest:
        return said
    joint = " and " if joined_by_and and rest < 100 else " "
    return said + joint + say(rest, joined_by_and=joined_by_and)


def say_decimal(figures: str) -> str:
    """ "12.05" as "twelve point zero five"."""
    whole, _, digits = figures.partition(".")
    return " ".join([say(int(whole)), "point", *(_BELOW_TWENTY[int(digit)] for digit in digits)])
