"""The probe that tells the right key-encryption key from another."""

from pathlib import Path

import pytest

from shared.adapters.key_check import NAME, check_key
from shared.adapters.local_keys import open_key_file
from shared.errors import SetupError


def test_the_same_key_passes_and_another_does_not(tmp_path: Path) -> None:
    ours, other = open_key_file(tmp_path / "ours.json"), open_key_file(tmp_path / "other.json")
    data = tmp_path / "data"
    check_key(data, ours)
    check_key(data, ours)
    with pytest.raises(SetupError, match="is not the one"):
        check_key(data, other)


@pytest.mark.parametrize("damage", [b"", b"\x00" * 64])
def test_a_damaged_probe_is_no_pass(tmp_path: Path, damage: bytes) -> None:
    kek = open_key_file(tmp_path / "key.json")
    check_key(tmp_path, kek)
    (tmp_path / NAME).write_bytes(damage)
    with pytest.raises(SetupError):
        check_key(tmp_path, kek)


def test_the_probe_says_nothing_of_the_key(tmp_path: Path) -> None:
    check_key(tmp_path, open_key_file(tmp_path / "key.json"))
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0
    assert (tmp_path / NAME).stat().st_size < 100
