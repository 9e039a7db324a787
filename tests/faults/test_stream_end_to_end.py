"""A recording through the whole system, as the command line runs it: cut, killed, resumed, refused, and exact every time."""

import json
import os
import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client.audio import pcm_blocks
from tests.faults.command import Done, Machine, Up, free_ports, scripted_words, steno_up
from tests.unit.client.recordings import write_wav

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with steno_up(Machine(tmp_path_factory.mktemp("machine")), instances=2) as running:
        yield running


@pytest.fixture
def session() -> str:
    return str(uuid.uuid4())


def words(recording: Path) -> str:
    return scripted_words(b"".join(pcm_blocks(recording)))


def stream(up: Up, recording: Path, session: str, *options: str) -> Done:
    return up.machine.run("stream", str(recording), *up.urls, "--session", session, "--json", *options)


def test_a_connection_cut_after_every_second_loses_and_repeats_nothing(
    up: Up, session: str, tmp_path: Path
) -> None:
    recording = write_wav(tmp_path / "a.wav", 5.3)
    done = stream(up, recording, session, "--cut-every", "1")
    assert done.code == 0, done.err
    summary = done.summary
    assert summary["text"] == words(recording)
    assert summary["polished_text"].split() == words(recording).split()
    assert summary["audio_samples"] == summary["covered_samples"] == 84_800
    assert (summary["gaps"], summary["entries"], summary["draft_state"]) == ([], 22, "saved")
    assert summary["reconnects"] >= 5
    assert {"welcome", "ticket", "entry", "polished", "ack", "finished", "bye"} <= {
        line["type"] for line in done.lines
    }
    assert all("token" not in line for line in done.lines)


def test_the_same_file_resumes_and_another_is_another_take(up: Up, session: str, tmp_path: Path) -> None:
    first, other = write_wav(tmp_path / "a.wav", 2), write_wav(tmp_path / "b.wav", 1.5, rate=48_000)
    once, again = stream(up, first, session), stream(up, first, session)
    assert (once.code, again.code) == (0, 0)
    assert {**once.summary, "reconnects": 0} == {**again.summary, "reconnects": 0}
    assert not any(line["type"] == "hint" for line in again.lines)
    third = stream(up, other, session)
    assert third.code == 0
    assert third.summary["text"] == f"{words(first)} {words(other)}"
    assert third.summary["audio_samples"] == 24_000
    assert {line["take"] for line in third.lines if line["type"] == "entry"} == {1, 2}


def test_killed_servers_lose_nothing(up: Up, session: str, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "a.wav", 6)
    streaming = up.machine.start(
        "stream", str(recording), *up.urls, "--session", session, "--speed", "2", "--json"
    )
    assert streaming.stdout is not None
    lines: list[dict[str, Any]] = []
    killed: list[int] = []
    for line in streaming.stdout:
        lines.append(json.loads(line))
        if not killed and lines[-1]["type"] == "entry" and lines[-1]["index"] >= 6:
            # Whichever it is connected to: both die at once, as with the machine.
            killed = [up.pids(port)[-1] for port in up.ports]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
    _, err = streaming.communicate(timeout=20)
    assert streaming.returncode == 0, err
    assert killed != [up.pids(port)[-1] for port in up.ports]
    assert lines[-1]["text"] == words(recording)
    assert lines[-1]["gaps"] == []
    assert lines[-1]["reconnects"] >= 1


def test_ctrl_c_finishes_what_was_captured(up: Up, session: str, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "a.wav", 60)
    streaming = up.machine.start(
        "stream", str(recording), *up.urls, "--session", session, "--speed", "1", "--json"
    )
    assert streaming.stdout is not None
    for line in streaming.stdout:
        if json.loads(line)["type"] == "entry":
            break
    streaming.send_signal(signal.SIGINT)
    out, err = streaming.communicate(timeout=20)
    summary = json.loads(out.splitlines()[-1])
    assert streaming.returncode == 0, err
    assert "finishing what was captured; Ctrl-C again gives up\n" in err
    assert 0 < summary["audio_samples"] == summary["covered_samples"] < 10 * 16_000
    # Another run delivers the rest into the same take.
    rest = stream(up, recording, session)
    assert rest.code == 0
    assert rest.summary["text"] != ""
    assert rest.summary["covered_samples"] == 60 * 16_000


def test_a_second_run_at_the_same_time_is_refused(up: Up, session: str, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "a.wav", 60)
    first = up.machine.start(
        "stream", str(recording), *up.urls, "--session", session, "--speed", "1", "--json"
    )
    assert first.stdout is not None
    assert json.loads(first.stdout.readline())["type"] == "welcome"
    second = stream(up, recording, session)
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate(timeout=20)
    assert second.code == 4
    assert second.err == (
        "steno: this file is being streamed into this session already; wait for that run, or stop it\n"
    )
    assert (first.returncode, json.loads(out.splitlines()[-1])["type"]) == (5, "summary"), err


def test_a_session_is_listed_named_exported_and_deleted(up: Up, session: str, tmp_path: Path) -> None:
    recording, url = write_wav(tmp_path / "a.wav", 1), up.urls[:2]
    steno = up.machine.run
    assert stream(up, recording, session, "--label", "Jane Roe, made up").code == 0
    listed = steno("sessions", "list", *url)
    row = next(line for line in listed.out.splitlines() if line.startswith(session))
    assert re.split(r"  +", row)[2:] == ["finished", "0:01", "-", "1", "Jane Roe, made up"]
    shown = steno("sessions", "show", session, *url)
    assert '"Jane Roe, made up"' in shown.out
    assert words(recording) in shown.out
    exported = steno("sessions", "export", session, "--output", str(tmp_path / "note.txt"), *url)
    assert exported.code == 0
    assert (tmp_path / "note.txt").read_text().split() == words(recording).split()
    assert (tmp_path / "note.txt").stat().st_mode & 0o777 == 0o600
    assert steno("sessions", "delete", session, "--yes", *url).code == 0
    gone = stream(up, recording, session)
    assert gone.code == 4
    assert "refused (4410): this session was deleted" in gone.err
    assert "Jane" not in "".join(up.errors)


def test_nobody_there_is_said_and_given_up(up: Up, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "a.wav", 1)
    (port,) = free_ports(1)
    done = up.machine.run(
        "stream", str(recording), "--url", f"ws://127.0.0.1:{port}", "--give-up-after", "2", "--json"
    )
    assert done.code == 5
    assert done.summary["covered_samples"] == 0
    trouble, *_, gave_up = done.err.splitlines()
    assert trouble.startswith(f"no connection (no server answers at http://127.0.0.1:{port}")
    assert gave_up.startswith("steno: gave up; 0:00 of 0:01 stored.")


def test_a_second_supervisor_and_a_taken_port_are_one_line_and_exit_2(up: Up, tmp_path: Path) -> None:
    second = up.machine.run("up", "--data-dir", str(up.machine.data_dir))
    assert (second.code, second.out) == (2, "")
    assert second.err.startswith(f"steno: Steno is already running on {up.machine.data_dir} (process ")
    assert second.err.count("\n") == 1
    taken = up.machine.run("up", "--data-dir", str(tmp_path / "other"), "--port", str(up.ports[0]))
    assert (taken.code, taken.out) == (2, "")
    assert taken.err.startswith(f"steno: port {up.ports[0]} of 127.0.0.1 is taken;")
    assert taken.err.count("\n") == 1


def test_dead_letters_are_listed_beside_a_running_service(up: Up) -> None:
    listed = up.machine.run("dead-letters", "list", "--data-dir", str(up.machine.data_dir))
    assert (listed.code, listed.out, listed.err) == (0, "", "there are no dead letters\n")
    replayed = up.machine.run("dead-letters", "replay", "--data-dir", str(up.machine.data_dir))
    assert (replayed.code, replayed.out) == (0, "0 tried again\n")
