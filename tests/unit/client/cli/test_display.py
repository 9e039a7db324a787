"""What is shown while a recording is streamed."""

import errno
import io
import json
import os
from dataclasses import replace

import pytest

from client.cli.display import JsonLines, Words, entry_line, fitted, live_line
from client.delivery import Delivery
from client.link_state import Link, Phase
from shared.domain.entries import GapCause
from shared.domain.values import samples
from shared.wire.messages import EntrySent, HintSent, Notice, Ping, ServerMessage, Ticket
from tests.unit.client.doubles import SESSION, TAKE, entry, welcome

WAITING = Link(SESSION, TAKE, phase=Phase.WAITING)
LIVE = replace(WAITING, phase=Phase.LIVE, delivery=Delivery(captured_until=samples(65), covered=samples(61)))
CLEAR = "\r\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Full(io.StringIO):
    """A file on a disk with room for two lines."""

    def flush(self) -> None:
        if self.getvalue().count("\n") > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Screen:
    """A display of words, with stderr a terminal or a file."""

    def __init__(self, err: io.StringIO | None = None, out: io.StringIO | None = None) -> None:
        self.out = out or io.StringIO()
        self.err = err or io.StringIO()
        self.words = Words(self.out, self.err, now_ms=0)

    def hear(self, *messages: ServerMessage) -> None:
        for message in messages:
            self.words.heard(message)

    def at(self, now_ms: int, link: Link) -> None:
        self.words.moved(link)
        self.words.tick(now_ms)


def test_each_entry_is_shown_once_whatever_is_repeated() -> None:
    screen = Screen()
    screen.hear(
        welcome(), entry(0, "one"), welcome(), entry(0, "one"), entry(1, "two", samples(75), samples(76))
    )
    assert screen.out.getvalue() == " 0:00  one\n 1:15  two\n"


def test_another_life_of_the_log_is_shown_from_its_beginning() -> None:
    screen = Screen()
    screen.hear(welcome(log_id="a"), entry(0, "one"), welcome(log_id="b"), entry(0, "uno"))
    assert screen.out.getvalue() == " 0:00  one\n 0:00  uno\n"


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (entry(0, "one\ntwo\x1b[2J"), " 0:00  one two [2J"),
        (entry(0, "one", take=2), "take 2  0:00  one"),
        (
            EntrySent(0, 1, samples(12), samples(15), cause=GapCause.UNRECOGNISED, wall_ms=0),
            "[gap 0:12-0:15: unrecognised]",
        ),
        (
            EntrySent(0, 1, samples(12), samples(12), cause=GapCause.SUSPENDED, wall_ms=61_000),
            "[gap at 0:12: suspended, 61 s not recorded]",
        ),
    ],
)
def test_entries_as_lines(shown: EntrySent, line: str) -> None:
    assert entry_line(shown) == line


def test_a_missing_connection_is_said_after_a_second_and_its_return_too() -> None:
    screen = Screen()
    screen.words.troubled("127.0.0.1:8000: connection refused")
    screen.at(900, WAITING)
    assert screen.err.getvalue() == ""
    screen.at(1_000, WAITING)
    screen.at(20_000, WAITING)
    screen.at(31_000, WAITING)
    screen.at(31_500, LIVE)
    sentence = "no connection (127.0.0.1:8000: connection refused); trying again, nothing is lost"
    assert screen.err.getvalue().splitlines() == [sentence, sentence, "connected again"]


def test_what_must_be_known_is_said_at_once_though_the_connection_is_there() -> None:
    screen = Screen()
    screen.at(500, LIVE)
    screen.words.said("the label was not taken:\x1b it is\nlong")
    assert screen.err.getvalue() == "the label was not taken: it is long\n"
    screen.at(900, LIVE)
    assert screen.err.getvalue().count("\n") == 1


def test_programs_hear_what_must_be_known_too() -> None:
    out, err = io.StringIO(), io.StringIO()
    JsonLines(out, err, now_ms=0).said("the label is not saved")
    assert json.loads(out.getvalue()) == {"type": "trouble", "text": "the label is not saved"}
    assert err.getvalue() == "the label is not saved\n"


def test_a_short_loss_is_not_worth_a_word() -> None:
    screen = Screen()
    screen.at(500, LIVE)
    screen.at(1_000, WAITING)
    screen.at(1_900, LIVE)
    screen.at(5_000, WAITING)
    screen.at(5_900, LIVE)
    assert screen.err.getvalue() == ""


def test_where_nothing_has_failed_yet_it_takes_longer_to_say_so() -> None:
    screen = Screen()
    screen.at(2_900, WAITING)
    assert screen.err.getvalue() == ""
    screen.at(3_000, WAITING)
    assert screen.err.getvalue() == "no connection (no answer yet); trying again, nothing is lost\n"


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.STOPPED])
def test_the_end_is_no_loss(phase: Phase) -> None:
    screen = Screen()
    screen.at(500, LIVE)
    screen.at(9_000, replace(LIVE, phase=phase))
    assert screen.err.getvalue() == ""


def test_a_notice_is_said_once_until_there_is_another() -> None:
    screen = Screen()
    slow, saving = (
        Notice("degraded", "Slower.", safe=True),
        Notice("storage", "Saving is delayed.", safe=True),
    )
    screen.hear(slow, slow, saving, slow)
    assert screen.err.getvalue().splitlines() == ["Slower.", "Saving is delayed.", "Slower."]


def test_a_terminal_has_a_live_line_that_makes_way_for_words() -> None:
    terminal = Terminal()
    screen = Screen(terminal)
    screen.at(100, LIVE)
    screen.hear(HintSent(1, 0, 100, "made up"))
    screen.at(300, LIVE)
    assert terminal.getvalue().endswith(f"{CLEAR}listening | 1:05 captured, 1:01 stored | made up")
    screen.hear(entry(0, "Made up."))
    assert terminal.getvalue().endswith(f"{CLEAR}{CLEAR}listening | 1:05 captured, 1:01 stored")
    screen.words.close()
    assert terminal.getvalue().endswith(CLEAR)
    assert screen.out.getvalue() == " 0:00  Made up.\n"


def test_without_a_terminal_there_is_no_live_line() -> None:
    screen = Screen()
    screen.at(100, LIVE)
    screen.hear(HintSent(1, 0, 100, "made up"))
    screen.at(300, LIVE)
    screen.words.close()
    assert (screen.out.getvalue(), screen.err.getvalue()) == ("", "")


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.WAITING, "not connected, keeping everything"),
        (Phase.LIVE, "listening"),
        (Phase.FINISHING, "finishing"),
        (Phase.FINISHED, "finished; waiting for the polished note"),
    ],
)
def test_the_live_line_says_what_is_going_on(phase: Phase, said: str) -> None:
    assert live_line(replace(LIVE, phase=phase), "") == f"{said} | 1:05 captured, 1:01 stored"


def test_of_a_long_line_the_newest_words_are_kept() -> None:
    assert fitted("short", 10) == "short"
    assert fitted("one two three four", 10) == "…hree four"
    assert fitted("一二三四五六", 5).strip() == "…五六"
    assert fitted("a\nb\x1b", 10) == "a b "


def test_an_output_that_cannot_be_written_is_said_once_and_ends_nothing() -> None:
    screen = Screen(out=Full())
    screen.hear(entry(0, "one"), entry(1, "two"))
    assert not screen.words.is_output_lost
    screen.hear(entry(2, "three"), entry(3, "four"))
    assert screen.words.is_output_lost
    assert screen.err.getvalue() == (
        "cannot write the output (No space left on device); the dictation goes on, and is stored all the same\n"
    )
    assert "four" not in screen.out.getvalue()


def test_a_person_who_cannot_be_told_ends_nothing() -> None:
    screen = Screen(err=Full())
    for _ in range(4):
        screen.words.say("one")


def test_json_lines_carry_everything_but_credentials() -> None:
    out = io.StringIO()
    lines = JsonLines(out, io.StringIO(), now_ms=0)
    lines.heard(Ticket("hush", 900_000))
    lines.heard(Ping(4))
    lines.heard(entry(0, "one"))
    lines.write({"type": "summary"})
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"type": "ticket", "expires_in_ms": 900_000},
        {"type": "ping", "echo": 4},
        {
            "type": "entry",
            "index": 0,
            "take": 1,
            "start": 0,
            "until": 4_000,
            "text": "one",
            "utterance_end": False,
        },
        {"type": "summary"},
    ]
