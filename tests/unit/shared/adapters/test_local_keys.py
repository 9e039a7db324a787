"""The key file: made once, for its owner alone, and every trouble with it is a sentence that says what to do."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tink
from tink import mac, secret_key_access

from shared.adapters.local_keys import KEY_FILE_BYTES_MAX, open_key_file
from shared.errors import SetupError
from tests.doubles.nobody import place_of_nobody, without_rights


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "key.json"


def test_a_key_is_made_for_its_owner_alone(path: Path) -> None:
    open_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["key.json"]


def test_the_same_file_is_the_same_key(path: Path) -> None:
    wrapped = open_key_file(path).encrypt(b"key", b"place")
    assert open_key_file(path).decrypt(wrapped, b"place") == b"key"
    assert open_key_file(path, create=False).decrypt(wrapped, b"place") == b"key"


def test_another_file_is_another_key(path: Path, tmp_path: Path) -> None:
    wrapped = open_key_file(path).encrypt(b"key", b"place")
    with pytest.raises(tink.TinkError):
        open_key_file(tmp_path / "other.json").decrypt(wrapped, b"place")


def test_of_many_who_make_it_at_once_all_get_one_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: open_key_file(path), range(8)))
    wrapped = keys[0].encrypt(b"key", b"place")
    assert [each.decrypt(wrapped, b"place") for each in keys] == [b"key"] * 8


def test_beside_old_data_a_missing_key_is_not_replaced(path: Path) -> None:
    with pytest.raises(SetupError, match="is missing.*cannot be read; restore it from your backup"):
        open_key_file(path, create=False)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660, 0o677])
def test_a_key_that_others_may_read_or_write_is_refused(path: Path, mode: int) -> None:
    open_key_file(path)
    path.chmod(mode)
    with pytest.raises(SetupError, match=f"others may read the key file .*; run: chmod 600 {path}"):
        open_key_file(path)


def test_a_key_that_its_owner_may_only_read_is_fine(path: Path) -> None:
    open_key_file(path)
    path.chmod(0o400)
    open_key_file(path)


def other_kind_of_key() -> bytes:
    mac.register()
    handle = tink.new_keyset_handle(mac.mac_key_templates.HMAC_SHA256_128BITTAG)
    body: str = tink.json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    return body.encode()


DAMAGED = {
    "empty": b"",
    "no text": b"\xff\xfe\x00",
    "no json": b"{",
    "no object": b"[]",
    "no keys": b"{}",
    "nothing in it": b'{"primaryKeyId": 1, "key": []}',
    "another field": b'{"secret": "Ada-Example-7"}',
    "huge": b" " * (KEY_FILE_BYTES_MAX + 1),
    "another kind of key": other_kind_of_key(),
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_key_file_is_refused_and_not_quoted(path: Path, body: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(body)
    path.chmod(0o600)
    with pytest.raises(SetupError, match="is damaged or holds no such key; restore it") as refused:
        open_key_file(path)
    assert "Ada" not in str(refused.value)
    assert path.read_bytes() == body


def test_half_a_key_file_is_refused(path: Path) -> None:
    open_key_file(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SetupError, match="is damaged"):
        open_key_file(path)


def test_what_is_no_file_is_refused_and_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(SetupError, match="is not a file"):
        open_key_file(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SetupError, match="key file"):
        open_key_file(path)


def test_a_place_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    with pytest.raises(SetupError, match="cannot use the key file .*make it and its directory yours"):
        open_key_file(tmp_path / "keys" / "key.json")


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_place_without_rights_is_a_sentence(mode: int) -> None:
    with place_of_nobody() as place:
        place.chmod(mode)
        with without_rights(), pytest.raises(SetupError, match="cannot use the key file .*Permission denied"):
            open_key_file(place / "key.json")
