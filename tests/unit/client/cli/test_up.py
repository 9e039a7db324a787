"""`steno up` on a machine that lacks something: one line, exit 2, and nothing is started."""

import socket
from pathlib import Path

import pytest

from client.cli.main import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("STENO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("STENO_ENGINES", "scripted")


def refused(capsys: Captured, *options: str) -> str:
    assert run(["up", *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("steno: ")
    assert told.err.count("\n") == 1
    return told.err


def test_no_speech_model(capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STENO_MODEL_DIR", str(tmp_path / "model"))
    sentence = refused(capsys, "--engine", "local")
    assert f"there is no speech model in {tmp_path / 'model'}; fetch it with: make setup" in sentence


def test_a_port_that_is_taken(capsys: Captured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1 is taken" in refused(capsys, "--port", port)


def test_a_port_that_is_none(capsys: Captured) -> None:
    for port in ("0", "-1", "70000"):
        assert f"--port is {port}; choose 1 to 65535" in refused(capsys, "--port", port)


def test_no_instances(capsys: Captured) -> None:
    assert "--instances is 0; choose 1 to 16" in refused(capsys, "--instances", "0")


def test_a_data_directory_without_a_name_is_not_the_one_one_is_in(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "--data-dir (STENO_DATA_DIR) is '': name a place" in refused(capsys, "--data-dir", "")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_key(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "steno.db").touch()
    assert "is missing, and without it the sessions" in refused(capsys)


def test_a_key_that_others_may_read(capsys: Captured, tmp_path: Path) -> None:
    key = tmp_path / "config" / "steno" / "key-encryption.json"
    key.parent.mkdir(parents=True)
    key.touch(mode=0o644)
    key.chmod(0o644)
    assert f"others may read the key file {key}; run: chmod 600 {key}" in refused(capsys)


def test_a_data_directory_that_is_a_file(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "cannot use the data directory" in refused(capsys)


def test_more_ports_than_instances(capsys: Captured) -> None:
    options = ("--port", "8001", "--port", "8002", "--instances", "1")
    assert "2 ports are given for 1 instances" in refused(capsys, *options)


def test_a_setting_that_is_misspelt(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STENO_DATADIR", "x")
    assert "did you mean STENO_DATA_DIR?" in refused(capsys)
