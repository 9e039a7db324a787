"""What infra/terraform tells Cloud Run about the services, held to what the services need there."""

from collections.abc import Mapping
from typing import Any

from tests.rules.terraform_schema import blocks

SERVICES = [body for _, _, kind, body in blocks() if kind == "google_cloud_run_v2_service"]


def template(service: Mapping[str, Any]) -> Mapping[str, Any]:
    [found] = service["template"]
    assert isinstance(found, Mapping)
    return found


def test_cloud_run_leaves_tokens_whole_for_the_services_to_check() -> None:
    assert [service.get("invoker_iam_disabled") for service in SERVICES] == [True, True]
    assert not [kind for _, _, kind, _ in blocks() if kind.startswith("google_cloud_run_v2_service_iam")]


def test_the_functions_are_reached_from_inside_the_project_only() -> None:
    ingress = {service["name"]: service["ingress"].strip('"') for service in SERVICES}
    assert ingress == {
        '"steno-${each.key}"': "INGRESS_TRAFFIC_INTERNAL_ONLY",
        '"steno-ingest"': "INGRESS_TRAFFIC_ALL",
    }
