"""The service as a process: what it refuses to start with, and how it ends."""

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.unit.services.ingest.child import environment, free_port, outcome, running, start


async def refusal(env: dict[str, str], *options: str) -> str:
    """The one line with which a process that cannot be set up ends."""
    code, said, complained = await outcome(await start(env, *options))
    lines = [line for line in complained.splitlines() if not line.startswith("{")]
    assert (code, said, len(lines)) == (2, "", 1), complained
    return lines[0]


async def test_it_starts_says_so_in_its_log_and_ends_with_0_when_asked(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        async with service.browser() as browser:
            page = await browser.get("/")
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert (await browser.get("/v1/sessions")).json() == {"sessions": []}
        code, said, complained = await service.stop()
    assert (code, said) == (0, "")
    log = [json.loads(line) for line in (b"".join(service.log).decode() + complained).splitlines()]
    assert {line["service"] for line in log} == {"ingest"}
    assert [line["event"] for line in log][-1] == "serving"


async def test_two_processes_share_data_and_keys_and_ctrl_c_is_as_good_as_sigterm(tmp_path: Path) -> None:
    async with running(tmp_path) as one, running(tmp_path) as other:
        assert one.port != other.port
        for service, number in ((one, signal.SIGINT), (other, signal.SIGTERM)):
            code, _, complained = await service.stop(number)
            assert (code, "Traceback" in complained) == (0, False)


async def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = await refusal(environment(tmp_path, port))
    assert said.startswith(f"port {port} of 127.0.0.1 cannot be used")
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / ".config").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"STENO_PORT": "99999", "STENO_SESIONS_MAX": "3"},
            ["STENO_PORT", "did you mean STENO_SESSIONS_MAX?"],
        ),
        (
            {"STENO_ENGINES": "nonsense", "STENO_HOST": "127.0.0.1", "K_SERVICE": "ingest"},
            [
                "there is no 'nonsense'",
                "which Cloud Run cannot reach",
                "on Cloud Run STENO_BACKEND cannot be embedded",
                "on Cloud Run STENO_SIGN_IN cannot be development",
            ],
        ),
        ({"STENO_HOST": "0.0.0.0"}, ["other machines may reach"]),
        ({"STENO_TICKET_KEYS": "eA=="}, ["STENO_TICKET_KEYS is damaged"]),
        ({"STENO_DATA_DIR": "/dev/null/data"}, ["/dev/null/data"]),
        ({"STENO_ENGINES": "local", "STENO_MODEL_DIR": "/dev/null"}, ["no speech model", "make setup"]),
    ],
    ids=["values", "choices", "host", "tickets", "places", "model"],
)
async def test_a_set_up_that_cannot_work_is_one_line(
    tmp_path: Path, settings: dict[str, str], said: list[str]
) -> None:
    line = await refusal(environment(tmp_path, free_port(), **settings))
    assert [each for each in said if each not in line] == []


async def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "ticket.key"
    key.touch(mode=0o644)
    env = environment(tmp_path, free_port(), STENO_TICKET_KEY_FILE=str(key))
    assert await refusal(env) == f"others may read the ticket key file {key}; run: chmod 600 {key}"


async def test_python_without_assertions_is_refused(tmp_path: Path) -> None:
    said = await refusal(environment(tmp_path, free_port()), "-O")
    assert said.endswith("run Python without -O and PYTHONOPTIMIZE")
