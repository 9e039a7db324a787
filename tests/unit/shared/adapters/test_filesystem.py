"""Blobs in a directory: private, without leftovers, and every trouble a sentence that says what to do."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.filesystem import LEFTOVER_AFTER_MS, SCRATCH, FilesystemBlobs
from shared.errors import BlobsUnavailable, SetupError
from tests.doubles.nobody import place_of_nobody, without_rights


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[FilesystemBlobs]:
    blobs = FilesystemBlobs.open(tmp_path / "drafts")
    yield blobs
    await blobs.close()


def below(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


async def test_everything_is_for_its_owner_alone(blobs: FilesystemBlobs, tmp_path: Path) -> None:
    await blobs.create("a/b/c", b"sealed")
    root = tmp_path / "drafts"
    modes = {path: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert modes[root / "a/b/c"] == 0o600


async def test_empty_directories_go_with_what_they_held(blobs: FilesystemBlobs, tmp_path: Path) -> None:
    for key in ("a/b/c", "a/d", "e"):
        await blobs.create(key, b"sealed")
    await blobs.delete("a/b/c")
    assert below(tmp_path / "drafts") == [SCRATCH, "a", "a/d", "e"]
    await blobs.delete("a/d")
    await blobs.delete("e")
    assert below(tmp_path / "drafts") == [SCRATCH]
    await blobs.check()


async def test_scratch_files_are_no_objects_and_go_when_nobody_writes_them(tmp_path: Path) -> None:
    scratch = tmp_path / SCRATCH
    scratch.mkdir(mode=0o700)
    old, young = scratch / "old.tmp", scratch / "young.tmp"
    for each in (old, young):
        each.write_bytes(b"part of an object")
    long_ago = young.stat().st_mtime - LEFTOVER_AFTER_MS / 1_000 - 60
    os.utime(old, (long_ago, long_ago))
    blobs = FilesystemBlobs.open(tmp_path)
    assert await blobs.list("") == []
    assert below(tmp_path) == [SCRATCH, f"{SCRATCH}/young.tmp"]
    await blobs.close()


async def test_a_full_disk_leaves_nothing_and_heals(blobs: FilesystemBlobs, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        with pytest.raises(BlobsUnavailable, match="cannot be used .*; check the disk and its permissions"):
            await blobs.create("a/b", b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await blobs.read("a/b") is None
    assert [name for name in below(tmp_path / "drafts") if name.endswith("tmp")] == []
    await blobs.create("a/b", b"x" * 10_000)


async def test_a_directory_that_cannot_be_read_is_not_taken_for_an_empty_one() -> None:
    """Deletion ends when nothing is listed: a list that leaves out what it may not see would end it too soon."""
    with place_of_nobody() as place:
        blobs = FilesystemBlobs.open(place)
        await blobs.create("drafts/a/key", b"sealed")
        (place / "drafts").chmod(0o700)
        with without_rights():
            outcome = await asyncio.gather(blobs.list("drafts/"), return_exceptions=True)
        assert [type(each) for each in outcome] == [BlobsUnavailable]
        await blobs.close()


async def test_a_blob_beneath_another_is_a_retry_not_a_crash(blobs: FilesystemBlobs) -> None:
    await blobs.create("a", b"sealed")
    with pytest.raises(BlobsUnavailable):
        await blobs.create("a/b", b"sealed")
    assert await blobs.read("a/b") is None
    await blobs.delete("a/b")
    assert await blobs.list("") == ["a"]


async def test_closed_is_closed(tmp_path: Path) -> None:
    blobs = FilesystemBlobs.open(tmp_path)
    await asyncio.gather(*(blobs.create(f"a/{n}", b"sealed") for n in range(8)))
    await blobs.close()
    await blobs.close()
    with pytest.raises(BlobsUnavailable, match="closed"):
        await blobs.list("")


async def test_a_directory_that_vanished_is_unavailable(blobs: FilesystemBlobs, tmp_path: Path) -> None:
    (tmp_path / "drafts").rename(tmp_path / "moved")
    for each in (blobs.check(), blobs.create("a", b"sealed")):
        with pytest.raises(BlobsUnavailable):
            await each


@pytest.mark.parametrize("blocked", ["drafts", f"drafts/{SCRATCH}"])
def test_a_place_that_is_a_file_is_a_sentence(tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).touch()
    with pytest.raises(SetupError, match="is not a directory; move it away, or choose another one"):
        FilesystemBlobs.open(tmp_path / "drafts")


def test_a_place_without_rights_is_a_sentence() -> None:
    with place_of_nobody() as place:
        place.chmod(0o500)
        with (
            without_rights(),
            pytest.raises(SetupError, match=r"cannot write to .*\(Permission denied\); make it"),
        ):
            FilesystemBlobs.open(place / "drafts")
