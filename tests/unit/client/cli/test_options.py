"""Options that several commands share."""

import pytest

from client.cli.options import at_least, parse_session
from shared.errors import SetupError
from tests.unit.client.doubles import SESSION


def test_a_session_in_upper_case_is_put_right() -> None:
    assert parse_session(SESSION.upper()) == SESSION


@pytest.mark.parametrize("text", ["", "x", SESSION[:-1], f"{SESSION}0", f"{SESSION}\n", f"{{{SESSION}}}"])
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(SetupError, match="a session's id is a UUID, like "):
        parse_session(text)


def test_numbers_have_a_lowest() -> None:
    assert at_least("--speed", 0.01, 0.01) == 0.01
    for value in (0.009, float("nan"), float("inf"), float("-inf")):
        with pytest.raises(SetupError, match="--speed is a number from 0.01 up"):
            at_least("--speed", value, 0.01)
