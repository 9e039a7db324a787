"""What the commands say."""

import pytest

from client.cli.terminal import exit_code, minutes, one_line, printable
from shared.domain.values import samples
from shared.errors import Busy, DictationError, NotFound, Retry, SetupError, StoreUnavailable


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (0.99, "0:00"), (61.5, "1:01"), (3_599, "59:59"), (3_661, "1:01:01")]
)
def test_lengths_as_people_read_them(seconds: float, shown: str) -> None:
    assert minutes(samples(seconds)) == shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SetupError("x"), 2),
        (NotFound("x"), 4),
        (DictationError("x"), 4),
        (Retry("x"), 5),
        (StoreUnavailable("x"), 5),
        (Busy("x", 1), 5),
    ],
)
def test_codes_say_who_must_act(error: DictationError, code: int) -> None:
    assert exit_code(error) == code


def test_what_steers_a_terminal_is_taken_out() -> None:
    assert printable("a\x1b[31mb\x07\r\nc\u202e") == "a [31mb  \nc "


def test_a_sentence_is_one_line() -> None:
    assert one_line("a\n  b\tc ") == "a b c"
