"""`steno stream`: its options, what it prints for people and for programs, and the code it ends with."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from starlette.responses import Response

from client.cli.main import run
from tests.unit.client.cli.service import (
    Service,
    Speech,
    hear_a_gap,
    hear_letters,
    hear_words,
    refuse,
    serving,
    take_over,
)
from tests.unit.client.doubles import SESSION
from tests.unit.client.recordings import write_wav

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "note.wav", 1)


def streamed(service: Service, recording: Path, *options: str) -> int:
    return run(["stream", str(recording), "--url", service.url, "--session", SESSION, *options])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--session", "mine"], "a session's id is a UUID"),
        (["--url", "127.0.0.1:8000"], "is no address of a server; write it like ws://127.0.0.1:8000"),
        (["--speed", "0"], "--speed is a number from 0.01 up"),
        (["--speed", "nan"], "--speed is a number from 0.01 up"),
        (["--speed", "inf"], "--speed is a number from 0.01 up"),
        (["--cut-every", "-1"], "--cut-every is a number from 0.1 up"),
        (["--give-up-after", "-1"], "--give-up-after is a number from 0 up"),
        (["--speed", "quick"], "Invalid value for '--speed'"),
        (["--label", "x" * 201], "--label has 200 characters at most"),
        (["--label", "Roe\udcff"], "--label is not text in UTF-8"),
        (["--label", "Roe\tJane"], "--label is one line without tabs"),
        (["--label", "Roe\nJane"], "--label is one line without tabs"),
        (["--label", "Roe\x9b"], "--label is one line without tabs"),
        (["--loud"], "No such option: --loud"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_2(
    recording: Path, capsys: Captured, options: list[str], sentence: str
) -> None:
    assert run(["stream", str(recording), *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("steno: ")
    assert sentence in told.err
    assert told.err.count("\n") == 1


def test_no_file_is_one_line_and_exit_2(capsys: Captured) -> None:
    assert run(["stream"]) == 2
    assert "Missing argument 'FILE'" in capsys.readouterr().err


def test_a_bad_file_is_one_line_and_exit_2(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "note.wav").write_text("no audio")
    assert run(["stream", str(tmp_path / "note.wav")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "is no audio that can be read" in told.err
    assert told.err.count("\n") == 1


def test_json_is_every_message_and_the_summary_last(recording: Path, capsys: Captured) -> None:
    with serving(hear_words) as service:
        assert streamed(service, recording, "--json") == 0
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert told.err == ""
    kinds = [line["type"] for line in lines]
    assert kinds[:4] == ["welcome", "ticket", "entry", "entry"]
    assert kinds[-3:] == ["finished", "bye", "summary"]
    assert lines[1] == {"type": "ticket", "expires_in_ms": 900_000}
    assert {name: lines[2][name] for name in ("take", "start", "until", "text")} == {
        "take": 1,
        "start": 0,
        "until": 8_000,
        "text": "made up",
    }
    assert lines[-1] == {
        "type": "summary",
        "session": SESSION,
        "audio_samples": 16_000,
        "covered_samples": 16_000,
        "gaps": [],
        "entries": 2,
        "text": "made up words",
        "polished_text": "",
        "reconnects": 0,
        "draft_state": None,
    }


def test_words_for_people_on_stdout_and_all_else_on_stderr(recording: Path, capsys: Captured) -> None:
    with serving(hear_words) as service:
        assert streamed(service, recording) == 0
    told = capsys.readouterr()
    assert told.out == " 0:00  made up\n 0:00  words\n"
    assert told.err.splitlines() == [
        f"session {SESSION}, 0:01 of audio",
        "finished: 0:01 of 0:01 stored, no gaps, 0 reconnect(s)",
        f"the note: steno sessions export {SESSION} --url {service.url}",
    ]


def test_gaps_are_shown_where_they_happened_and_exit_3(recording: Path, capsys: Captured) -> None:
    with serving(hear_a_gap) as service:
        assert streamed(service, recording) == 3
    told = capsys.readouterr()
    assert told.out == " 0:00  made up\n[gap 0:00-0:01: unrecognised]\n"
    assert "1 gap(s)" in told.err


def test_a_refusal_is_said_and_exit_4(recording: Path, capsys: Captured) -> None:
    with serving(refuse) as service:
        assert streamed(service, recording, "--json") == 4
    told = capsys.readouterr()
    assert told.err == ("steno: refused (4403): this session belongs to somebody else; 0:00 of 0:01 stored\n")
    assert json.loads(told.out.splitlines()[-1])["type"] == "summary"


def test_a_session_that_somebody_took_is_taken_back_by_a_command_and_no_button(
    recording: Path, capsys: Captured
) -> None:
    with serving(take_over) as service:
        assert streamed(service, recording) == 4
    assert capsys.readouterr().err.splitlines()[1:] == [
        "steno: refused (4409): another recorder has this session; 0:00 of 0:01 stored",
        "to record on here instead, which takes the session over: "
        f"steno stream {recording} --session {SESSION} --url {service.url}",
    ]


def test_without_a_session_each_run_is_a_new_one(recording: Path, capsys: Captured) -> None:
    with serving(hear_words) as service:
        for _ in range(2):
            assert run(["stream", str(recording), "--url", service.url, "--json"]) == 0
    summaries = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"summary"' in line]
    sessions = {summary["session"] for summary in summaries}
    assert len(sessions) == 2
    assert all(str(uuid.UUID(session)) == session for session in sessions)


@pytest.mark.parametrize("speech", [hear_words, hear_a_gap, refuse])
def test_a_label_is_put_and_never_shown(recording: Path, capsys: Captured, speech: Speech) -> None:
    with serving(speech) as service:
        streamed(service, recording, "--label", "Jane Roe, made up")
        labels = [body for line, body in service.requests if line.startswith("PUT")]
    assert labels == ([] if speech is refuse else [b'{"label":"Jane Roe, made up"}'])
    told = capsys.readouterr()
    assert "Jane" not in told.out + told.err


def test_a_refused_label_is_said_to_people_and_programs(recording: Path, capsys: Captured) -> None:
    with serving(hear_words) as service:
        service.answers[f"PUT /v1/sessions/{SESSION}/label"] = Response('{"message": "too odd"}', 400)
        assert streamed(service, recording, "--label", "Jane Roe, made up", "--json") == 0
    told = capsys.readouterr()
    assert told.err == "the label was not taken: too odd\n"
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert {"type": "trouble", "text": "the label was not taken: too odd"} in lines
    assert lines[-1]["type"] == "summary"


def test_giving_up_says_how_to_go_on_and_exit_5(recording: Path, capsys: Captured) -> None:
    with serving() as service:
        pass
    assert streamed(service, recording, "--give-up-after", "0.2") == 5
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[-1] == (
        "steno: gave up; 0:00 of 0:01 stored. What is stored is safe; go on with: "
        f"steno stream {recording} --session {SESSION} --url {service.url}"
    )


def test_letters_that_a_terminal_lacks_end_nothing(recording: Path) -> None:
    with serving(hear_letters) as service:
        done = subprocess.run(
            [sys.executable, "-m", "client.cli.main", "stream", str(recording), "--url", service.url],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=30,
        )
    assert (done.returncode, done.stdout) == (0, b" 0:00  M?ni?re\n")


def test_help_teaches(capsys: Captured) -> None:
    assert run(["stream", "--help"]) == 0
    told = capsys.readouterr().out
    for word in ("--cut-every", "Examples", "Exit codes", "Ctrl-C"):
        assert word in told
