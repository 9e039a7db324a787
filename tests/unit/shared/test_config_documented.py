"""The table of settings in docs/operations.md is the configuration: none missing, none made up, defaults as they are."""

import re
from pathlib import Path

from shared.config import Config, variable

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `(STENO_[A-Z_]+)` \| (?:`([^`]*)`|([^|]*?)) ?\|", re.M)
DOCUMENTED = {
    name: (exact, words.strip())
    for name, exact, words in ROW.findall((ROOT / "docs" / "operations.md").read_text())
}
PLACES = {"data_dir", "key_file", "ticket_key_file", "model_dir"}


def test_every_setting_is_documented_and_no_other() -> None:
    fields = Config.model_fields.keys() - {"cloud_service"}
    assert set(DOCUMENTED) == {variable(name) for name in fields}


def test_defaults_are_said_as_they_are() -> None:
    for name, field in Config.model_fields.items():
        if name in PLACES | {"cloud_service"}:
            continue
        exact, words = DOCUMENTED[variable(name)]
        default = field.get_default(call_default_factory=True)
        if default in ("", None) or default == {}:
            assert exact == "", name
        else:
            spelt = ",".join(default) if isinstance(default, tuple) else str(default)
            assert (exact, words) == (spelt, ""), name
