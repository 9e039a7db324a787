"""What the emulators are started with, and the sentences for a machine that lacks them."""

from pathlib import Path

import pytest

from infra.local.emulators import STORAGE_PACKAGE, Tools, find_tools, firestore, pubsub, storage
from shared.errors import SetupError

TOOLS = Tools("/bin/java", "/sdk/firestore.jar", "/sdk/pubsub.jar", "/bin/fake-gcs")


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A Cloud SDK with both emulators, at a place that only its gcloud tells."""
    root = tmp_path / "elsewhere" / "sdk"
    for name in (
        "cloud-firestore-emulator/cloud-firestore-emulator.jar",
        "pubsub-emulator/lib/cloud-pubsub-emulator-0.8.9-all.jar",
    ):
        jar = root / "platform" / name
        jar.parent.mkdir(parents=True)
        jar.touch()
    return root


@pytest.fixture
def path(tmp_path: Path, sdk: Path) -> Path:
    program(tmp_path / "bin" / "java", "exit 0")
    program(tmp_path / "bin" / "gcloud", f'test "$1" = info && echo "{sdk}"')
    return tmp_path / "bin"


def test_everything_is_found_where_gcloud_says_it_is(path: Path, sdk: Path) -> None:
    tools = find_tools({"PATH": str(path)})
    assert tools.java == str(path / "java")
    assert tools.firestore_jar == str(sdk / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
    assert tools.pubsub_jar == str(sdk / "platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.9-all.jar")
    assert Path(tools.storage).is_file()


def test_java_is_taken_from_its_home_where_one_is_named(path: Path, tmp_path: Path) -> None:
    program(tmp_path / "jdk" / "bin" / "java", "exit 0")
    tools = find_tools({"PATH": str(path), "JAVA_HOME": str(tmp_path / "jdk")})
    assert tools.java == str(tmp_path / "jdk" / "bin" / "java")


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as refused:
        find_tools({"PATH": str(tmp_path)}, storage_package="no_such_package")
    said = str(refused.value)
    for part in ("default-jre-headless", "cloud.google.com/sdk/docs/install", "make setup-dev"):
        assert part in said
    assert said.count(";") >= 3


@pytest.mark.parametrize(
    ("jar", "component", "package"),
    [
        (
            "cloud-firestore-emulator/cloud-firestore-emulator.jar",
            "components install cloud-firestore-emulator",
            "google-cloud-cli-firestore-emulator",
        ),
        (
            "pubsub-emulator/lib/cloud-pubsub-emulator-0.8.9-all.jar",
            "components install pubsub-emulator",
            "google-cloud-cli-pubsub-emulator",
        ),
    ],
)
def test_a_missing_component_is_named(path: Path, sdk: Path, jar: str, component: str, package: str) -> None:
    (sdk / "platform" / jar).unlink()
    with pytest.raises(SetupError) as refused:
        find_tools({"PATH": str(path)})
    assert component in str(refused.value)
    assert package in str(refused.value)
    assert str(refused.value).count("emulator of") == 1


@pytest.mark.parametrize("script", ["exit 1", "echo", "exec /no/such/program"])
def test_a_gcloud_that_does_not_answer_is_said(path: Path, script: str) -> None:
    program(path / "gcloud", script)
    with pytest.raises(SetupError, match="gcloud info"):
        find_tools({"PATH": str(path)})


def test_each_command_is_one_process_on_this_machine_only(tmp_path: Path) -> None:
    for emulator in (
        firestore(TOOLS, 4_001),
        pubsub(TOOLS, 4_001),
        storage(TOOLS, 4_001),
        storage(TOOLS, 4_001, tmp_path),
    ):
        assert emulator.command[0] in (TOOLS.java, TOOLS.storage)
        assert emulator.address == "127.0.0.1:4001"
        assert emulator.health_url.startswith("http://127.0.0.1:4001/")
        assert any("127.0.0.1" in word for word in emulator.command)
        assert any("4001" in word for word in emulator.command)
        assert "0.0.0.0" not in " ".join(emulator.command)
    assert str(tmp_path) in storage(TOOLS, 4_001, tmp_path).command
    assert "memory" in storage(TOOLS, 4_001).command


def test_the_package_of_the_storage_is_one_of_the_locks() -> None:
    lock = Path(__file__).parents[4] / "requirements-dev.lock"
    assert STORAGE_PACKAGE.replace("_", "-") in lock.read_text()
