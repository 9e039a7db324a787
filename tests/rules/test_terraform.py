"""Every block of infra/terraform says only what the provider knows, and all that it must be told."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shared.config import Config, variable
from tests.rules.terraform_schema import REQUIRED, SCHEMA, TERRAFORM, Schema, blocks

TERRAFORMS_OWN: Final = frozenset({"count", "depends_on", "for_each", "lifecycle", "provider", "dynamic"})


def breaches(body: Mapping[str, Any], schema: Schema, where: str) -> Iterator[str]:
    given = {name for name in body if not name.startswith("__")} - TERRAFORMS_OWN
    made: dict[str, list[Any]] = {}
    for part in body.get("dynamic", []):
        for name, each in part.items():
            made.setdefault(name.strip('"'), []).append(each["content"])
    for name in sorted(given | set(made)):
        if name not in schema:
            yield f"{where}: there is no {name}"
            continue
        for each in _flat([made.get(name, []), body.get(name, [])]):
            if isinstance(schema[name], dict) and isinstance(each, Mapping):
                yield from breaches(each, schema[name], f"{where}.{name}")
    yield from (f"{where}: {name} is missing" for name in schema[REQUIRED] if name not in given | set(made))


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def test_every_block_is_as_the_provider_knows_it() -> None:
    schema = json.loads(SCHEMA.read_text())
    found = [
        breach
        for path, kind, name, body in blocks()
        for breach in breaches(body, schema[f"{kind} {name}"], f"{path.name} {name}")
    ]
    assert found == []


def test_what_the_provider_does_not_know_is_found() -> None:
    schema: Schema = {
        REQUIRED: ["topic"],
        "topic": None,
        "push_config": {REQUIRED: ["push_endpoint"], "push_endpoint": None},
    }
    assert list(breaches({"topik": 1, "push_config": [{"endpoint": 1}]}, schema, "x")) == [
        "x.push_config: there is no endpoint",
        "x.push_config: push_endpoint is missing",
        "x: there is no topik",
        "x: topic is missing",
    ]


def test_of_several_dynamic_blocks_each_is_looked_at() -> None:
    schema: Schema = {REQUIRED: [], "env": {REQUIRED: ["name"], "name": None}}
    bodies = [{'"env"': {"content": [{"nam": 1}]}}, {'"env"': {"content": [{"name": 1}]}}]
    assert list(breaches({"dynamic": bodies}, schema, "x")) == [
        "x.env: there is no nam",
        "x.env: name is missing",
    ]


def test_services_are_told_by_variables_that_exist() -> None:
    told = {
        name for path in TERRAFORM.glob("*.tf") for name in re.findall(r"\bSTENO_[A-Z_]+", path.read_text())
    }
    assert told - {variable(name) for name in Config.model_fields} == set()
