"""Units as clinicians write them, and the words after which a small number is a figure. Pure tables and their look-up.

Where a short form has led to wrong doses the word stays: micrograms, nanograms, units, "per day". So does "mil", which is
said of millilitres and of millimetres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.polish.polishers.rules.tokens import Token, matches, spoken


def _forms(table: Mapping[str, str]) -> dict[str, str]:
    return {form: short for forms, short in table.items() for form in forms.split()}


SHORT: Final = _forms(
    {
        "milligram milligrams milligramme milligrammes mg mgs": "mg",
        "gram grams gramme grammes": "g",
        "kilogram kilograms kilogramme kilogrammes kilo kilos": "kg",
        "millilitre millilitres milliliter milliliters ml mls": "mL",
        "litre litres liter liters": "L",
        "centimetre centimetres centimeter centimeters": "cm",
        "millimetre millimetres millimeter millimeters": "mm",
        "millimole millimoles": "mmol",
        "kilopascal kilopascals": "kPa",
        "millisecond milliseconds": "ms",
        "percent": "%",
    }
)
_PHRASES: Final = {
    ("per", "cent"): "%",
    ("degrees", "celsius"): "°C",
    ("degrees", "centigrade"): "°C",
    ("degrees", "fahrenheit"): "°F",
    ("beats", "per", "minute"): "bpm",
    ("millimetres", "of", "mercury"): "mmHg",
    ("millimeters", "of", "mercury"): "mmHg",
}
_PER: Final = _forms(
    {
        "kilogram kilo": "kg",
        "litre liter": "L",
        "decilitre deciliter": "dL",
        "millilitre milliliter": "mL",
        "minute": "min",
        "hour": "hour",
    }
)
KEPT: Final = _forms({"microgram micrograms nanogram nanograms micromole micromoles unit units": ""})

TIMES: Final = frozenset(
    "minute minutes hour hours day days week weeks month months year years times".split()
)
COUNTED: Final = (
    frozenset(
        "tablet tablets capsule capsules dose doses puff puffs drop drops patches ampoule ampoules vial vials"
        " sachet sachets suppository suppositories lozenge lozenges spray sprays pack packs cigarettes pints"
        " seconds hourly weekly o'clock breaths cycles metres meters inches inch degrees mil mils"
        " international".split()
    )
    | frozenset(KEPT)
    | TIMES
)

_STAINED: Final = frozenset({"negative", "negatives", "positive", "positives", "stain"})


@dataclass(frozen=True, slots=True)
class Unit:
    """What follows a number: its short form, or "" where the word is kept, and where the words after it begin."""

    short: str
    until: int
    is_time: bool = False


def unit_at(tokens: Sequence[Token], at: int) -> Unit | None:
    word, following = spoken(tokens, at, 2)
    for phrase, short in _PHRASES.items():
        if phrase[0] == word and matches(tokens, at, phrase):
            return Unit(short, at + len(phrase))
    if word in ("gram", "grams") and following in _STAINED:
        # "two gram negative rods" weigh nothing.
        return None
    if word in SHORT:
        return _per(tokens, at + 1, SHORT[word])
    if word in COUNTED:
        return Unit("", at, is_time=word in TIMES)
    return None


def _per(tokens: Sequence[Token], at: int, short: str) -> Unit:
    per, what = spoken(tokens, at, 2)
    if per == "per" and what in _PER and short != "%":
        return Unit(f"{short}/{_PER[what]}", at + 2)
    return Unit(short, at)
