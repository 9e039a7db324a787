"""Which take a file is, and that only one run at a time is it."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from client.take_ids import AlreadyStreaming, only_run, take_id_of
from shared.domain.values import SessionId
from shared.errors import SetupError
from tests.unit.client.doubles import SESSION, TAKE

OTHER = SessionId("5e55105e-0000-4000-8000-000000000002")
TRY = """
import sys
from pathlib import Path
from client.take_ids import AlreadyStreaming, only_run
from shared.domain.values import TakeId
try:
    with only_run(TakeId(sys.argv[1]), Path(sys.argv[2])):
        print("runs")
except AlreadyStreaming:
    print("refused")
"""


def another_process(take_id: str, folder: Path) -> str:
    command = [sys.executable, "-c", TRY, take_id, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def test_the_same_audio_in_the_same_session_is_the_same_take() -> None:
    assert take_id_of(SESSION, b"a" * 32) == take_id_of(SESSION, b"a" * 32)


def test_other_audio_or_another_session_is_another_take() -> None:
    takes = {take_id_of(SESSION, b"a" * 32), take_id_of(SESSION, b"b" * 32), take_id_of(OTHER, b"a" * 32)}
    assert len(takes) == 3


def test_it_is_a_lower_case_uuid_of_our_own_recipe() -> None:
    take_id = take_id_of(SESSION, b"a" * 32)
    assert str(uuid.UUID(take_id)) == take_id
    assert uuid.UUID(take_id).version == 8
    assert uuid.UUID(take_id).variant == uuid.RFC_4122


def test_a_second_run_of_a_take_is_refused_while_the_first_lasts(tmp_path: Path) -> None:
    with only_run(TAKE, tmp_path):
        assert another_process(TAKE, tmp_path) == "refused"
        assert another_process(take_id_of(SESSION, b"b" * 32), tmp_path) == "runs"
    assert another_process(TAKE, tmp_path) == "runs"


def test_what_happens_inside_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        with only_run(TAKE, tmp_path):
            raise PermissionError
    with pytest.raises(BlockingIOError):
        with only_run(TAKE, tmp_path):
            raise BlockingIOError


def test_a_link_that_somebody_put_there_is_not_followed(tmp_path: Path) -> None:
    with only_run(TAKE, tmp_path):
        pass
    (lock,) = tmp_path.iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="remove it"):
        with only_run(TAKE, tmp_path):
            pass
    assert not (tmp_path / "elsewhere").exists()


def test_the_lock_is_private(tmp_path: Path) -> None:
    with only_run(TAKE, tmp_path):
        (lock,) = tmp_path.iterdir()
        assert lock.stat().st_mode & 0o777 == 0o600


def test_refusing_says_who_must_act() -> None:
    assert AlreadyStreaming.close_code == 4409
