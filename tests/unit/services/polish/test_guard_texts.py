"""The guard against many texts: planted changes are all refused and ordinary rewrites stand, each counted."""

import re
from collections.abc import Iterator

import pytest

from services.polish.guard import changed
from services.polish.polishers.rules.polish import polish
from tests.rules.tree import ROOT

TEXTS = ROOT / "tests" / "data" / "guard"
DECISION = ROOT / "docs" / "decisions" / "0013-gemini-behind-a-guard.md"

Pair = tuple[str, str, str]
"""The section a pair stands in, what was said, and what it became."""


def pairs(name: str) -> Iterator[Pair]:
    section = ""
    for line in (TEXTS / name).read_text().splitlines():
        heading = re.fullmatch(r"\[(\w+)\]", line)
        section = heading[1] if heading else section
        said, arrow, written = line.partition(" =>")
        if section and arrow:
            yield section, said, written.removeprefix(" ")


PLANTED = list(pairs("planted.txt"))
ORDINARY = list(pairs("ordinary.txt"))
STANDING = [pair for pair in ORDINARY if pair[0] == "stands"]


@pytest.mark.parametrize(("kind", "said", "written"), PLANTED)
def test_a_planted_change_is_refused(kind: str, said: str, written: str) -> None:
    assert kind in changed(said, written, ())


@pytest.mark.parametrize(("section", "said", "written"), ORDINARY)
def test_an_ordinary_rewrite_stands_unless_it_is_known_not_to(section: str, said: str, written: str) -> None:
    kinds = changed(polish(said, (), {}, "en").text, written, ())
    assert (kinds == ()) == (section == "stands"), kinds


def test_the_decision_states_these_counts() -> None:
    counts = r"(\d+) planted changes, all of them refused, and (\d+) of (\d+) ordinary rewrites"
    stated = re.findall(counts, DECISION.read_text())
    assert stated == [(str(len(PLANTED)), str(len(STANDING)), str(len(ORDINARY)))]


# --- every place in every ordinary text

FREE = frozenset("a an the and is are was of on that there but so".split())
"""What may go somewhere; nothing else may anywhere."""
ADDED = "no not never without left both 5 mg possible had her or to severe mother stop ? + < hyper".split()


def test_no_word_goes_unseen_but_the_free_ones() -> None:
    gone = {
        words[at].strip(".,:;?").casefold()
        for _, _, written in STANDING
        for words in [written.split()]
        for at in range(len(words))
        if not changed(written, " ".join(words[:at] + words[at + 1 :]), ())
    }
    assert gone <= FREE


@pytest.mark.parametrize("word", ADDED)
def test_no_word_comes_unseen(word: str) -> None:
    """Beside itself, or with a free word between, it is a stutter."""
    come = [
        (written, at)
        for _, _, written in STANDING
        for words in [written.split()]
        for at in range(len(words) + 1)
        if word not in " ".join(words[max(0, at - 2) : at + 2]).casefold()
        if not changed(written, " ".join([*words[:at], word, *words[at:]]), ())
    ]
    assert come == []


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_a_text_that_was_followed_as_an_order_is_refused(kept: int) -> None:
    for _, said, written in STANDING:
        words = written.split()
        if len(words) > kept + 4:
            assert changed(said, " ".join(words[:kept]), ()), written
        assert changed(said, f"{written} Discharge the patient today.", ()), written
