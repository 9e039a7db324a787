"""Where spoken numbers become figures: doses, pressures, ranges, ages, dates, times. Pure.

Figures are written only where it is certain which number was meant; else the words stay as they were said, the unit
beside them too, and the utterance is flagged if a dose may be in it. "One" before a time stays ("one day she fell"), and
so does every number below ten that counts nothing.
"""

from collections.abc import Sequence
from typing import Final

from services.polish.polishers.rules.dates import DATE_RULES, MONTHS, ORDINAL_RULES
from services.polish.polishers.rules.numbers import read_cardinal, read_ordinal
from services.polish.polishers.rules.readings import (
    Reading,
    Rule,
    Written,
    is_number_word,
    read_number,
    run_end,
)
from services.polish.polishers.rules.tokens import (
    Kind,
    Token,
    fixed,
    matches,
    spoken,
    starts_sentence,
    word_before,
)
from services.polish.polishers.rules.units import TIMES, Unit, unit_at

AS_SAID: Final = "number_as_said"

_CONTEXT_WORDS: Final = 6

_PRESSURE: Final = frozenset({"bp", "pressure", "systolic", "diastolic"})
_RATES: Final = _PRESSURE | {"rate", "pulse", "hr"}
_SIGHT: Final = frozenset({"vision", "acuity", "acuities", "va", "snellen"})
_SCORES: Final = frozenset({"pain", "score", "scores", "scored", "scale", "gcs", "power", "apgar"})
_LINKS: Final = frozenset("is was of at around about now currently measured recorded from to".split())

_CHAIN_MAX: Final = 4
"""Numbers in one range: "two by three by four centimetres" and one to spare."""

_HUNDRED_HOURS: Final = ("hundred", "hours")

_CLASSES: Final = frozenset("type stage grade class gravida para phase category".split())
_VERTEBRAE: Final = {"c": 8, "t": 12, "l": 5, "s": 5}
_CLITIC_BEFORE: Final = frozenset("it that he she what there who here let".split())
_VITAMINS: Final = frozenset({("b", 1), ("b", 6), ("b", 12), ("d", 2), ("d", 3), ("k", 1), ("k", 2)})


def write_quantities(tokens: Sequence[Token]) -> tuple[list[Token], tuple[str, ...]]:
    done: list[Token] = []
    flags: tuple[str, ...] = ()
    at = 0
    while at < len(tokens):
        if not _may_begin(tokens[at].spoken):
            done.append(tokens[at])
            at += 1
            continue
        written = next((found for rule in _RULES if (found := rule(tokens, at)) is not None), None)
        if written is not None:
            done += written[0]
            at = written[1]
            continue
        reading = read_number(tokens, at)
        if reading is None:
            done.append(tokens[at])
            at += 1
            continue
        if reading.figures is None and unit_at(tokens, reading.until) is not None:
            flags = (AS_SAID,)
        done += tokens[at : reading.until]
        at = reading.until
    return done, flags


def _may_begin(word: str) -> bool:
    """Whether any rule begins with this word: most words are plain, and are passed at once."""
    return (
        len(word) == 1
        or word[:1].isdigit()
        or word == "point"
        or word in MONTHS
        or is_number_word(word)
        or read_ordinal([word]) is not None
    )


# --- rules, the most particular first


def _pressure(tokens: Sequence[Token], at: int) -> Written | None:
    """ "one twenty over eighty" as 120/80; "six over nine" where sight, and "three over ten" where pain is spoken of."""
    upper = read_number(tokens, at)
    if upper is None or spoken(tokens, upper.until, 1)[0] != "over":
        return None
    lower = read_number(tokens, upper.until + 1)
    if lower is None or spoken(tokens, lower.until, 1)[0] in TIMES | {"percent"}:
        return None
    about = _words_before(tokens, at)
    high, low = _rate(upper), _rate(lower)
    if high is None or low is None:
        return None
    is_pressure = 50 <= high <= 300 and 20 <= low <= 200 and high > low
    is_pressure = is_pressure and (bool(about & _PRESSURE) or unit_at(tokens, lower.until) is None)
    if not is_pressure and not about & (_SIGHT | _SCORES):
        return None
    return _with_unit(tokens, f"{high}/{low}", lower.until)


def _score(tokens: Sequence[Token], at: int) -> Written | None:
    """ "seven out of ten" as 7/10, where a score is spoken of."""
    reached = read_number(tokens, at)
    if reached is None or reached.value is None or not matches(tokens, reached.until, ("out", "of")):
        return None
    most = read_number(tokens, reached.until + 2)
    if most is None or most.value not in (3, 5, 10, 15, 30, 100) or not _words_before(tokens, at) & _SCORES:
        return None
    return [fixed(f"{reached.value}/{most.value}", tokens[at])], most.until


def _labelled(tokens: Sequence[Token], at: int) -> Written | None:
    """ "l five" as L5, "b twelve" as B12."""
    letter = tokens[at].spoken
    number = read_number(tokens, at + 1) if len(letter) == 1 else None
    if (
        number is None
        or number.value is None
        or number.is_figures
        or unit_at(tokens, number.until) is not None
    ):
        return None
    is_vertebra = 1 <= number.value <= _VERTEBRAE.get(letter, 0)
    is_vertebra = is_vertebra and word_before(tokens, at) not in _CLITIC_BEFORE
    is_vitamin = (letter, number.value) in _VITAMINS and word_before(tokens, at) == "vitamin"
    is_vitamin = is_vitamin or (letter, number.value) == ("b", 12)
    if not (is_vertebra or is_vitamin):
        return None
    return [fixed(f"{letter.upper()}{number.value}", tokens[at])], number.until


def _class(tokens: Sequence[Token], at: int) -> Written | None:
    """ "type two" as type 2, "grade two to three" as grade 2 to 3."""
    if word_before(tokens, at) not in _CLASSES:
        return None
    chain = _chain(tokens, at)
    if not chain or any(value.value is None or value.value > 20 for _, value in chain):
        return None
    if unit_at(tokens, chain[-1][1].until) is not None:
        return None
    return _chain_written(tokens, chain), chain[-1][1].until


def _measured(tokens: Sequence[Token], at: int) -> Written | None:
    """A number, or a range of numbers, and its unit: "two to three tablets", "five hundred micrograms"."""
    start = at
    if spoken(tokens, at, 2) in (["a", "hundred"], ["a", "thousand"]):
        return _a_hundred(tokens, at)
    chain = _chain(tokens, start)
    while chain:
        last = chain[-1][1]
        unit = unit_at(tokens, last.until)
        if unit is not None and unit.is_time and _is_no_duration(tokens, chain):
            return None
        if unit is not None:
            written = _chain_written(tokens, chain, grouped=not unit.is_time)
            return _unit_written(written, unit, last.until)
        chain = chain[:-1] if unit is None else []
    return None


def _is_no_duration(tokens: Sequence[Token], chain: Sequence[tuple[int, Reading]]) -> bool:
    """ "one day she fell"; "fourteen hundred hours" is a time of day."""
    of_day = matches(tokens, chain[-1][1].until - 1, _HUNDRED_HOURS)
    return of_day or (len(chain) == 1 and chain[0][1].figures == "1" and not chain[0][1].is_figures)


def _a_hundred(tokens: Sequence[Token], at: int) -> Written | None:
    until = run_end(tokens, at + 1)
    value = read_cardinal(["one", *spoken(tokens, at + 1, until - at - 1)])
    unit = unit_at(tokens, until)
    if value is None or unit is None:
        return None
    return _unit_written([fixed(f"{value:,}", tokens[at])], unit, until)


def _rated(tokens: Sequence[Token], at: int) -> Written | None:
    """ "heart rate one ten" as 110, where nothing but a rate or a pressure can be meant."""
    reading = read_number(tokens, at)
    if reading is None or reading.clipped is None:
        return None
    unit = unit_at(tokens, reading.until)
    has_unit = unit is not None and unit.short in ("bpm", "mmHg")
    if not has_unit and (unit is not None or not _is_of_a_rate(tokens, at)):
        return None
    return _with_unit(tokens, str(reading.clipped), reading.until)


def _is_of_a_rate(tokens: Sequence[Token], at: int) -> bool:
    """Whether a rate or a pressure is named right before: "pulse was around", "bp one ten to"."""
    for token in reversed(tokens[max(0, at - _CONTEXT_WORDS) : at]):
        # Abbreviations are written already, and name one all the same.
        word = token.text.casefold()
        if token.kind is Kind.WORD and word in _RATES:
            return True
        if token.kind is not Kind.WORD or not (word in _LINKS or is_number_word(word)):
            return False
    return False


def _plain(tokens: Sequence[Token], at: int) -> Written | None:
    """Anything from ten on, and decimals."""
    reading = read_number(tokens, at)
    if reading is None or reading.figures is None or reading.is_figures or reading.is_small:
        return None
    if spoken(tokens, reading.until, 2) == ["and", "a"] or matches(tokens, reading.until - 1, _HUNDRED_HOURS):
        return None
    if _hour_of_day(tokens, reading):
        return None
    text = f"{reading.value:,}" if reading.value is not None and reading.value >= 10_000 else reading.figures
    return [fixed(text, tokens[at])], reading.until


def _hour_of_day(tokens: Sequence[Token], reading: Reading) -> bool:
    """ "ten to three" may be a time: both stay words, or both would have to be figures."""
    if spoken(tokens, reading.until, 1)[0] not in ("to", "or"):
        return False
    following = read_number(tokens, reading.until + 1)
    return following is not None and following.is_small


_RULES: Final[tuple[Rule, ...]] = (
    *DATE_RULES,
    _pressure,
    _score,
    _labelled,
    _class,
    _measured,
    _rated,
    *ORDINAL_RULES,
    _plain,
)

# --- what the rules share


def _chain(tokens: Sequence[Token], at: int) -> list[tuple[int, Reading]]:
    """Numbers joined by "to", "or", "by" (or "and", after "between"), each with its place; all of them certain."""
    joints = {"to", "or", "by"} | ({"and"} if word_before(tokens, at) == "between" else set())
    chain: list[tuple[int, Reading]] = []
    while len(chain) < _CHAIN_MAX and (reading := read_number(tokens, at)) and reading.figures is not None:
        if word_before(tokens, at)[:1].isdigit():
            break
        chain.append((at, reading))
        if spoken(tokens, reading.until, 1)[0] not in joints:
            break
        at = reading.until + 1
    return chain


def _chain_written(
    tokens: Sequence[Token], chain: Sequence[tuple[int, Reading]], *, grouped: bool = False
) -> list[Token]:
    written: list[Token] = []
    for n, (at, reading) in enumerate(chain):
        if n:
            written.append(tokens[at - 1])
        assert reading.figures is not None
        is_long = grouped and reading.value is not None and not reading.is_figures
        written.append(fixed(f"{reading.value:,}" if is_long else reading.figures, tokens[at]))
    return written


def _with_unit(tokens: Sequence[Token], figures: str, until: int) -> Written:
    unit = unit_at(tokens, until)
    written = [fixed(figures, tokens[until - 1])]
    return (written, until) if unit is None else _unit_written(written, unit, until)


def _unit_written(written: list[Token], unit: Unit, until: int) -> Written:
    if not unit.short:
        return written, until
    glued = unit.short in ("%",)
    return [*written, Token(unit.short, glued=glued, fixed=True)], unit.until


def _rate(reading: Reading) -> int | None:
    return reading.clipped if reading.value is None else reading.value


def _words_before(tokens: Sequence[Token], at: int) -> set[str]:
    """The last few words of the same sentence. Abbreviations are written by now, so marks of writing do not count."""
    words: list[str] = []
    while len(words) < _CONTEXT_WORDS and not starts_sentence(tokens, at):
        at -= 1
        if tokens[at].kind is Kind.WORD:
            words.append(tokens[at].text.casefold())
    return set(words)
