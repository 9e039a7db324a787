"""The whole system on Google's emulators while parts of it are killed: what was said is polished and saved all the same."""

import json
import os
import select
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from client.audio import pcm_blocks
from tests.doubles.emulators import tools
from tests.faults.cloud import Cloud, rehearsal
from tests.faults.command import STOP_S_MAX, Machine, free_ports, scripted_words
from tests.faults.test_emulators import check_draft_consistent, check_each_utterance_once
from tests.unit.client.recordings import write_wav

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with rehearsal(Machine(tmp_path_factory.mktemp("machine")), instances=1) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    lines: list[dict[str, Any]]
    err: str
    took_s: float


def streamed(cloud: Cloud, recording: Path, session: str, at_entry: int, do: Callable[[], None]) -> Ended:
    """Streams at twice the pace of speech, and does something once, when an entry is there."""
    streaming = cloud.machine.start(
        "stream",
        str(recording),
        *cloud.up.urls,
        *("--session", session, "--speed", "2", "--give-up-after", "30", "--json"),
    )
    assert streaming.stdout is not None
    lines: list[dict[str, Any]] = []
    done = False
    began_s = time.monotonic()
    for line in streaming.stdout:
        lines.append(json.loads(line))
        if not done and lines[-1]["type"] == "entry" and lines[-1]["index"] >= at_entry:
            done = True
            do()
    _, err = streaming.communicate(timeout=60)
    return Ended(streaming.returncode, lines, err, time.monotonic() - began_s)


def kill(cloud: Cloud, *children: str) -> None:
    for child in children:
        os.kill(cloud.pid(child), signal.SIGKILL)


@pytest.mark.parametrize("killed", [("polish", "autosave"), ("pubsub",)], ids=["functions", "pubsub"])
def test_it_is_polished_and_saved_once_whatever_died_meanwhile(
    cloud: Cloud, killed: tuple[str, ...], tmp_path: Path
) -> None:
    recording, session = write_wav(tmp_path / "a.wav", 8), str(uuid.uuid4())
    ended = streamed(cloud, recording, session, 8, lambda: kill(cloud, *killed))
    summary = ended.lines[-1]
    assert ended.code == 0, ended.err
    words = scripted_words(b"".join(pcm_blocks(recording)))
    assert (summary["text"], summary["gaps"]) == (words, [])
    assert (summary["polished_text"].split(), summary["draft_state"]) == (words.split(), "saved")
    polished, parts = cloud.note(session)
    check_each_utterance_once(polished, summary["entries"])
    check_draft_consistent(parts, summary["entries"], len(polished))


def test_a_firestore_that_lost_everything_ends_the_session_clearly(cloud: Cloud, tmp_path: Path) -> None:
    recording, session = write_wav(tmp_path / "a.wav", 8), str(uuid.uuid4())
    ended = streamed(cloud, recording, session, 8, lambda: kill(cloud, "firestore"))
    assert ended.code == 4
    assert "refused (4410)" in ended.err
    assert ended.took_s < 20
    # What is dictated next is kept as ever.
    other = str(uuid.uuid4())
    after = cloud.machine.run("stream", str(recording), *cloud.up.urls, "--session", other, "--json")
    assert after.code == 0, after.err
    assert after.summary["text"] == scripted_words(b"".join(pcm_blocks(recording)))
    polished, parts = cloud.note(other)
    check_each_utterance_once(polished, after.summary["entries"])
    check_draft_consistent(parts, after.summary["entries"], len(polished))


def test_nothing_runs_on_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    tools()
    (port,) = free_ports(1)
    supervisor = Machine(tmp_path).start(
        *("up", "--backend", "emulators", "--engine", "scripted", "--port", str(port)),
        *("--data-dir", str(tmp_path / "data")),
    )
    try:
        assert supervisor.stdout is not None
        assert any(line.startswith("ready ") for line in iter(supervisor.stdout.readline, ""))
        below = {pid: os.pidfd_open(pid) for pid in descendants(supervisor.pid)}
        # Of the seven processes, two have a Java below them, one fake-gcs-server, and two a worker.
        assert len(below) >= 12
    finally:
        supervisor.kill()
        supervisor.communicate()
    for pid, descriptor in below.items():
        readable, _, _ = select.select([descriptor], [], [], 20)
        os.close(descriptor)
        assert readable, f"process {pid} runs on"


def descendants(pid: int) -> list[int]:
    found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(below for child in found for below in descendants(child))]


# The last: nothing runs afterwards.
def test_told_to_stop_it_lets_ingest_store_its_last_words_before_the_emulators_end(
    cloud: Cloud, tmp_path: Path
) -> None:
    recording = write_wav(tmp_path / "a.wav", 20)
    streaming = cloud.machine.start(
        "stream", str(recording), *cloud.up.urls, "--speed", "2", "--give-up-after", "1", "--json"
    )
    assert streaming.stdout is not None
    for line in streaming.stdout:
        if json.loads(line).get("index") == 4:
            cloud.up.process.send_signal(signal.SIGTERM)
            break
    assert cloud.up.process.wait(STOP_S_MAX) == 0
    out, err = streaming.communicate(timeout=30)
    assert streaming.returncode == 5, err
    said = [json.loads(line) for line in out.splitlines()]
    assert [line["code"] for line in said if line["type"] == "bye"] == [4512]
    log = "\n".join(cloud.up.errors)
    assert "did not stop in time" not in log
    assert '"level": "error"' not in log
