"""`steno stream` where the file breaks off or changes under it, or nobody can read what it prints."""

import json
import os
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.websockets import WebSocket

from client.cli.main import run
from client.cli.terminal import output
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND
from tests.unit.client.cli.service import Service, Speech, hear_a_gap, hear_words, serving, store_all
from tests.unit.client.doubles import SESSION, entry

Captured = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


def write_silence(path: Path, seconds: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(SAMPLES_PER_SECOND)
        file.writeframes(bytes(BYTES_PER_SAMPLE) * seconds * SAMPLES_PER_SECOND)
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_silence(tmp_path / "note.wav", 60)


def truncate(recording: Path) -> None:
    """As a copy that is begun anew."""
    os.truncate(recording, 20_000)


def rewrite(recording: Path) -> None:
    """In place, and never shorter."""
    with recording.open("r+b") as file:
        file.seek(44)
        file.write(b"\1\0" * 60 * SAMPLES_PER_SECOND)


def breaking(recording: Path, how: Callable[[Path], None]) -> Speech:
    """By the time of the first word the file is another."""

    async def hear(websocket: WebSocket) -> None:
        how(recording)
        await store_all(websocket, entry(0, "made up"))

    return hear


def streamed(service: Service, recording: Path, *options: str) -> int:
    return run(
        ["stream", str(recording), "--url", service.url, "--session", SESSION, "--speed", "5", *options]
    )


@pytest.mark.parametrize(
    ("how", "why"), [(truncate, "ends too early"), (rewrite, "changed while it was streamed")]
)
def test_a_file_that_breaks_under_the_run_is_said_with_what_is_stored_and_how_to_go_on(
    recording: Path, capsys: Captured, how: Callable[[Path], None], why: str
) -> None:
    with serving(breaking(recording, how)) as service:
        assert streamed(service, recording) == 2
    first, said, *end = capsys.readouterr().err.splitlines()
    assert first == f"session {SESSION}, 1:00 of audio"
    assert why in said
    assert said.endswith("; what was captured before is being finished")
    assert end[0].startswith("steno: the file was not read to its end; 0:0")
    assert "of 1:00 stored, no gaps, 0 reconnect(s). What is stored is safe" in end[0]
    options = f"--session {SESSION} --url {service.url}"
    assert end[1:] == [
        f"the note: steno sessions export {SESSION} --url {service.url}",
        f"the rest, once the file is again as it was: steno stream {recording} {options}",
        "as it is now it is another recording: stream it without --session, into a session of its own",
    ]


@pytest.mark.parametrize("how", [truncate, rewrite])
def test_for_programs_the_summary_is_the_last_line_all_the_same(
    recording: Path, capsys: Captured, how: Callable[[Path], None]
) -> None:
    with serving(breaking(recording, how)) as service:
        assert streamed(service, recording, "--json") == 2
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert sum(line["type"] == "trouble" for line in lines) == 1
    summary = lines[-1]
    assert summary["type"] == "summary"
    assert 0 < summary["covered_samples"] == summary["audio_samples"] < 60 * SAMPLES_PER_SECOND
    assert "What is stored is safe" in told.err


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("speech", "code"), [(hear_words, 6), (hear_a_gap, 3)])
def test_an_output_that_cannot_be_written_costs_nothing_of_the_dictation(
    recording: Path, speech: Speech, code: int, options: list[str], capsys: Captured, monkeypatch: Patch
) -> None:
    with open("/dev/full", "w") as full, serving(speech) as service:
        monkeypatch.setattr(sys, "stdout", output(full))
        line = ["stream", str(recording), "--url", service.url, "--session", SESSION, *options]
        assert run(line) == code
    told = capsys.readouterr().err
    assert told.count("cannot write the output (No space left on device); the dictation goes on") == 1
    assert "finished: 1:00 of 1:00 stored" in told
    assert f"the note: steno sessions export {SESSION}" in told
