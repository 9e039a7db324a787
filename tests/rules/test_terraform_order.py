"""On a new project nothing is asked of an API before infra/terraform has switched it on."""

import re
from typing import Final

from tests.rules.terraform_schema import TERRAFORM

SWITCHED_ON: Final = "google_project_service.used"
RESOURCE: Final = re.compile(r'^resource "(\w+)" "(\w+)" {\n(.*?)^}', re.M | re.S)
REFERENCE: Final = re.compile(r"\b(google_\w+\.\w+)")

APIS: Final = {
    "google_cloud_run": "run",
    "google_cloud_scheduler": "cloudscheduler",
    "google_firestore": "firestore",
    "google_kms": "cloudkms",
    "google_project": "cloudresourcemanager",
    "google_pubsub": "pubsub",
    "google_secret_manager": "secretmanager",
    "google_service_account": "iam",
    "google_storage": "storage",
}
"""Which API makes what, by how the type of a resource begins."""

RESOURCES: Final = {
    f"{kind}.{name}": body
    for path in sorted(TERRAFORM.glob("*.tf"))
    for kind, name, body in RESOURCE.findall(path.read_text())
}


def test_the_api_of_every_resource_is_switched_on() -> None:
    needed = {
        next(api for begins, api in APIS.items() if resource.startswith(begins)) for resource in RESOURCES
    }
    on = set(re.findall(r'"(\w+)\.googleapis\.com"', RESOURCES[SWITCHED_ON]))
    assert needed == set(APIS.values())
    assert needed - on == set()


def test_every_resource_waits_for_the_apis_itself_or_through_what_it_refers_to() -> None:
    waiting = {SWITCHED_ON}
    while more := {
        resource
        for resource, body in RESOURCES.items()
        if resource not in waiting and waiting.intersection(REFERENCE.findall(body))
    }:
        waiting |= more
    assert set(RESOURCES) - waiting == set()
