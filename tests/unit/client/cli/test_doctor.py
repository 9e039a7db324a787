"""`steno doctor`: one line a check, and a code that says whether anything fails."""

import re
from pathlib import Path

import pytest

from client.cli.main import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("STENO_ENGINES", "scripted")
    monkeypatch.setenv("STENO_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("STENO_HOST", "::1")  # where nothing of this machine's usually listens


def test_a_fit_machine(tmp_path: Path, capsys: Captured) -> None:
    assert run(["doctor", "--data-dir", str(tmp_path / "data")]) == 0
    told = capsys.readouterr()
    assert told.err == "this machine is fit; next: steno up\n"
    abouts = [line[5:22].strip() for line in told.out.splitlines()]
    assert abouts == [
        "Python",
        "packages",
        "audio formats",
        "data directory",
        "disk space",
        "key file",
        "ticket key",
        "port",
        "speech weights",
        "Chromium",
        "Node.js",
        "Java",
        "Google Cloud SDK",
    ]
    assert "FAIL" not in told.out
    assert not (tmp_path / "data").exists()


def test_what_must_be_put_right_is_said_and_exit_1(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "data").touch()
    assert run(["doctor", "--data-dir", str(tmp_path / "data")]) == 1
    told = capsys.readouterr()
    assert told.err.startswith("1 of these must be put right before `steno up` works")
    failing = [line for line in told.out.splitlines() if line.startswith("FAIL")]
    assert failing == [
        f"FAIL data directory    {tmp_path / 'data'} cannot be written; make it yours, or choose another with"
        " --data-dir"
    ]


def test_wrong_settings_are_one_of_the_lines(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STENO_ENGINE", "scripted")
    assert run(["doctor", "--data-dir", str(tmp_path / "data")]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("FAIL settings")
    assert "did you mean STENO_ENGINES?" in last


def test_what_the_emulators_need_is_looked_at_where_they_are_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert run(["doctor", "--backend", "emulators", "--data-dir", str(tmp_path / "data")]) == 1
    told = capsys.readouterr().out
    assert re.search(r"^FAIL +emulators +Java is missing", told, re.M)
    assert re.search(r"^ok +Google's packages +all installed", told, re.M)
