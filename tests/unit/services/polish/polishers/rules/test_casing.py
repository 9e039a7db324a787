"""Capitals where writing wants them, and nothing else changed."""

import pytest

from services.polish.polishers.rules.casing import ACRONYMS, write_acronyms, write_capitals
from services.polish.polishers.rules.tokens import Token, join, split


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("he fell. she fell? i fell! we fell", "He fell. She fell? I fell! We fell"),
        ("well\nnow\n\nthen", "Well\nNow\n\nThen"),
        ("i've seen, i'll see, i", "I've seen, I'll see, I"),
        ("on monday in may, in june", "On Monday in may, in June"),
        ('(seen) [left] "right"', '(Seen) [left] "right"'),
        ("\n- aspirin\n- statin", "\n- Aspirin\n- Statin"),
        ("a - b", "A - b"),
        ("eGFR low. pH normal. mRNA", "eGFR low. pH normal. mRNA"),
        ("dr. green, e.g. here. next", "Dr. green, e.g. here. Next"),
        ("?pneumonia", "?pneumonia"),
        ("o'shea and x-ray. co-codamol", "O'shea and x-ray. Co-codamol"),
        ("4-hourly. 2nd", "4-hourly. 2nd"),
        ("élan. überall", "Élan. Überall"),
    ],
)
def test_capitals(said: str, written: str) -> None:
    assert join(write_capitals(split(said))) == written


def test_a_sentence_may_begin_after_a_macro_that_ends_one() -> None:
    macro = Token("Chest clear.", fixed=True)
    assert join(write_capitals([macro, Token("abdomen")])) == "Chest clear. Abdomen"
    assert join(write_capitals([Token("120/80", fixed=True), Token("lying")])) == "120/80 lying"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("b p and h r", "BP and HR"),
        ("B P, E C G", "BP, ECG"),
        ("s p o two", "SpO2"),
        ("spo2 and hba1c and p h", "SpO2 and HbA1c and pH"),
        ("o two sats, on o two", "O2 sats, on o two"),
        ("PH and ph", "PH and pH"),
        ("egfr u&es lfts", "eGFR U&Es LFTs"),
        ("it is us or them", "it is us or them"),
    ],
)
def test_abbreviations(said: str, written: str) -> None:
    assert join(write_acronyms(split(said))) == written


def test_no_abbreviation_is_a_common_word() -> None:
    assert not ACRONYMS & set(
        "it is us or in on at an as be he we me am do go if no so to up by my of".split()
    )
