"""Polish and autosave as functions-framework loads and serves them, on the emulators."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import structlog
from functions_framework.aio import create_asgi_app

from infra.local.provision import make, resources
from shared.config import PREFIX, Config, load_config
from shared.ports import RecordName
from shared.wiring import build
from tests.doubles.emulators import firestore_project, fresh_name, pubsub_emulator, storage_emulator
from tests.unit.services.process import config_in, dictate, running
from tests.unit.services.scene import SESSION

ROOT = Path(__file__).parents[3]
PUSH = {"message": {"attributes": {"session": SESSION}}}
POISON = {"message": {"attributes": {"session": "nonsense"}}}


@pytest.fixture
async def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Config]:
    """Of emulators on which everything is made, which the environment tells too."""
    with firestore_project() as place:
        address, _, project = place.partition("/")
        told = config_in(tmp_path).model_copy(
            update={
                "backend": "emulators",
                "project": project,
                "bucket": fresh_name(),
                "firestore_emulator": address,
                "pubsub_emulator": pubsub_emulator().address,
                "storage_emulator": storage_emulator().address,
            }
        )
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            await make(client, resources(told, {}))
        for name, value in told.environment().items():
            monkeypatch.setenv(name, value)
        assert load_config() == told
        yield told


def browser(name: str) -> httpx.AsyncClient:
    source = str(ROOT / "services" / name / "main.py")
    app = create_asgi_app(name, source)  # type: ignore[no-untyped-call]  # ships none
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://function", timeout=20)


@pytest.mark.parametrize(
    ("name", "record", "sweeps"),
    [("polish", RecordName.POLISH, False), ("autosave", RecordName.DRAFT, True)],
)
async def test_it_serves_pushes_and_nothing_that_is_not_its_own(
    name: str, record: RecordName, sweeps: bool, config: Config
) -> None:
    ports = build(config)
    try:
        await dictate(ports, "aspirin seventy five milligrams", heartbeat_age_ms=200_000)
        async with browser(name) as client:
            assert (await client.get("/readyz")).status_code == 200
            for _ in range(2):
                assert (await client.post("/", json=PUSH)).status_code == 204
            assert (await client.post("/", json=POISON)).status_code == 204
            assert (await client.post("/sweep")).status_code == (204 if sweeps else 404)
            assert (await client.get("/")).status_code == 404
        assert await ports.store.record(SESSION, record) is not None
        letters = [
            (letter.session, letter.subscriber, letter.error)
            for letter in await ports.letters.dead_letters(9)
        ]
        assert letters == [("-", name, "Malformed")]
    finally:
        await ports.close()


@pytest.mark.parametrize("name", ["polish", "autosave"])
async def test_where_wakeups_are_pulled_it_answers_no_push(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for variable, value in config_in(tmp_path).environment().items():
        monkeypatch.setenv(variable, value)
    async with browser(name) as client:
        assert (await client.post("/", json=PUSH)).status_code == 503
    assert "under the backends emulators and gcp only" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["polish", "autosave"])
async def test_a_configuration_that_is_refused_is_one_line_that_says_why(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("K_SERVICE", f"steno-{name}")
    monkeypatch.setenv("STENO_BACKEND", "gcp")
    # As in a process of its own, where nobody has set up a log yet.
    structlog.reset_defaults()
    async with browser(name) as client:
        assert (await client.get("/readyz")).status_code == 503
    [line] = map(json.loads, capfd.readouterr().err.splitlines())
    assert (line["service"], line["event"]) == (name, "the function cannot be set up")
    assert all(f"STENO_{each}" in line["said"] for each in ("PROJECT", "PUSH_AUDIENCE", "RETENTION_DAYS"))


@pytest.mark.parametrize("name", ["polish", "autosave"])
async def test_where_they_are_pushed_none_are_pulled(name: str, config: Config) -> None:
    assert all(variable.startswith(PREFIX) for variable in config.environment())
    async with running(f"services.{name}.main", config) as service:
        assert service.process.stderr is not None
        said = (await service.process.stderr.read()).decode()
        assert await service.process.wait() == 2
    assert f"under the backend emulators {name} is served by functions-framework" in said
