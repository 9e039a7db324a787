"""What the emulators and Google Cloud must be told, and what they must not."""

import os

import pytest

from shared.config import EMULATORS, Config, Role, load_config
from shared.errors import SetupError

KMS_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
CLOUD: dict[str, object] = {
    "backend": "gcp",
    "project": "clinic",
    "bucket": "clinic-drafts",
    "kms_key": KMS_KEY,
    "ticket_keys": "one\ntwo\n",
    "push_audience": "https://steno.test",
    "push_service_account": "push@clinic.test",
    "scheduler_service_account": "scheduler@clinic.test",
    "retention_days": 30,
}
LOCAL: dict[str, object] = {
    "backend": "emulators",
    "project": "made-up",
    "bucket": "drafts",
    **dict.fromkeys(EMULATORS, "127.0.0.1:8080"),
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STENO_") or name.endswith("_EMULATOR_HOST") or name == "K_SERVICE":
            monkeypatch.delenv(name)


def problems(role: Role, overrides: dict[str, object]) -> list[str]:
    with pytest.raises(SetupError) as caught:
        load_config(role, **overrides)
    return str(caught.value).split("; ")


@pytest.mark.parametrize("role", [Role.POLISH, Role.AUTOSAVE, Role.COMMAND])
def test_what_is_complete_is_taken_in_the_cloud_too(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "steno")
    config = load_config(role, **CLOUD)
    assert (config.backend, config.topic, config.dead_letter_topic) == (
        "gcp",
        "steno-wakeups",
        "steno-dead-letters",
    )


def test_ingest_has_no_sign_in_for_google_cloud_yet() -> None:
    [said] = problems(Role.INGEST, CLOUD)
    assert said == ("under the backend gcp STENO_SIGN_IN cannot be development, which signs in whoever asks")


@pytest.mark.parametrize(
    ("role", "needed"),
    [
        (Role.COMMAND, ["PROJECT", "BUCKET", "KMS_KEY"]),
        (Role.INGEST, ["PROJECT", "BUCKET", "KMS_KEY", "TICKET_KEYS"]),
        (Role.POLISH, ["PROJECT", "BUCKET", "KMS_KEY", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT"]),
        (
            Role.AUTOSAVE,
            [
                "PROJECT",
                "BUCKET",
                "KMS_KEY",
                "PUSH_AUDIENCE",
                "PUSH_SERVICE_ACCOUNT",
                "SCHEDULER_SERVICE_ACCOUNT",
            ],
        ),
    ],
)
def test_everything_that_is_missing_is_named_at_once(role: Role, needed: list[str]) -> None:
    said = [each for each in problems(role, {"backend": "gcp"}) if "SIGN_IN" not in each]
    assert said == [f"STENO_{name} must be given, because STENO_BACKEND is gcp" for name in needed]


@pytest.mark.parametrize("name", [*(f"STENO_{each.upper()}" for each in EMULATORS), "PUBSUB_EMULATOR_HOST"])
def test_patients_data_goes_to_no_emulator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "127.0.0.1:1")
    assert problems(Role.POLISH, CLOUD)[0].startswith(f"{name} is set, so patients' data would go")


@pytest.mark.parametrize("role", [Role.INGEST, Role.POLISH, Role.AUTOSAVE])
def test_nothing_is_rehearsed_with_patients(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsed = {
        "engines": ("scripted", "deepgram"),
        "polisher": "gemini",
        "provider_urls": {"deepgram": "ws://127.0.0.1:1", "gemini": "http://localhost:1"},
    }
    about = [said for said in problems(role, {**CLOUD, **rehearsed}) if "sign" not in said]
    vendor = "in --provider-url (STENO_PROVIDER_URLS) cannot be this machine's, which is for rehearsals"
    assert about == [
        "under the backend gcp --engine (STENO_ENGINES) cannot name scripted, which hears no words",
        "choose a vendor",
        f"under the backend gcp the address of deepgram {vendor}",
        "leave it out, and the vendor's own is used",
        f"under the backend gcp the address of gemini {vendor}",
        "leave it out, and the vendor's own is used",
    ]
    monkeypatch.setenv("K_SERVICE", "steno")
    said = "; ".join(problems(role, {**LOCAL, **rehearsed}))
    assert "on Cloud Run --engine (STENO_ENGINES) cannot name scripted" in said
    assert "on Cloud Run the address of gemini" in said


def test_a_person_at_a_laptop_may_have_rehearsed_before_they_look_after_the_cloud() -> None:
    assert load_config(Role.COMMAND, **CLOUD, engines=("scripted",)).engines == ("scripted",)


def test_a_key_is_named_in_full() -> None:
    assert "should look like projects/P" in problems(Role.POLISH, {**CLOUD, "kms_key": "k"})[0]


def test_the_emulators_need_their_addresses_and_steno_up_chooses_them() -> None:
    assert load_config(Role.INGEST, **LOCAL).firestore_emulator == "127.0.0.1:8080"
    assert load_config(Role.COMMAND, backend="emulators").firestore_emulator == ""
    named = [said.split(" ")[0] for said in problems(Role.INGEST, {"backend": "emulators"})]
    assert named == ["STENO_PROJECT", "STENO_BUCKET", *(f"STENO_{each.upper()}" for each in EMULATORS)]


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "127.0.0.1", "127.0.0.1:", "host:1/x"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    [said] = problems(Role.POLISH, {**LOCAL, "pubsub_emulator": address})[:1]
    assert said == f"STENO_PUBSUB_EMULATOR is {address!r}"


@pytest.mark.parametrize("name", ["", "t1", "goog/x", "1abc"])
def test_a_topic_has_a_name_that_pubsub_takes(name: str) -> None:
    assert problems(Role.POLISH, {**LOCAL, "topic": name})[0].startswith("STENO_TOPIC is ")


def test_no_emulator_serves_in_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "ingest")
    said = problems(Role.INGEST, {**LOCAL, "host": "0.0.0.0"})
    assert said[0] == "on Cloud Run STENO_BACKEND cannot be emulators, whose data ends with the instance"
    assert any("STENO_SIGN_IN cannot be development" in each for each in said)


def test_a_child_given_the_environment_of_a_configuration_has_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = load_config(Role.POLISH, **LOCAL)
    for name, value in config.environment().items():
        monkeypatch.setenv(name, value)
    assert load_config(Role.POLISH) == config
    assert Config.model_fields.keys() >= LOCAL.keys()
