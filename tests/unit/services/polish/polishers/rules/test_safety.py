"""Whatever is said: no word is lost or made up, no number changes, and polishing again changes nothing."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.polish.polishers.rules.fillers import FILLERS
from services.polish.polishers.rules.polish import polish
from services.polish.polishers.rules.units import COUNTED, SHORT
from tests.unit.services.polish.polishers.rules.speech import say, say_decimal

PLAIN = (
    "patient chest pain no not never denies without nil clear abdomen soft the a his with and but i he she is was"
    " cough fever left right breathless stable may will second line bracket stop mark open new question full"
    " point per of over under to or at in on since by out"
).split()
NUMBERS = "one two three five ten twelve twenty thirty ninety hundred thousand point oh zero and".split()
UNITS = "milligrams micrograms percent weeks tablets units per hour over to am first second may".split()
MARKS = ["", "", "", ",", "."]

words = st.sampled_from([*PLAIN, *NUMBERS, *UNITS, *sorted(FILLERS)])
sentences = st.lists(st.tuples(words, st.sampled_from(MARKS)), max_size=14).map(
    lambda pairs: " ".join(word + mark for word, mark in pairs)
)


def rules(text: str) -> str:
    return polish(text, (), {}, "en").text


def bare(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['.][^\W_]+)*", text.casefold())


def unjoined(said: str) -> str:
    return re.sub(r"\band ", "", said)


ordinary = st.from_regex(r"[b-z][a-z]{3,9}", fullmatch=True).filter(
    lambda word: rules(f"x {word} x {word}") == f"X {word} x {word}"
)


@given(st.lists(st.tuples(ordinary, st.sampled_from([*MARKS, ";", "?", ")"])), max_size=20))
def test_ordinary_words_pass_through_in_order(pairs: list[tuple[str, str]]) -> None:
    said = " ".join(word + mark for word, mark in pairs)
    assert rules(said).casefold() == said


@given(sentences)
def test_no_word_is_made_up(said: str) -> None:
    """Every word that is written was said, but for short forms of units and figures."""
    allowed = {short.casefold() for short in SHORT.values()} | {
        "hour",
        "kg",
        "l",
        "min",
        "pm",
        "am",
        "million",
    }
    made_up = [word for word in bare(rules(said)) if word not in bare(said) and not re.match(r"\d", word)]
    assert [word for word in made_up if word not in allowed] == []


@given(sentences)
def test_no_word_is_lost(said: str) -> None:
    """What is neither a filler, a number, a unit nor part of a command is written as often as it was said."""
    loose = {
        *FILLERS,
        *NUMBERS,
        *UNITS,
        *SHORT,
        *COUNTED,
        "second",
        "over",
        "out",
        "of",
        "first",
        "per",
        "uh",
        "hmm",
    }
    loose |= {"full", "stop", "question", "mark", "new", "line", "open", "bracket", "point", "a", "i"}
    kept, written = (
        Counter(word for word in bare(text) if word not in loose) for text in (said, rules(said))
    )
    assert kept - written == Counter()


@given(sentences)
def test_polishing_again_changes_nothing(said: str) -> None:
    once = rules(said)
    assert rules(once) == once


@given(
    st.integers(1, 999_999), st.sampled_from(["milligrams", "micrograms", "units", "millilitres", "tablets"])
)
def test_a_dose_keeps_its_number(value: int, unit: str) -> None:
    written = rules(f"give {say(value)} {unit} now")
    assert written == f"Give {value:,} {SHORT.get(unit, unit)} now"


@given(st.integers(0, 999), st.text("0123456789", min_size=1, max_size=3))
def test_a_decimal_keeps_its_digits(whole: int, digits: str) -> None:
    assert rules(f"give {say_decimal(f'{whole}.{digits}')} milligrams") == f"Give {whole}.{digits} mg"


@given(st.lists(st.sampled_from([*NUMBERS, "forty", "five", "nineteen"]), min_size=2, max_size=6))
def test_a_run_of_numbers_is_one_number_or_stays(run: list[str]) -> None:
    """Read back, the figures are the very words that were said."""
    said = " ".join(run)
    dose = re.fullmatch(r"([\d,.]+) mg now", rules(f"{said} milligrams now"))
    if dose is None:
        return
    figures = dose[1].replace(",", "")
    spoken = say_decimal(figures) if "." in figures else say(int(figures))
    plainly = unjoined(re.sub(r"\boh\b", "zero", said))
    hundreds = re.fullmatch(r"(1[1-9])00", figures)
    expected = {
        spoken,
        spoken.removeprefix("zero "),
        f"{say(int(hundreds[1]))} hundred" if hundreds else spoken,
    }
    assert plainly in {unjoined(each) for each in expected}


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=3))
def test_any_text_at_all_is_answered(text: str, vocabulary: list[str]) -> None:
    polish(text, vocabulary, dict.fromkeys(vocabulary, "text"), "en")
