"""Which processes, which ports, told what."""

import os
import socket
from pathlib import Path

import pytest

from infra.local.stack import choose_ports, plan, port_is_free, url
from shared.config import Config, load_config
from shared.errors import SetupError
from shared.settings import sessions_heard

TAKEN = {8_002, 8_004}


def is_free(port: int) -> bool:
    return port not in TAKEN


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(data_dir=tmp_path / "data", engines=("scripted",))


@pytest.mark.parametrize(
    ("wanted", "instances", "chosen"),
    [
        ([], None, (8_000,)),
        ([], 3, (8_000, 8_001, 8_003)),
        ([8_001], 3, (8_001, 8_003, 8_005)),
        ([9_000, 8_001], None, (9_000, 8_001)),
        ([8_001, 8_003], 3, (8_001, 8_003, 8_005)),
    ],
)
def test_wanted_ports_in_order_then_free_ones_after_the_first(
    config: Config, wanted: list[int], instances: int | None, chosen: tuple[int, ...]
) -> None:
    assert choose_ports(config, wanted, instances, is_free) == chosen


@pytest.mark.parametrize(
    ("wanted", "instances", "said"),
    [
        ([8_002], None, "port 8002 of 127.0.0.1 is taken; stop what uses it, or choose another with --port"),
        ([8_000, 8_000], None, "the same --port is given twice"),
        ([8_000, 8_001], 1, "2 ports are given for 1 instances"),
        ([], 17, "--instances is 17; choose 1 to 16"),
        ([], 0, "--instances is 0; choose 1 to 16"),
        ([8_000], -1, "--instances is -1; choose 1 to 16"),
        ([0], None, "--port is 0; choose 1 to 65535"),
        ([8_000, -1], None, "--port is -1; choose 1 to 65535"),
        ([65_536], 2, "--port is 65536; choose 1 to 65535"),
        ([65_535], 2, "no free port is left"),
    ],
)
def test_ports_that_cannot_be(config: Config, wanted: list[int], instances: int | None, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        choose_ports(config, wanted, instances, is_free)


def test_each_process_is_told_all_and_nothing_else_of_ours(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = plan(config, (8_000, 8_001), {"PATH": "/bin", "STENO_ENGINES": "local", "STENO_OLD": "x"})
    assert [process.name for process in processes] == ["ingest-1", "ingest-2", "polish", "autosave"]
    assert [process.runs for process in processes] == [
        ("infra.local.tether", "services.ingest.main"),
        ("infra.local.tether", "services.ingest.main"),
        ("infra.local.tether", "services.polish.main"),
        ("infra.local.tether", "services.autosave.main"),
    ]
    assert [process.charge.url for process in processes[:3]] == [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8001",
        None,
    ]
    second = processes[1].environment
    assert (second["PATH"], second["STENO_ENGINES"], second["STENO_PORT"]) == ("/bin", "scripted", "8001")
    assert "STENO_OLD" not in second


@pytest.mark.parametrize(
    ("sessions_max", "each"), [(None, sessions_heard("local", os.cpu_count() or 1, 2)), (77, 77)]
)
def test_the_instances_share_what_the_machine_can_hear_unless_somebody_says_a_number(
    tmp_path: Path, sessions_max: int | None, each: int
) -> None:
    config = load_config(data_dir=tmp_path / "data", engines=("local",), sessions_max=sessions_max)
    ingest = plan(config, (8_000, 8_001), {})[:2]
    assert [process.environment["STENO_SESSIONS_MAX"] for process in ingest] == [str(each)] * 2


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        assert not port_is_free("127.0.0.1", port)
    assert port_is_free("127.0.0.1", port)


def test_a_url_of_the_newer_loopback_has_its_brackets() -> None:
    assert url("::1", 8_000) == "http://[::1]:8000"
