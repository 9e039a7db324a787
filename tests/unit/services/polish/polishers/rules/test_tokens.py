"""Text survives being taken apart and put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.polish.polishers.rules.tokens import (
    LINE,
    PARAGRAPH,
    Kind,
    Token,
    join,
    matches,
    split,
    starts_sentence,
)


@pytest.mark.parametrize(
    "text",
    [
        'He said "well" (twice), didn\'t he?',
        "BP 120/80, pH 7.4; e.g. fine...",
        "one\n\ntwo\nthree",
        "\n\nPlan:\nRest",
        "?pneumonia - no.",
        "",
    ],
)
def test_what_no_rule_touches_stays(text: str) -> None:
    assert join(split(text)) == text


@given(st.text("ab 1.,!?'\"()-\n", max_size=40))
def test_taking_apart_changes_spaces_only(text: str) -> None:
    once = join(split(text))
    assert "".join(once.split()) == "".join(text.split())
    assert join(split(once)) == once


def test_of_several_breaks_the_widest_counts() -> None:
    assert join([Token("a"), LINE, PARAGRAPH, LINE, Token("b")]) == "a\n\nb"


def test_a_phrase_ends_at_a_mark_and_at_what_is_fixed() -> None:
    tokens = split("new, line")
    assert not matches(tokens, 0, ("new", "line"))
    assert matches(split("New LINE"), 0, ("new", "line"))
    assert not matches([Token("new", fixed=True), Token("line")], 0, ("new", "line"))


def test_where_sentences_start() -> None:
    tokens = split("a b. c, d\ne")
    starts = [
        token.text for n, token in enumerate(tokens) if token.kind is Kind.WORD and starts_sentence(tokens, n)
    ]
    assert starts == ["a", "c", "e"]
