"""The command line as a person has it: `steno` in processes of its own, with a machine of its own to run on."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

CELL_SAMPLES: Final = 4_000
START_S_MAX: Final = 60
RUN_S_MAX: Final = 40
STOP_S_MAX: Final = 11

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Machine:
    """A home directory: what is configured and stored on it is gone with the test."""

    home: Path

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STENO_")}
        # Wide enough for a sentence to stay on its line.
        own = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"), "TMPDIR": str(self.home)}
        return {**inherited, **own, "COLUMNS": "200"}

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "client.cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environment, **(environment or {})},
        )

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> "Done":
        process = self.start(*arguments, environment=environment)
        try:
            out, err = process.communicate(timeout=RUN_S_MAX)
        finally:
            process.kill()
        return Done(process.returncode, out, err)


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Json]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> Json:
        return self.lines[-1]


@dataclass(slots=True)
class Up:
    """A running `steno up`: its lines as they came, and the ingest process that each port has now."""

    machine: Machine
    process: "subprocess.Popen[str]"
    ports: Sequence[int]
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def urls(self) -> list[str]:
        return [word for port in self.ports for word in ("--url", f"ws://127.0.0.1:{port}")]

    def pids(self, port: int) -> list[int]:
        """Of the processes started on a port so far, the latest last."""
        found = re.findall(rf"ingest pid=(\d+) url=http://127.0.0.1:{port}$", "\n".join(self.lines), re.M)
        return [int(pid) for pid in found]

    def wait_for(self, pattern: str) -> None:
        with self._changed:
            seen = self._changed.wait_for(
                lambda: (
                    any(re.match(pattern, line) for line in self.lines) or self.process.poll() is not None
                ),
                START_S_MAX,
            )
        assert seen, f"nothing like {pattern!r} in {self.lines}"
        assert self.process.poll() is None, "".join(self.errors)

    def wait_for_pid(self, port: int, after: int) -> None:
        """Until another process than `after` was started on the port."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.pids(port)[-1] != after, START_S_MAX)

    def wait_for_error(self, words: str, times: int = 1) -> None:
        """Until that many lines of the log have these words."""
        with self._changed:
            seen = self._changed.wait_for(
                lambda: sum(words in line for line in self.errors) >= times, START_S_MAX
            )
        assert seen, f"nothing like {words!r} in the log"

    def read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()


@contextmanager
def steno_up(machine: Machine, instances: int, *more: str) -> Iterator[Up]:
    ports = free_ports(instances)
    options = [word for port in ports for word in ("--port", str(port))]
    process = machine.start(
        "up", "--engine", "scripted", "--data-dir", str(machine.data_dir), *options, *more
    )
    up = Up(machine, process, ports)
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=up.read, args=(process.stdout, up.lines)),
        threading.Thread(target=up.read, args=(process.stderr, up.errors)),
    ]
    for reader in readers:
        reader.start()
    try:
        up.wait_for("ready ")
        yield up
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S_MAX) == 0
    finally:
        process.kill()
        process.wait()
        for reader in readers:
            reader.join()
        process.stdout.close()
        process.stderr.close()


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def scripted_words(pcm: bytes) -> str:
    """What the scripted engine hears in a whole take."""
    size = 2 * CELL_SAMPLES
    cells = (pcm[at : at + size] for at in range(0, len(pcm), size))
    return " ".join(f"{number}:{hashlib.sha256(cell).hexdigest()[:8]}" for number, cell in enumerate(cells))
