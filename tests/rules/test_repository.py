"""What the repository may not hold: addresses of package indexes, paths of one machine, hidden gaps in tests."""

import re
import subprocess

from tests.rules.tree import ROOT, files

LOCKS = ("requirements.lock", "requirements-dev.lock", "package-lock.json", ".npmrc")
ADDRESS = re.compile(r"https?://|index-url|find-links|registry\s*=")
# Spelt in parts, so that this file does not hold what it forbids.
HOSTS = re.compile("|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.(org|com)"]))
HIDING = re.compile(r"pytest\.(mark\.)?(skip|xfail)|importorskip|\.skip\(")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_locks_name_no_index() -> None:
    assert [name for name in LOCKS if ADDRESS.search((ROOT / name).read_text())] == []


def test_every_package_is_pinned_with_its_hash() -> None:
    for name in LOCKS[:2]:
        text = (ROOT / name).read_text()
        pinned = re.findall(r"^[a-z0-9][^=\s]*==\S+", text, re.M)
        assert len(pinned) > 20
        assert len(re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.M | re.S)) == len(pinned)
        assert all(
            "--hash=sha256:" in each for each in re.split(r"^(?=[a-z0-9])", text, flags=re.M) if "==" in each
        )


def test_no_file_names_a_package_host() -> None:
    naming = []
    for path in files(
        ".py", ".js", ".md", ".toml", ".sh", ".json", ".lock", ".yaml", ".tf", ".html", ".css", ""
    ):
        if HOSTS.search(path.read_text(errors="replace")):
            naming.append(str(path.relative_to(ROOT)))
    assert naming == []


def test_no_test_hides_a_gap() -> None:
    hiding = [
        str(path.relative_to(ROOT))
        for path in files(".py", ".js")
        if path.is_relative_to(ROOT / "tests")
        and path.name != "test_repository.py"
        and HIDING.search(path.read_text())
    ]
    assert hiding == []


def test_no_test_waits_for_luck() -> None:
    """Only a wait for nothing in particular is forbidden; giving way (`sleep(0)`) is not one,
    nor is the sleep of a clock whose time is not real."""
    sleeping = re.compile(r"(?:asyncio|time)\.sleep\((?!0\))")
    waiting = [
        str(path.relative_to(ROOT))
        for path in files(".py")
        if path.is_relative_to(ROOT / "tests")
        and path.name not in ("test_repository.py", "virtual_time.py")
        and sleeping.search(path.read_text())
    ]
    assert waiting == []


def test_nothing_made_is_tracked() -> None:
    made = re.compile(r"(^|/)(\.venv|node_modules|__pycache__|models|data)/(?!speech)|\.(pyc|db|onnx|bin)$")
    assert [name for name in tracked() if made.search(name) and not name.startswith("tests/data/")] == []
