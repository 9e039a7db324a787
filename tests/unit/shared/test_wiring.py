"""Composition: what is opened is closed, and old data never meets a new key."""

import sqlite3
from pathlib import Path

import pytest

from shared.config import Config, load_config
from shared.errors import SetupError
from shared.wiring import Ports, build


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(
        data_dir=tmp_path / "data",
        key_file=tmp_path / "keys" / "key.json",
        ticket_key_file=tmp_path / "t.key",
    )


async def built_and_closed(config: Config) -> Ports:
    ports = build(config)
    await ports.store.check()
    await ports.blobs.check()
    await ports.close()
    return ports


async def test_everything_opens_and_closes_and_opens_again(config: Config) -> None:
    first = await built_and_closed(config)
    second = await built_and_closed(config)
    assert second.kek.decrypt(first.kek.encrypt(b"key", b"place"), b"place") == b"key"


async def test_a_lost_key_file_is_not_replaced_while_there_is_data(config: Config) -> None:
    await built_and_closed(config)
    config.key_file.unlink()
    with pytest.raises(SetupError, match="key file .* is missing.*restore it"):
        build(config)
    assert not config.key_file.exists()


async def test_another_key_is_refused_before_anything_is_opened(config: Config, tmp_path: Path) -> None:
    await built_and_closed(config)
    other = load_config(
        data_dir=tmp_path / "other", key_file=tmp_path / "other.json", ticket_key_file=tmp_path / "t.key"
    )
    await built_and_closed(other)
    with pytest.raises(SetupError, match="is not the one that the data in"):
        build(config.model_copy(update={"key_file": other.key_file}))


async def test_a_data_directory_that_is_a_file_is_one_sentence(config: Config) -> None:
    config.data_dir.write_text("")
    with pytest.raises(SetupError, match="cannot use the data directory"):
        build(config)


async def test_a_database_that_is_something_else_is_one_sentence(config: Config) -> None:
    await built_and_closed(config)
    with sqlite3.connect(config.database) as connection:
        connection.execute("PRAGMA application_id = 1")
    connection.close()
    with pytest.raises(SetupError, match="cannot use the database"):
        build(config)
