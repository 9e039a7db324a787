"""What the guard lets through and what it keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.polish.guard import changed
from services.polish.polishers.rules.polish import polish

VOCABULARY = ("ramipril", "bisoprolol", "Humira", "St. John's wort")


@pytest.mark.parametrize(
    ("text", "polished", "kind"),
    [
        ("Ramipril 5 mg daily", "Ramipril 50 mg daily.", "number"),
        ("Ramipril 2.5 mg daily", "Ramipril 25 mg daily.", "number"),
        ("one twenty milligram tablet", "one 120 mg tablet", "number"),
        ("BP 120/80", "BP 120/90.", "number"),
        ("ramipril 5 mg and bisoprolol 10 mg", "ramipril 10 mg and bisoprolol 5 mg", "number"),
        ("temperature minus 2", "Temperature 2.", "number"),
        ("half a tablet", "A tablet.", "number"),
        ("seen twice", "Seen once.", "number"),
        ("INR < 3", "INR > 3.", "number"),
        ("two tablets", "Tablets.", "number"),
        ("the second dose", "The third dose.", "number"),
        ("75 micrograms", "75 mg", "unit"),
        ("75 mg", "75 g", "unit"),
        ("5 mg daily", "5 mg weekly", "unit"),
        ("3 weeks of pain", "3 months of pain", "unit"),
        ("no chest pain", "Chest pain.", "negation"),
        ("chest pain", "No chest pain.", "negation"),
        ("he isn't in pain", "He is in pain.", "negation"),
        ("denies fever", "Reports fever.", "negation"),
        ("swab negative", "Swab positive.", "negation"),
        ("afebrile", "Febrile.", "negation"),
        ("left knee", "Right knee.", "side"),
        ("right-sided weakness", "Left-sided weakness.", "side"),
        ("pain in both knees", "Pain in the knees.", "side"),
        ("start ramipril", "Start bisoprolol.", "name"),
        ("ramipril, then bisoprolol", "Bisoprolol, then ramipril.", "name"),
        ("St. John's wort", "Johannes wort.", "name"),
    ],
)
def test_a_planted_change_is_found(text: str, polished: str, kind: str) -> None:
    assert kind in changed(text, polished, VOCABULARY)


@pytest.mark.parametrize(
    ("text", "polished"),
    [
        ("the patient has has a cough", "The patient has a cough."),
        ("forty milligrams of humira", "40 mg of Humira."),
        ("5 mg", "5mg"),
        ("he does not smoke", "He doesn't smoke."),
        ("he denied fever", "He denies fever."),
        ("1,000 mL", "1000 mL."),
        ("right sided weakness", "Right-sided weakness."),
        ("75 micrograms", "75 mcg"),
        ("", ""),
    ],
)
def test_writing_better_passes(text: str, polished: str) -> None:
    assert changed(text, polished, VOCABULARY) == ()


@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\u0336", "\u2713", "*", "~", "\x08", "\ufffd"])
def test_a_sign_that_changes_how_a_text_looks_is_found(sign: str) -> None:
    assert changed("give 12 mg today", f"Give {sign}12 mg today.", ()) != ()


@pytest.mark.parametrize(
    ("text", "polished"),
    [
        ("keine Schmerzen links", "Schmerzen links."),
        ("Schmerzen links", "Schmerzen rechts."),
        ("sans fièvre", "Avec fièvre."),
        ("dolor sin fiebre", "Dolor con fiebre."),
    ],
)
def test_other_languages_are_held_to_their_words_too(text: str, polished: str) -> None:
    assert changed(text, polished, ()) != ()


WORDS = st.lists(
    st.sampled_from(
        "no left right both two forty 5 2.5 mg milligrams micrograms ramipril pain knee denies and is daily".split()
    ),
    max_size=14,
).map(" ".join)


@given(WORDS)
def test_capitals_and_marks_never_matter(text: str) -> None:
    assert changed(text, text.capitalize() + ".", VOCABULARY) == ()


@given(WORDS, WORDS)
def test_it_is_the_same_from_both_sides(one: str, other: str) -> None:
    assert changed(one, other, VOCABULARY) == changed(other, one, VOCABULARY)


@given(WORDS, st.sampled_from(["no", "left", "7", "ramipril"]))
def test_an_added_word_that_matters_is_always_found(text: str, word: str) -> None:
    assert changed(text, f"{text}. {word}", VOCABULARY) != ()


@given(st.text(max_size=60))
def test_any_text_stands_as_it_is(text: str) -> None:
    assert changed(text, text, VOCABULARY) == ()


@given(WORDS)
def test_what_the_rules_wrote_stands_as_it_is(text: str) -> None:
    ruled = polish(text, VOCABULARY, {}, "en").text
    assert changed(ruled, ruled, VOCABULARY) == ()
