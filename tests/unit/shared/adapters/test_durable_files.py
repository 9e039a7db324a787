"""Files are whole or not there, and never in the place of another."""

import resource
from pathlib import Path

import pytest

from shared.adapters.durable_files import create_whole, sync_directory


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    create_whole(tmp_path / "file", b"content", tmp_path)
    sync_directory(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["file"]


def test_what_exists_is_left_alone(tmp_path: Path) -> None:
    create_whole(tmp_path / "file", b"first", tmp_path)
    with pytest.raises(FileExistsError):
        create_whole(tmp_path / "file", b"second", tmp_path)
    assert (tmp_path / "file").read_bytes() == b"first"
    assert names(tmp_path) == ["file"]


def test_a_link_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        create_whole(tmp_path / "link", b"content", tmp_path)
    assert names(tmp_path) == ["link"]


def test_nothing_is_left_where_the_place_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        create_whole(tmp_path / "missing" / "file", b"content", tmp_path)
    assert names(tmp_path) == []


def test_nothing_is_left_of_a_file_that_found_no_room(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            create_whole(tmp_path / "file", b"x" * 10_000, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_only_directories_are_synced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_directory(tmp_path / "file")
