"""`steno up` refuses what it cannot run before anything is made."""

from pathlib import Path

import pytest

from infra.local.up import Wanted, run
from shared.config import load_config
from shared.errors import SetupError


def refusal(tmp_path: Path, **chosen: object) -> str:
    config = load_config(data_dir=tmp_path / "data", engines=("scripted",), **chosen)
    announced: list[str] = []
    with pytest.raises(SetupError) as caught:
        run(config, Wanted(), announced.append)
    assert announced == []
    assert not config.data_dir.exists()
    return str(caught.value)


def test_google_cloud_is_not_run_on_this_machine(tmp_path: Path) -> None:
    said = refusal(
        tmp_path,
        backend="gcp",
        project="p",
        bucket="b",
        kms_key="projects/p/locations/l/keyRings/r/cryptoKeys/k",
    )
    assert said == "steno up runs on this machine: --backend is embedded or emulators"


def test_emulators_that_are_missing_are_said_with_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    said = refusal(tmp_path, backend="emulators")
    assert "install version 11 or later" in said
    assert "https://cloud.google.com/sdk/docs/install" in said


def test_emulators_of_somebody_else_are_not_used_by_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STENO_FIRESTORE_EMULATOR", "127.0.0.1:1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "STENO_FIRESTORE_EMULATOR is set" in refusal(tmp_path, backend="emulators")
