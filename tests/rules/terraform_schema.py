"""The schema of Terraform's Google provider, cut down to what infra/terraform uses.

    npm pack @cdktf/provider-google@16.12.1    # made from provider 6.50.0; unpack package/.jsii
    python -m tests.rules.terraform_schema package/.jsii > tests/data/terraform-google-6.50.json

Blocks are objects, attributes are null; what must be given has its name in "!".
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import hcl2

ROOT: Final = Path(__file__).parents[2]
TERRAFORM: Final = ROOT / "infra" / "terraform"
SCHEMA: Final = ROOT / "tests" / "data" / "terraform-google-6.50.json"
REQUIRED: Final = "!"
META: Final = frozenset(
    {"connection", "count", "dependsOn", "forEach", "lifecycle", "provider", "provisioners"}
)
"""What every resource takes, and Terraform itself reads."""

Schema = dict[str, Any]


def blocks() -> Iterator[tuple[Path, str, str, Mapping[str, Any]]]:
    """Every resource and data block: its file, kind, type and body."""
    for path in sorted(TERRAFORM.glob("*.tf")):
        with path.open() as file:
            parsed = hcl2.load(file)
        for kind in ("resource", "data"):
            for block in parsed.get(kind, []):
                for name, labelled in block.items():
                    for body in labelled.values():
                        yield path, kind, name.strip('"'), body


def cut_down(types: Mapping[str, Any], wanted: set[tuple[str, str]]) -> Schema:
    found: Schema = {}
    for name, type_ in types.items():
        said = re.search(
            r"/(resources|data-sources)/\w+ (google_\w+)}", type_.get("docs", {}).get("summary", "")
        )
        if said is None or f"{name}Config" not in types:
            continue
        kind = "resource" if said[1] == "resources" else "data"
        if (kind, said[2]) in wanted:
            found[f"{kind} {said[2]}"] = _properties(types, f"{name}Config")
    return found


def _properties(types: Mapping[str, Any], name: str) -> Schema:
    properties: Schema = {REQUIRED: []}
    for each in types[name].get("properties", []):
        if each["name"] in META:
            continue
        attribute = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", each["name"]).lower()
        inner = _inner(types, each["type"])
        properties[attribute] = None if inner is None else _properties(types, inner)
        if not each.get("optional"):
            properties[REQUIRED].append(attribute)
    return properties


def _inner(types: Mapping[str, Any], type_: Mapping[str, Any]) -> str | None:
    """The struct behind a property, be it one block, a list of them, or either."""
    names = re.findall(r"'fqn': '(@cdktf/provider-google[^']+)'", str(type_))
    structs = [name for name in names if types.get(name, {}).get("kind") == "interface"]
    return structs[0] if structs else None


def main() -> None:
    types = json.loads(Path(sys.argv[1]).read_text())["types"]
    wanted = {(kind, name) for _, kind, name, _ in blocks()}
    json.dump(cut_down(types, wanted), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
