"""What is logged, and what never is."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.config import LogFormat, LogLevel
from shared.errors import SetupError
from shared.observe import WITHHELD, configure, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure("ingest", LogLevel.INFO, stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def last(stream: io.StringIO) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return line


def test_a_line_says_who_what_and_when(stream: io.StringIO) -> None:
    get_logger("sweep").info("interrupted a stale session", session="s-1", take=2)
    line = last(stream)
    assert line.items() >= {
        "service": "ingest", "source": "sweep", "level": "info", "event": "interrupted a stale session",
        "session": "s-1", "take": 2,
    }.items()  # fmt: skip
    assert line["timestamp"].endswith("Z")


def test_below_its_level_nothing_is_said(stream: io.StringIO) -> None:
    get_logger("x").debug("detail")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "name", ["text", "words", "label", "vocabulary", "ticket", "token", "macros", "Text"]
)
def test_what_may_hold_words_is_withheld_however_deep(stream: io.StringIO, name: str) -> None:
    get_logger("x").info("e", **{name: "canary"}, detail={"deep": {name: ["canary"]}})
    assert "canary" not in stream.getvalue()
    assert last(stream)["detail"] == {"deep": {name: WITHHELD}}


def test_bytes_are_withheld_under_any_name(stream: io.StringIO) -> None:
    get_logger("x").info("e", payload=b"canary")
    assert last(stream)["payload"] == WITHHELD


def test_a_librarys_error_is_named_and_placed_but_not_quoted(stream: io.StringIO) -> None:
    try:
        raise ValueError("canary")
    except ValueError:
        get_logger("x").error("failed", exc_info=True)
    line = last(stream)
    assert line["error"] == "ValueError"
    assert "test_observe.py" in line["at"][-1]
    assert "canary" not in stream.getvalue()


def test_our_own_error_is_quoted(stream: io.StringIO) -> None:
    get_logger("x").error("failed", exc_info=SetupError("the port is taken"))
    assert last(stream)["said"] == "the port is taken"


def test_libraries_speak_through_us_without_their_arguments(stream: io.StringIO) -> None:
    logging.getLogger("some.library").error(
        "could not read %s\nof many lines", "canary", exc_info=ValueError("canary")
    )
    line = last(stream)
    assert (line["source"], line["event"], line["error"]) == (
        "some.library",
        "could not read %s",
        "ValueError",
    )
    assert "canary" not in stream.getvalue()


def test_plain_lines_for_people() -> None:
    stream = io.StringIO()
    configure("ingest", LogLevel.INFO, LogFormat.PLAIN, stream)
    get_logger("x").info("began", session="s-1", text="canary")
    assert "began" in stream.getvalue()
    assert "session=s-1" in stream.getvalue()
    assert "canary" not in stream.getvalue()
    structlog.reset_defaults()
    logging.basicConfig(force=True)
