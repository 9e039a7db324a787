"""`steno up` as a child process: started, killed in part, stopped. Every wait is for a line, and is bounded."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

START_SECONDS_MAX: Final = 40
STOP_SECONDS_MAX: Final = 15
STENO: Final = Path(sys.executable).parent / "steno"
_INGEST: Final = re.compile(r"ingest pid=(\d+) url=(\S+)")


class Stack:
    """One machine's Steno on a free port, its data in `folder`."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder = folder
        self._engine = engine
        self._lines: list[str] = []
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STENO_")}
        environment["STENO_KEY_FILE"] = str(self._folder / "key.json")
        environment["STENO_TICKET_KEY_FILE"] = str(self._folder / "ticket.key")
        self._log = (self._folder / "steno.log").open("wb")
        command = [STENO, "up", "--engine", self._engine, "--data-dir", self._folder / "data"]
        self._process = subprocess.Popen(
            [*map(str, command), "--port", str(_free_port())],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait(lambda: any(line.startswith("ready ") for line in self._lines))
        except AssertionError:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        return next(line.removeprefix("ready ") for line in self._lines if line.startswith("ready "))

    def kill_ingest(self) -> None:
        """`kill -9` of the ingest process; the supervisor starts another, which the caller need not wait for."""
        os.kill(int(self._started()[-1]), signal.SIGKILL)

    def wait_for_restart(self, starts: int) -> None:
        """Until ingest was started more often than `starts` times."""
        self._wait(lambda: self.starts > starts)

    @property
    def starts(self) -> int:
        return len(self._started())

    def _started(self) -> list[str]:
        return [found[1] for line in self._lines if (found := _INGEST.match(line))]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._lines.append(line.strip())
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _wait(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        with self._news:
            while not happened():
                left = deadline - time.monotonic()
                is_coming = left > 0 and self._process.poll() is None
                assert is_coming, f"steno up did not come up:\n{self._said()}"
                self._news.wait(min(left, 0.5))

    def _said(self) -> str:
        return (self._folder / "steno.log").read_text(errors="replace")[-4_000:]

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_SECONDS_MAX)
        self._log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
