"""What a process is told: read back as written, and every mistake named at once."""

import os
from pathlib import Path

import pytest

from services.ingest.engines.build import WORKERS_MAX
from shared.config import Config, LogLevel, Role, load_config
from shared.errors import SetupError
from shared.settings import LOCAL_PROCESSORS_MAX, sessions_heard


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STENO_") or name == "K_SERVICE":
            monkeypatch.delenv(name)


def refusal(role: Role = Role.COMMAND, /, **overrides: object) -> str:
    with pytest.raises(SetupError) as caught:
        load_config(role, **overrides)
    return str(caught.value)


def test_defaults_serve_this_machine_only_and_keep_keys_apart_from_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/var/somewhere")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/somewhere")
    config = load_config()
    assert (config.backend, config.engines, config.polisher) == ("embedded", ("local",), "rules")
    assert (config.host, config.sessions_max, config.retention_days) == ("127.0.0.1", None, None)
    assert config.data_dir == Path("/var/somewhere/steno")
    assert config.key_file == Path("/etc/somewhere/steno/key-encryption.json")
    assert config.ticket_key_file == Path("/etc/somewhere/steno/ticket.key")


def test_the_environment_is_read_and_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STENO_ENGINES", "scripted, local")
    monkeypatch.setenv("STENO_PROVIDER_URLS", "deepgram=ws://127.0.0.1:9/v1")
    monkeypatch.setenv("STENO_PORT", "8100")
    monkeypatch.setenv("STENO_RETENTION_DAYS", "")
    config = load_config(port=8_200)
    assert config.engines == ("scripted", "local")
    assert config.provider_urls == {"deepgram": "ws://127.0.0.1:9/v1"}
    assert (config.port, config.retention_days) == (8_200, None)


def test_paths_are_absolute_before_anybody_changes_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    config = load_config(data_dir="here", key_file="~/key.json")
    assert config.data_dir == tmp_path / "here"
    assert config.key_file == Path("/home/somebody/key.json")


def test_a_child_given_the_environment_of_a_configuration_has_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = load_config(
        data_dir="/tmp/d",
        engines=("scripted", "local"),
        provider_urls={"deepgram": "wss://h/p?a=b", "gemini": "http://localhost"},
        log_level=LogLevel.DEBUG,
        retention_days=30,
        port=8_123,
    )
    for name, value in config.environment().items():
        monkeypatch.setenv(name, value)
    assert load_config() == config


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            {"backend": "mysql"},
            "--backend (STENO_BACKEND): there is no 'mysql'; choose embedded or emulators",
        ),
        (
            {"engines": ("deepgram",)},
            "STENO_DEEPGRAM_KEY must be given, because --engine (STENO_ENGINES) names",
        ),
        ({"engines": ("local", "speechmatics")}, "STENO_SPEECHMATICS_KEY must be given"),
        (
            {"engines": ("sphinx",)},
            "there is no 'sphinx'; choose local or deepgram or speechmatics or scripted",
        ),
        ({"engines": ()}, "names no engine"),
        ({"engines": ("local", "local")}, "names an engine twice"),
        (
            {"polisher": "gemini"},
            "STENO_GEMINI_KEY, or STENO_PROJECT and STENO_GEMINI_LOCATION, must be given",
        ),
        ({"gemini_model": "gemini-1"}, "STENO_GEMINI_MODEL: there is no 'gemini-1'"),
        (
            {
                "polisher": "gemini",
                "gemini_key": "k",
                "provider_urls": {"gemini": "https://generativelanguage.googleapis.com"},
            },
            "forbid clinical use",
        ),
        (
            {"polisher": "gemini", "gemini_key": "k", "provider_urls": {"gemini": "http://h"}},
            "must be https",
        ),
        ({"sign_in": "google"}, "STENO_SIGN_IN: there is no 'google'"),
        ({"host": "0.0.0.0"}, "--host (STENO_HOST) is 0.0.0.0, which other machines may reach"),
        ({"data_dir": ""}, "--data-dir (STENO_DATA_DIR) is '': name a place, or leave the option out"),
        ({"port": 0}, "--port (STENO_PORT) is 0"),
        ({"port": 65_536}, "--port (STENO_PORT) is 65536"),
        ({"sessions_max": "many"}, "STENO_SESSIONS_MAX is 'many'"),
        ({"log_level": "loud"}, "STENO_LOG_LEVEL is 'loud'"),
        ({"provider_urls": "deepgram"}, "write it as NAME=URL,NAME=URL"),
        ({"provider_urls": "whisper=ws://h"}, "there is no provider 'whisper'"),
        ({"provider_urls": "deepgram=h:1"}, "the address of deepgram should look like"),
        ({"provider_urls": "deepgram=wss://[h"}, "the address of deepgram should look like"),
        ({"provider_urls": "deepgram=ws://10.9.8.7/v1"}, "the address of deepgram must be wss, because what"),
        ({"provider_urls": "speechmatics=http://h"}, "the address of speechmatics must be https, because"),
        (
            {"data_dir": "/d", "key_file": "/d/key"},
            "STENO_KEY_FILE is inside the data directory /d",
        ),
        (
            {"data_dir": "/d", "ticket_key_file": "/d/sub/t"},
            "STENO_TICKET_KEY_FILE is inside the data directory",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_name(overrides: dict[str, object], said: str) -> None:
    assert said in refusal(**overrides)


def test_every_problem_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STENO_ENGNES", "local")
    said = refusal(port="x", sessions_max=0)
    assert all(part in said for part in ("STENO_PORT", "STENO_SESSIONS_MAX", "did you mean STENO_ENGINES?"))
    said = refusal(backend="gcp", host="10.0.0.1")
    assert all(part in said for part in ("STENO_PROJECT", "STENO_HOST", "STENO_ENGNES"))


def test_the_cloud_refuses_a_laptops_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "ingest")
    said = refusal()
    assert all(name in said for name in ("STENO_BACKEND", "STENO_SIGN_IN", "STENO_RETENTION_DAYS"))
    assert "STENO_RETENTION_DAYS" not in refusal(retention_days=30)


def test_every_address_is_served_by_ingest_in_the_cloud_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached = "STENO_HOST"
    assert reached in refusal(host="0.0.0.0", backend="gcp")
    assert reached in refusal(Role.INGEST, host="0.0.0.0", backend="gcp")
    monkeypatch.setenv("K_SERVICE", "steno")
    assert reached not in refusal(Role.INGEST, host="0.0.0.0")
    assert reached in refusal(Role.COMMAND, host="0.0.0.0")
    for host in ("127.0.0.1", "10.0.0.1"):
        said = refusal(Role.INGEST, host=host)
        assert f"(STENO_HOST) is {host}, which Cloud Run cannot reach; choose 0.0.0.0" in said


def test_no_other_process_can_be_told_it_is_in_the_cloud_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "ingest")
    assert "STENO_CLOUD_SERVICE" not in Config().environment()


def test_a_vendor_needs_a_key_unless_its_server_is_on_this_machine() -> None:
    assert load_config(engines=("deepgram",), deepgram_key="k").deepgram_key == "k"
    rehearsed = {"deepgram": "ws://127.0.0.1:9101"}
    assert load_config(engines=("deepgram",), provider_urls=rehearsed).deepgram_key == ""


def test_a_key_is_not_shown_with_the_rest() -> None:
    assert "hush" not in repr(load_config(deepgram_key="hush", speechmatics_key="hush", ticket_keys="hush"))


@pytest.mark.parametrize(
    ("engine", "processors", "instances", "sessions"),
    [
        ("local", 1, 1, 5),
        ("local", 2, 1, 10),
        ("local", 2, 2, 5),
        ("local", 2, 3, 4),
        ("local", 1, 16, 1),
        ("local", 8, 1, 40),
        ("local", 64, 1, 40),
        ("deepgram", 2, 4, 200),
        ("scripted", 1, 1, 200),
    ],
)
def test_no_more_sessions_are_taken_than_the_machine_can_hear(
    engine: str, processors: int, instances: int, sessions: int
) -> None:
    assert sessions_heard(engine, processors, instances) == sessions


def test_the_engine_that_is_tried_first_decides_and_who_says_a_number_gets_it() -> None:
    assert load_config(engines=("scripted", "local")).sessions_each() == 200
    here = sessions_heard("local", os.cpu_count() or 1, 1)
    assert load_config(engines=("local", "scripted")).sessions_each() == here < 200
    said = load_config(engines=("local",), sessions_max=77)
    assert (said.sessions_each(), said.sessions_each(4)) == (77, 77)


def test_the_bound_is_that_of_the_processors_the_engine_uses() -> None:
    assert LOCAL_PROCESSORS_MAX == WORKERS_MAX
