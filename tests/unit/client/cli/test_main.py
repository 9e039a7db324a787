"""The command as a whole: what goes wrong is one line and an exit code, never a trace."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
import typer

from client.cli.main import run
from shared.errors import NotFound, Retry, SetupError

Captured = pytest.CaptureFixture[str]


STENO = [sys.executable, "-m", "client.cli.main"]


def started(arguments: list[str], stdout: IO[bytes]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*STENO, *arguments], stdout=stdout, stderr=subprocess.PIPE, timeout=30)


def failing(error: BaseException) -> typer.Typer:
    commands = typer.Typer()

    @commands.command()
    def fail() -> None:
        raise error

    return commands


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SetupError("the sky is\nmissing; put it back"), 2, "steno: the sky is missing; put it back\n"),
        (NotFound("there is no such session"), 4, "steno: there is no such session\n"),
        (Retry("the store does not answer"), 5, "steno: the store does not answer\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Abort(), 130, ""),
        (typer.Exit(3), 3, ""),
    ],
)
def test_each_kind_of_error_has_its_line_and_code(
    capsys: Captured, error: BaseException, code: int, line: str
) -> None:
    assert run([], failing(error)) == code
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", line)


def test_an_own_mistake_says_where_and_never_what(capsys: Captured) -> None:
    assert run([], failing(ValueError("words of a patient"))) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("steno: this is a fault of Steno's (ValueError at ")
    assert "test_main.py:" in told.err
    assert "patient" not in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["doctor"]])
def test_a_full_disk_under_the_output_is_one_line_and_exit_2(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = started(arguments, stdout=full)
    assert (done.returncode, done.stderr) == (
        2,
        b"steno: cannot write the output: No space left on device; make room, or write it elsewhere\n",
    )


def test_an_interrupt_while_everything_is_loaded_prints_no_trace(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    # Who starts the tests in the background may have SIGINT ignored, which children inherit.
    heeding = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", heeding, *STENO]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (-signal.SIGINT, b"")


def test_whoever_stops_reading_hears_no_complaint() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = started(["--help"], stdout=gone)
    assert (done.returncode, done.stderr) == (1, b"")


def test_nobody_to_tell_is_no_fault() -> None:
    with open("/dev/full", "wb") as full:
        # With what Python buffers by itself, wherever the tests run.
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        command = [*STENO, "dance"]
        done = subprocess.run(command, env=buffered, stdout=subprocess.PIPE, stderr=full, timeout=30)
    assert done.returncode == 2


@pytest.mark.parametrize(("closed", "arguments", "code"), [(">&-", "--version", 0), ("2>&-", "dance", 2)])
def test_an_output_that_was_closed_before_is_not_wanted(closed: str, arguments: str, code: int) -> None:
    line = f"{shlex.join(STENO)} {arguments} {closed}"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (code, b"")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dance"], "No such command 'dance'"),
        (["--loud"], "No such option: --loud"),
        (["up", "--port", "many"], "Invalid value for '--port'"),
        (["up", "--engine", "wizard"], "there is no 'wizard'; choose local"),
        (["up", "--backend", "gcp"], "here choose embedded or emulators"),
        (["up", "--host", "0.0.0.0"], "which other machines may reach"),
        (["up", "--provider-url", "deepgram"], "write it as NAME=URL"),
        (["up", "--instances", "99", "--data-dir", "DIR"], "--instances is 99; choose 1 to 16"),
        (["up", "--port", "8001", "--port", "8001", "--data-dir", "DIR"], "the same --port is given twice"),
        (["sessions", "dance"], "No such command 'dance'"),
        (["dead-letters", "list", "--data-dir", "DIR"], "there is no Steno data in"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_2(
    capsys: Captured, tmp_path_factory: pytest.TempPathFactory, arguments: list[str], sentence: str
) -> None:
    directory = str(tmp_path_factory.mktemp("data"))
    assert run([directory if each == "DIR" else each for each in arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("steno: ")
    assert sentence in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("group", [[], ["sessions"], ["dead-letters"]])
def test_a_group_alone_shows_its_help(capsys: Captured, group: list[str]) -> None:
    assert run(group) == 0
    told = capsys.readouterr()
    assert "Usage: steno" in told.out
    assert told.err == ""


@pytest.mark.parametrize("command", ["up", "stream", "doctor", "sessions list", "sessions export"])
def test_every_help_teaches_more_than_options(capsys: Captured, command: str) -> None:
    assert run([*command.split(), "--help"]) == 0
    told = capsys.readouterr().out
    assert f"Usage: steno {command}" in told
    assert "xample" in told or "Exit 0" in told


def test_the_version(capsys: Captured) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("steno ")
