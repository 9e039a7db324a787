"""The file of ticket keys: private, made once however many make it, and refused rather than guessed at."""

import base64
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.ingest.tickets import KEY_BYTES, TicketKey, load_or_create_keys, open_ring, parse_keys
from shared.errors import SetupError


def line(byte: bytes, length: int = KEY_BYTES) -> str:
    return base64.urlsafe_b64encode(byte * length).decode()


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_missing_file_is_made_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ticket.key"
    (key,) = load_or_create_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_keys(path) == (key,)
    assert list(path.parent.iterdir()) == [path]


def test_its_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_or_create_keys(tmp_path / "ticket.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "ticket.key").stat().st_mode) == 0o600


def test_all_that_start_at_once_get_one_ring(tmp_path: Path) -> None:
    starting = threading.Barrier(8)

    def load(_: int) -> tuple[TicketKey, ...]:
        starting.wait()
        return load_or_create_keys(tmp_path / "ticket.key")

    with ThreadPoolExecutor(starting.parties) as pool:
        rings = set(pool.map(load, range(starting.parties)))
    assert len(rings) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ticket.key"]


def test_two_keys_are_kept_in_their_order(tmp_path: Path) -> None:
    path = written(tmp_path / "ticket.key", f"{line(b'b')}\n{line(b'a')}\n")
    assert load_or_create_keys(path) == (TicketKey(b"b" * KEY_BYTES), TicketKey(b"a" * KEY_BYTES))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o602])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "ticket.key", line(b"a"), mode)
    with pytest.raises(SetupError, match="others may read .* chmod 600"):
        load_or_create_keys(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "not base64!",
        line(b"a", KEY_BYTES - 1),
        line(b"a", KEY_BYTES + 1),
        f"{line(b'a')}\n{line(b'b')}\n{line(b'c')}",
        f"{line(b'a')}\nx",
        "é",
    ],
)
def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "ticket.key", text)
    with pytest.raises(SetupError, match="is damaged") as caught:
        load_or_create_keys(path)
    assert line(b"a") not in str(caught.value)


def test_what_is_no_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "dangling", tmp_path / "file" / "ticket.key"):
        with pytest.raises(SetupError, match="cannot be used"):
            load_or_create_keys(path)


def test_keys_from_elsewhere_name_their_origin() -> None:
    assert parse_keys(line(b"a"), "the secret") == (TicketKey(b"a" * KEY_BYTES),)
    with pytest.raises(SetupError, match="^the secret is damaged: .* in base64url$"):
        parse_keys("", "the secret")


def test_a_ring_that_is_given_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "ticket.key"
    given = f"{line(b'b')}\n{line(b'a')}\n"
    assert open_ring(given, path) == (TicketKey(b"b" * KEY_BYTES), TicketKey(b"a" * KEY_BYTES))
    with pytest.raises(SetupError, match="^STENO_TICKET_KEYS is damaged") as caught:
        open_ring(f"{line(b'a')}\nsecond", path)
    assert line(b"a") not in str(caught.value)
    assert not path.exists()
    assert open_ring("", path) == load_or_create_keys(path)
