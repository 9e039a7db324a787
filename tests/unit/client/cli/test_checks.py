"""What `steno doctor` looks at, on machines that lack one thing each."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from client.cli import checks
from client.cli.checks import Verdict
from infra.local.lock import only_supervisor
from shared.checksums import digest, write_sums
from shared.config import Config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        data_dir=tmp_path / "data",
        key_file=tmp_path / "config" / "key-encryption.json",
        ticket_key_file=tmp_path / "config" / "ticket.key",
        model_dir=tmp_path / "model",
        engines=("scripted",),
    )


def made(path: Path, content: str = "x", mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def test_this_machine_can_run_the_tests() -> None:
    assert checks.python().verdict is Verdict.OK
    assert checks.packages().verdict is Verdict.OK
    assert checks.ffmpeg().verdict is Verdict.OK
    assert "pcm_s16le" in checks.ffmpeg().told


def test_weights_are_checked_file_by_file(config: Config) -> None:
    file = made(config.model_dir / "model.bin", "weights")
    write_sums(config.model_dir, {"model.bin": digest(file)})
    assert checks.weights(config).verdict is Verdict.OK
    file.write_text("other weights")
    assert "model.bin is missing or not what it should be; run: make setup" in checks.weights(config).told


@pytest.mark.parametrize(
    ("engines", "verdict"), [(("local",), Verdict.FAIL), (("scripted",), Verdict.ABSENT)]
)
def test_missing_weights_matter_only_to_the_local_engine(
    config: Config, engines: tuple[str, ...], verdict: Verdict
) -> None:
    assert checks.weights(config.model_copy(update={"engines": engines})).verdict is verdict


def test_a_data_directory_that_is_not_there_yet_is_fine_and_stays_away(config: Config) -> None:
    found = checks.data_dir(config)
    assert (found.verdict, "made at the first start" in found.told) == (Verdict.OK, True)
    assert checks.disk(config).verdict is not Verdict.FAIL
    assert not config.data_dir.exists()


def test_a_data_directory_that_is_a_file_fails(config: Config) -> None:
    made(config.data_dir)
    assert checks.data_dir(config).verdict is Verdict.FAIL


def test_keys_that_are_not_there_yet_are_made_at_the_first_start(config: Config) -> None:
    for check in (checks.key_file, checks.ticket_key_file):
        found = check(config)
        assert (found.verdict, "made at the first start" in found.told) == (Verdict.OK, True)


def test_the_key_that_opens_everything_is_to_be_kept_twice(config: Config) -> None:
    made(config.key_file)
    assert "keep a copy elsewhere" in checks.key_file(config).told
    assert "keep a copy" not in checks.ticket_key_file(config).told


def test_data_without_its_key_fails(config: Config) -> None:
    made(config.database)
    found = checks.key_file(config)
    assert found.verdict is Verdict.FAIL
    assert "restore it from your backup" in found.told


@pytest.mark.parametrize(
    ("check", "field"), [(checks.key_file, "key_file"), (checks.ticket_key_file, "ticket_key_file")]
)
def test_keys_that_others_may_read_fail(
    config: Config, check: Callable[[Config], checks.Finding], field: str
) -> None:
    path = made(getattr(config, field), mode=0o600)
    assert check(config).verdict is Verdict.OK
    path.chmod(0o640)
    found = check(config)
    assert (found.verdict, found.told) == (
        Verdict.FAIL,
        f"others may read {path}; run: chmod 600 {path}",
    )


def test_a_key_that_is_no_file_fails(config: Config) -> None:
    config.key_file.mkdir(parents=True)
    assert checks.key_file(config).told.endswith("is not a file; restore it from your backup")


def test_a_key_that_cannot_be_looked_at_fails(config: Config) -> None:
    made(config.key_file.parent)
    found = checks.key_file(config.model_copy(update={"key_file": config.key_file.parent / "key"}))
    assert found.verdict is Verdict.FAIL
    assert "cannot look at" in found.told


def test_a_port_that_is_taken_fails_unless_steno_itself_has_it(config: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = config.model_copy(update={"port": taken.getsockname()[1]})
        found = checks.port(config)
        assert (found.verdict, "choose another with --port" in found.told) == (Verdict.FAIL, True)
        with only_supervisor(config.data_dir):
            found = checks.port(config)
            assert (found.verdict, f"(process {os.getpid()})" in found.told) == (Verdict.OK, True)
        assert checks.port(config).verdict is Verdict.FAIL
    assert checks.port(config).verdict is Verdict.OK


def test_what_is_optional_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert {finding.verdict for finding in checks.optional()} == {Verdict.ABSENT}
    assert all("needed only for" in finding.told for finding in checks.optional())
