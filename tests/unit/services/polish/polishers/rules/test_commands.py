"""Every command is carried out where it is meant, and stays a word where it is not."""

import pytest

from services.polish.polishers.rules.commands import HEADINGS, apply_commands
from services.polish.polishers.rules.tokens import join, split


def carried_out(said: str) -> str:
    return join(apply_commands(split(said)))


MARKS = {"full stop": ".", "comma": ",", "semicolon": ";", "semi colon": ";", "exclamation mark": "!"}
PAIRS = {
    ("open bracket", "close bracket"): "()",
    ("open brackets", "close brackets"): "()",
    ("open parenthesis", "close parenthesis"): "()",
    ("open quotes", "close quotes"): '""',
    ("open inverted commas", "close inverted commas"): '""',
    ("quote", "unquote"): '""',
}


@pytest.mark.parametrize(("command", "mark"), MARKS.items())
def test_a_mark_sits_on_the_word_before_it(command: str, mark: str) -> None:
    assert carried_out(f"well {command} now") == f"well{mark} now"
    assert carried_out(f"Well {command.capitalize()} now") == f"Well{mark} now"


@pytest.mark.parametrize(("command", "mark"), MARKS.items())
@pytest.mark.parametrize(("before", "after"), [(",", ""), ("", "."), (",", "."), (".", "."), ("", ",")])
def test_the_engines_marks_give_way(command: str, mark: str, before: str, after: str) -> None:
    assert carried_out(f"well{before} {command}{after} now") == f"well{mark} now"


@pytest.mark.parametrize("command", MARKS)
@pytest.mark.parametrize("determiner", ["a", "the", "her", "every"])
def test_after_a_determiner_it_is_a_word(command: str, determiner: str) -> None:
    assert carried_out(f"{determiner} {command} now") == f"{determiner} {command} now"


@pytest.mark.parametrize(("pair", "marks"), PAIRS.items())
def test_pairs_enclose_what_is_between_them(pair: tuple[str, str], marks: str) -> None:
    opening, closing = pair
    assert carried_out(f"pain {opening} left {closing} today") == f"pain {marks[0]}left{marks[1]} today"
    assert carried_out(f"pain, {opening}, left, {closing}. Now") == f"pain {marks[0]}left{marks[1]}. Now"


@pytest.mark.parametrize("lone", ["he may quote her", "unquote this"])
def test_half_a_quotation_is_a_word(lone: str) -> None:
    assert carried_out(lone) == lone


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("new line", "\n"),
        ("newline", "\n"),
        ("next line", "\n"),
        ("new paragraph", "\n\n"),
        ("bullet point", "\n- "),
    ],
)
def test_layout_breaks_the_line_and_keeps_a_full_stop(command: str, written: str) -> None:
    assert carried_out(f"well {command} now") == f"well{written}now"
    assert carried_out(f"well. {command.capitalize()}. Now") == f"well.{written}Now"
    assert carried_out(f"well, {command}, now") == f"well{written}now"


def test_two_breaks_in_a_row_are_the_wider_one() -> None:
    assert carried_out("well new line new paragraph now") == "well\n\nnow"
    assert carried_out("well\n\nnew line now") == "well\n\nnow"


@pytest.mark.parametrize("name", [" ".join(name) for name in HEADINGS])
@pytest.mark.parametrize("call", ["heading", "new heading", "Next heading,"])
def test_a_heading_stands_alone(name: str, call: str) -> None:
    assert carried_out(f"well {call} {name} now") == f"well\n\n{name.capitalize()}:\nnow"


def test_a_heading_takes_its_colon_with_it() -> None:
    assert carried_out("heading plan colon rest") == "\n\nPlan:\nrest"
    assert carried_out("Heading: Plan: rest") == "\n\nPlan:\nrest"


def test_an_unknown_heading_is_words() -> None:
    assert carried_out("heading home") == "heading home"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("plan colon rest", "plan: rest"),
        ("as follows colon rest", "as follows: rest"),
        ("well. Impression colon rest", "well. Impression: rest"),
        ("the plan colon rest", "the plan colon rest"),
        ("history colon cancer", "history colon cancer"),
        ("sigmoid colon normal", "sigmoid colon normal"),
    ],
)
def test_a_colon_follows_headings_only(said: str, written: str) -> None:
    assert carried_out(said) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("no fever. Period.", "no fever."),
        ("no fever, period", "no fever."),
        ("no fever period new paragraph well", "no fever.\n\nwell"),
        ("no fever period\nwell", "no fever.\nwell"),
        ("no fever period heading plan", "no fever.\n\nPlan:\n"),
        ("no fever period no rash", "no fever period no rash"),
        ("neonatal period new line well", "neonatal period\nwell"),
        ("period", "period"),
        ("Period pain.", "Period pain."),
    ],
)
def test_a_period_ends_a_sentence_only_where_nothing_else_can_be_meant(said: str, written: str) -> None:
    assert carried_out(said) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("is it broken question mark", "is it broken?"),
        ("is it broken question mark he fell", "is it broken? he fell"),
        ("well. Was it broken, question mark. He fell", "well. Was it broken? He fell"),
        ("question mark fracture", "?fracture"),
        ("fall comma question mark fracture", "fall, ?fracture"),
        ("query question mark new line well", "query?\nwell"),
        ("the question mark", "the question mark"),
    ],
)
def test_a_question_mark_ends_a_question_or_doubts_what_follows(said: str, written: str) -> None:
    assert carried_out(said) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("x hyphen ray", "x-ray"),
        ("and forward slash or", "and/or"),
        ("hyphen", "hyphen"),
        ("a hyphen here", "a hyphen here"),
        ("follow, hyphen up", "follow, hyphen up"),
    ],
)
def test_joints_join_two_words(said: str, written: str) -> None:
    assert carried_out(said) == written
