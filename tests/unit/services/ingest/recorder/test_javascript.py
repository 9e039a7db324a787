"""The recorder page's own tests and types, run by the tools of its language. A tool that is missing fails, and says so."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.rules.tree import ROOT

HERE = Path(__file__).parent
TSC = ROOT / "node_modules" / ".bin" / "tsc"
SECONDS_MAX = 50

TWINS = {"delivery", "dialling", "events", "link", "link-state"}
"""Tested together with their twins, in tests/wire."""


def node() -> str:
    found = shutil.which("node")
    assert found, "node is not installed, so the tests of the recorder page did not run: make setup-dev"
    return found


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_modules() -> None:
    tests = sorted(str(path) for path in HERE.glob("*.test.js"))
    assert tests
    assert "# fail 0" in run(node(), "--test", *tests)


def test_types() -> None:
    node()
    assert TSC.exists(), (
        "TypeScript is not installed, so the types of the recorder page were not checked: make setup-dev"
    )
    run(str(TSC))


def test_every_pure_module_has_tests() -> None:
    pure = {path.stem for path in (ROOT / "services/ingest/recorder").glob("*.js") if is_pure(path)}
    assert pure
    assert pure - {path.name.removesuffix(".test.js") for path in HERE.glob("*.test.js")} == TWINS


def test_pure_modules_have_no_clock_no_chance_and_no_page() -> None:
    impure = re.compile(
        r"\b(document|window|navigator|location|performance|fetch|setTimeout|setInterval|WebSocket)\b(?=[.(])"
        r"|Date\.now|new Date\(\)|Math\.random|crypto\."
    )
    pure = [path for path in (ROOT / "services/ingest/recorder").glob("*.js") if is_pure(path)]
    assert [f"{path.name}: {found[0]}" for path in pure if (found := impure.search(path.read_text()))] == []


def is_pure(path: Path) -> bool:
    """A module says so itself, in the comment it begins with."""
    return re.search(r"\b[Pp]ure[.;]", path.read_text().split("*/")[0]) is not None
