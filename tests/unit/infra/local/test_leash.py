"""A program on the leash ends when told, when left alone, and never outlives whoever started it."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.leash import NOT_FOUND_EXIT

ROOT = Path(__file__).parents[4]
ENDS_WITHIN_S = 20
OBEDIENT = "echo $$; exec sleep 60"
STUBBORN = "trap '' TERM; echo $$; exec sleep 60"

Running = subprocess.Popen[bytes]


@contextmanager
def leashed(*command: str) -> Iterator[Running]:
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local.leash", *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def first_line(running: Running) -> int:
    """The id of the program's process, which it says first."""
    assert running.stdout is not None
    return int(running.stdout.readline())


def assert_gone(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, _, _ = select.select([descriptor], [], [], ENDS_WITHIN_S)
    os.close(descriptor)
    assert ended


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_its_end_is_the_programs(script: str, code: int) -> None:
    with leashed("sh", "-c", script) as running:
        assert running.wait(ENDS_WITHIN_S) == code


def test_a_program_that_is_not_there_is_said() -> None:
    with leashed("/no/such/program") as running:
        assert running.wait(ENDS_WITHIN_S) == NOT_FOUND_EXIT
        assert running.stderr is not None
        assert b"cannot run /no/such/program" in running.stderr.read()


@pytest.mark.parametrize("script", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
def test_a_signal_ends_both(script: str) -> None:
    with leashed("sh", "-c", script) as running:
        pid = first_line(running)
        running.send_signal(signal.SIGTERM)
        assert running.wait(ENDS_WITHIN_S) in (143, 137)
        assert_gone(pid)


@pytest.mark.parametrize("script", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
def test_the_starters_end_is_the_programs(script: str) -> None:
    with leashed("sh", "-c", script) as running:
        pid = first_line(running)
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(ENDS_WITHIN_S) == 137
        assert_gone(pid)
