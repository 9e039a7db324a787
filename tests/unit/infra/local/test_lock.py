"""One supervisor for each data directory."""

import os
from pathlib import Path

import pytest

from infra.local.lock import NAME, only_supervisor
from shared.errors import SetupError


def test_the_second_is_told_who_has_it_and_may_have_it_afterwards(tmp_path: Path) -> None:
    with only_supervisor(tmp_path / "data"):
        with pytest.raises(SetupError, match=rf"already running on .* \(process {os.getpid()}\)"):
            with only_supervisor(tmp_path / "data"):
                pass
        with only_supervisor(tmp_path / "another"):
            pass
    with only_supervisor(tmp_path / "data"):
        pass


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SetupError, match="cannot use the data directory"),
        only_supervisor(tmp_path / "file" / "data"),
    ):
        pass


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    with only_supervisor(tmp_path / "data"):
        assert (tmp_path / "data" / NAME).stat().st_mode & 0o077 == 0
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
