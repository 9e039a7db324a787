"""The rehearsal of the cloud on one machine: which processes, told what, and how later commands find them."""

from pathlib import Path

import pytest

from infra.local.emulators import Tools
from infra.local.rehearsal import addresses_told, free_ports, plan_rehearsal, running, with_addresses
from infra.local.stack import Process
from shared.config import EMULATORS, Config, load_config
from shared.errors import SetupError

TOOLS = Tools("java", "firestore.jar", "pubsub.jar", "fake-gcs")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "data").mkdir()
    return load_config(backend="emulators", data_dir=tmp_path / "data", engines=("scripted",))


@pytest.fixture
def processes(config: Config) -> dict[str, Process]:
    planned = plan_rehearsal(
        with_addresses(config), TOOLS, (8_000, 8_001), {"PATH": "/bin", "STENO_OLD": "x"}
    )
    return {process.name: process for process in planned}


def test_it_is_the_cloud_in_eight_processes(processes: dict[str, Process]) -> None:
    assert list(processes) == [
        "firestore",
        "pubsub",
        "storage",
        "scheduler",
        "polish",
        "autosave",
        "ingest-1",
        "ingest-2",
    ]
    assert [name for name, process in processes.items() if process.charge.stops_last] == [
        "firestore",
        "pubsub",
        "storage",
    ]
    assert all(process.health_url for process in processes.values())
    assert [process.charge.url for process in processes.values() if process.charge.url] == [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8001",
    ]


def test_the_functions_are_served_to_this_machine_only_by_the_framework(
    processes: dict[str, Process],
) -> None:
    for name in ("polish", "autosave"):
        process = processes[name]
        told = process.environment
        assert process.runs == ("infra.local.tether", "functions_framework")
        assert (told["FUNCTION_TARGET"], told["FUNCTION_USE_ASGI"], told["HOST"]) == (
            name,
            "true",
            "127.0.0.1",
        )
        assert Path(told["FUNCTION_SOURCE"]).is_file()
        scheduled = processes["scheduler"].environment[f"{name.upper()}_URL"]
        assert scheduled == f"http://127.0.0.1:{told['PORT']}/"
        assert process.health_url == f"{scheduled}readyz"


def test_every_service_is_told_the_same_addresses_and_nothing_old(processes: dict[str, Process]) -> None:
    ours = [
        processes[name].environment for name in ("scheduler", "polish", "autosave", "ingest-1", "ingest-2")
    ]
    for field in EMULATORS:
        assert len({told[f"STENO_{field.upper()}"] for told in ours}) == 1
    assert all("STENO_OLD" not in process.environment for process in processes.values())
    assert not any(name.startswith("STENO_") for name in processes["pubsub"].environment)
    assert f"--port={ours[0]['STENO_FIRESTORE_EMULATOR'].rpartition(':')[2]}" in processes["firestore"].runs


def test_names_that_were_given_are_kept_and_addresses_are_refused(config: Config) -> None:
    named = with_addresses(config.model_copy(update={"project": "mine"}))
    assert (named.project, named.bucket) == ("mine", "steno-drafts")
    with pytest.raises(SetupError, match="STENO_PUBSUB_EMULATOR is set, but steno up starts its own"):
        with_addresses(config.model_copy(update={"pubsub_emulator": "127.0.0.1:1"}))


def test_later_commands_find_the_emulators_while_they_run(config: Config) -> None:
    started = with_addresses(config)
    with addresses_told(started):
        assert running(config) == started
        assert (config.data_dir / "emulators.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SetupError, match="no emulators run on .*their data ended with them"):
        running(config)


@pytest.mark.parametrize("left", ["", "{", "[]", '{"project": "p"}'])
def test_what_a_crash_left_half_written_is_no_address(config: Config, left: str) -> None:
    (config.data_dir / "emulators.json").write_text(left)
    with pytest.raises(SetupError, match="no emulators run"):
        running(config)
    with addresses_told(with_addresses(config)):
        assert running(config).project


def test_free_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20
