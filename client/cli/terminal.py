"""What the commands say to people: one clear line on stderr for what went wrong, results on stdout, nothing mixed."""

import io
import sys
from typing import Any, Final, TextIO

import typer
from rich.console import Console

from shared.domain.values import SAMPLES_PER_SECOND
from shared.errors import DictationError, Retry, SetupError

FINISHED_EXIT: Final = 0
FAILED_EXIT: Final = 1
"""Our own mistake, or a check that found something."""
USAGE_EXIT: Final = 2
"""An option, a file, the machine: something that a person puts right first."""
GAPS_EXIT: Final = 3
REFUSED_EXIT: Final = 4
GAVE_UP_EXIT: Final = 5
UNSHOWN_EXIT: Final = 6
"""Finished and stored as with 0, but what should have been written to stdout was not."""
INTERRUPTED_EXIT: Final = 130


def exit_code(error: DictationError) -> int:
    """2 for what a person has to put right first, 5 for what may work later, 4 for what was refused."""
    if isinstance(error, SetupError):
        return USAGE_EXIT
    return GAVE_UP_EXIT if isinstance(error, Retry) else REFUSED_EXIT


def say(line: str) -> None:
    """A line for the person, on stderr. Who cannot be told there cannot be told at all: the exit code is left."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        # What is not written yet would be tried again at exit, and the exit code would be that of the failure.
        sys.stderr = io.StringIO()


def put(line: str) -> None:
    """A line of the result, on stdout, for whoever reads it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class OutputLost(OSError):
    """Stdout cannot be written, as on a full disk or once its reader has gone. Told from failures of other files by name."""


class _Output(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from None


def output(like: TextIO) -> TextIO:
    """The same file as `like`, as a stream that raises OutputLost."""
    raw = _Output(like.fileno(), "wb", closefd=False)
    # A terminal that lacks a letter shows a question mark; it must not end a dictation.
    return io.TextIOWrapper(io.BufferedWriter(raw), like.encoding, "replace", line_buffering=like.isatty())


def forget_output() -> None:
    """What is not written yet cannot be, and trying again at exit would only complain."""
    sys.stdout = io.StringIO()


def console(*, on_stderr: bool = False) -> Console:
    """Plain text stays plain: nothing of what is shown is taken for markup, and no number is coloured."""
    return Console(stderr=on_stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)


def one_line(text: str) -> str:
    return " ".join(text.split())


def printable(text: str) -> str:
    """Text that somebody else wrote, without what would steer the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)


def minutes(samples: int) -> str:
    """A position or length as `m:ss`, or `h:mm:ss`."""
    seconds = samples // SAMPLES_PER_SECOND
    hours, rest = divmod(seconds, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        context.get_help()
