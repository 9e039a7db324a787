"""What Gemini is told."""

import json

from hypothesis import given
from hypothesis import strategies as st

from services.polish.prompt import CONTEXT_CHARACTERS_MAX, INSTRUCTIONS, VOCABULARY_MAX, compose
from shared.domain.session import SessionConfig


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_words_of_others_are_data_whatever_they_say(text: str, style: str, before: str) -> None:
    prompt = compose(text, SessionConfig(style=style, vocabulary=(style,)), [before])
    assert prompt.instructions == INSTRUCTIONS
    document = json.loads(prompt.document)
    assert (document["dictated"], document["style"], document["before"]) == (text, style, before)


def test_what_can_grow_is_bounded() -> None:
    config = SessionConfig(vocabulary=tuple(f"term {n}" for n in range(1_000)), style="s" * 9_000)
    document = json.loads(compose("x", config, ["a" * 9_000, "b" * 500, "c" * 400]).document)
    assert len(document["before"]) == CONTEXT_CHARACTERS_MAX
    assert document["before"].endswith("c")
    assert "a" not in document["before"]
    assert len(document["vocabulary"]) == VOCABULARY_MAX
    assert len(document["style"]) == 500


def test_a_prompt_never_shows_its_words() -> None:
    assert "knee" not in repr(compose("left knee", SessionConfig(), []))
