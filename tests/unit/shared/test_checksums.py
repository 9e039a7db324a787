"""Directories that say what they must hold, in the form that `sha256sum --check` reads."""

from pathlib import Path

import pytest

from shared.checksums import SUMS, digest, first_wrong, read_sums, write_sums

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "model.bin").write_bytes(b"abc")
    (tmp_path / "a name with spaces").write_bytes(b"")
    return tmp_path


def test_a_digest_is_sha_256(directory: Path) -> None:
    assert digest(directory / "model.bin") == ABC
    assert digest(directory / "a name with spaces") == EMPTY


def test_what_is_written_is_read(directory: Path) -> None:
    sums = {"model.bin": ABC, "a name with spaces": EMPTY}
    write_sums(directory, sums)
    assert (directory / SUMS).read_text() == f"{EMPTY}  a name with spaces\n{ABC}  model.bin\n"
    assert read_sums(directory) == sums
    assert first_wrong(directory, read_sums(directory)) is None


def test_what_other_tools_write_is_read(directory: Path) -> None:
    (directory / SUMS).write_text(f"\n{ABC} *model.bin\n\n{EMPTY}  a name with spaces")
    assert read_sums(directory) == {"model.bin": ABC, "a name with spaces": EMPTY}


def test_a_directory_that_states_nothing_is_empty(tmp_path: Path) -> None:
    assert read_sums(tmp_path) == {}
    assert first_wrong(tmp_path, {}) is None


def test_the_first_that_is_wrong_is_named(directory: Path) -> None:
    assert first_wrong(directory, {"model.bin": EMPTY, "a name with spaces": ABC}) == "a name with spaces"
    assert first_wrong(directory, {"model.bin": EMPTY}) == "model.bin"
    assert first_wrong(directory, {"missing": ABC, "model.bin": ABC}) == "missing"
    (directory / "folder").mkdir()
    assert first_wrong(directory, {"folder": ABC}) == "folder"
