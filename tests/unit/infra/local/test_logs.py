"""Log lines of several children, whole, named and bounded."""

import io
import threading

from infra.local.logs import LINE_BYTES_MAX, LogLines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Paused(io.StringIO):
    """A terminal on which somebody has pressed Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.resumed = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.resumed.wait(30)
        return super().write(text)


def test_lines_are_whole_however_they_arrive() -> None:
    out = io.StringIO()
    lines = LogLines(out)
    lines.feed("ingest-1", b"one\ntw")
    lines.feed("polish", b"other\n")
    lines.feed("ingest-1", "o é".encode()[:-1])
    lines.feed("ingest-1", "é".encode()[1:] + b"\nrest")
    lines.ended("ingest-1")
    lines.ended("ingest-1")
    lines.close()
    assert out.getvalue().splitlines() == [
        "ingest-1 | one",
        "polish | other",
        "ingest-1 | two é",
        "ingest-1 | rest",
    ]


def test_a_line_without_end_is_cut() -> None:
    out = io.StringIO()
    lines = LogLines(out)
    for _ in range(3):
        lines.feed("polish", b"x" * LINE_BYTES_MAX)
    lines.close()
    assert out.getvalue().startswith("polish | xxx")
    assert len(lines._parts["polish"]) <= LINE_BYTES_MAX


def test_names_have_colours_on_a_terminal_only() -> None:
    out = Terminal()
    lines = LogLines(out)
    lines.say("polish", "a")
    lines.say("autosave", "b")
    lines.close()
    first, second = out.getvalue().splitlines()
    assert first.startswith("\x1b[36mpolish")
    assert second.startswith("\x1b[33mautosave")


def test_when_nobody_reads_lines_are_dropped_and_counted_and_no_child_waits() -> None:
    out = Paused()
    lines = LogLines(out, lines_max=4)
    lines.say("polish", "first")
    assert out.reached.wait(30)
    for number in range(10):
        lines.say("polish", str(number))
    out.resumed.set()
    while not lines._lines.empty():
        pass
    lines.say("polish", "last")
    lines.close()
    said = out.getvalue().splitlines()
    assert said[:5] == ["polish | first", "polish | 0", "polish | 1", "polish | 2", "polish | 3"]
    assert said[5:] == ["(6 log lines were dropped: nobody read them)", "polish | last"]


def test_a_closed_stderr_stops_nothing() -> None:
    out = io.StringIO()
    lines = LogLines(out)
    out.close()
    lines.say("polish", "into the void")
    lines.close()
    assert not lines._thread.is_alive()
