"""What infra/terraform tells Cloud Run about the services, held to what the services need there."""

import os
import re
from collections.abc import Mapping
from typing import Any

import pytest

from shared.config import EVERYWHERE, READY, Config, Role, load_config, variable
from shared.errors import SetupError
from shared.lease import ATTEMPT_MS_MAX
from tests.rules.terraform_schema import ROOT, TERRAFORM, blocks

SERVICES = {
    body["name"].strip('"'): body for _, _, kind, body in blocks() if kind == "google_cloud_run_v2_service"
}
FUNCTIONS, INGEST = SERVICES["steno-${each.key}"], SERVICES["steno-ingest"]
COMMON = (TERRAFORM / "ingest.tf").read_text().split("\nresource ")[0]
TOLD = {
    role: COMMON + (TERRAFORM / name).read_text()
    for role, name in [
        (Role.INGEST, "ingest.tf"),
        (Role.POLISH, "functions.tf"),
        (Role.AUTOSAVE, "functions.tf"),
    ]
}


def container(service: Mapping[str, Any]) -> Mapping[str, Any]:
    [template] = service["template"]
    [found] = template["containers"]
    assert isinstance(found, Mapping)
    return found


def test_cloud_run_leaves_tokens_whole_for_the_services_to_check() -> None:
    assert [service.get("invoker_iam_disabled") for service in SERVICES.values()] == [True, True]
    assert not [kind for _, _, kind, _ in blocks() if kind.startswith("google_cloud_run_v2_service_iam")]


def test_the_functions_are_reached_from_inside_the_project_only() -> None:
    assert FUNCTIONS["ingress"] == '"INGRESS_TRAFFIC_INTERNAL_ONLY"'
    assert INGEST["ingress"] == '"INGRESS_TRAFFIC_ALL"'


def test_ingest_listens_where_cloud_run_asks() -> None:
    told = str(container(INGEST)["dynamic"])
    assert [port["container_port"] for port in container(INGEST)["ports"]] == ["${local.ingest_port}"]
    assert "STENO_PORT = tostring(local.ingest_port)" in told
    assert f'STENO_HOST = "{EVERYWHERE}"' in told


def test_ingest_reads_the_ticket_keys_and_the_keys_of_the_chosen_vendors_from_secrets() -> None:
    secrets = (TERRAFORM / "secrets.tf").read_text()
    vendors = {name for name in READY["engines"] if f"{name}_key" in Config.model_fields}
    named = re.findall(r"(\w+) += { setting = \"(\w+)\", secret = \"([\w-]+)\" }", secrets)
    assert {(engine, setting) for engine, setting, _ in named} == {
        (engine, variable(f"{engine}_key")) for engine in vendors
    }
    assert "if contains(var.engines, engine)" in secrets
    assert '{ STENO_TICKET_KEYS = "steno-ticket-keys" }' in secrets
    assert "for_each = toset(values(local.secrets))" in secrets
    assert "'for_each': '${local.secrets}'" in str(container(INGEST)["dynamic"])
    assert "_KEY" not in TOLD[Role.INGEST].replace("STENO_KMS_KEY", "")


def test_what_readyz_needs_is_there_before_cloud_run_asks_for_it() -> None:
    needed = {
        "${google_firestore_database.default}",
        "${google_kms_crypto_key_iam_member.opens_sessions}",
        "${google_project_iam_member.stores}",
    }
    assert [needed - set(service["depends_on"]) for service in SERVICES.values()] == [set(), set()]
    assert "${google_secret_manager_secret_iam_member.ingest_reads}" in INGEST["depends_on"]


def test_no_revision_gets_requests_before_it_says_that_it_is_ready() -> None:
    for service in SERVICES.values():
        [probe] = container(service)["startup_probe"]
        assert [get["path"] for get in probe["http_get"]] == ['"/readyz"']
        assert probe["timeout_seconds"] <= probe["period_seconds"]
        assert probe["timeout_seconds"] * 1_000 >= ATTEMPT_MS_MAX
        assert probe["period_seconds"] * probe["failure_threshold"] == 60


def test_ingest_is_made_once_it_has_a_sign_in() -> None:
    assert INGEST["count"] == '${var.sign_in == "" ? 0 : 1}'


@pytest.mark.parametrize("role", TOLD)
def test_each_is_told_all_that_it_must_be_told_there(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STENO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("K_SERVICE", "steno")
    with pytest.raises(SetupError) as caught:
        load_config(role, backend="gcp")
    needed = set(re.findall(r"STENO_[A-Z_]+(?= must | \(| cannot |\) is)", str(caught.value)))
    told = set(re.findall(r"STENO_[A-Z_]+", TOLD[role]))
    if role is Role.INGEST:
        told.add("STENO_TICKET_KEYS")
    assert {"STENO_PROJECT", "STENO_RETENTION_DAYS"} <= needed
    assert needed - told == set()


@pytest.mark.parametrize("name", ["polish", "autosave"])
def test_what_serves_a_function_finds_a_home_that_it_may_write_to(name: str) -> None:
    assert "\nENV HOME=/tmp\n" in (ROOT / "services" / name / "Dockerfile").read_text()


def test_only_ingest_works_while_nobody_asks_for_anything() -> None:
    """Its recordings go on after a socket closes; the functions would be billed around the clock for nothing."""
    [ingest], [function] = (container(service)["resources"] for service in (INGEST, FUNCTIONS))
    assert (ingest["cpu_idle"], function["cpu_idle"]) == (False, True)
