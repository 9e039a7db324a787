"""Rows and what they stand for: what does not fit or cannot be read is our mistake, and is said without its content."""

from dataclasses import replace

import pytest

from shared.adapters.sqlite_rows import changed_columns, key_cell, key_in_cell, stored_session
from shared.adapters.sqlite_schema import KEY_CELL_BYTES
from shared.errors import Broken
from tests.contract.examples import document, take


@pytest.mark.parametrize("length", [1, 32, 250, KEY_CELL_BYTES - 2])
def test_a_key_fills_its_cell_and_comes_back(length: int) -> None:
    cell = key_cell(b"\xff" * length)
    assert len(cell) == KEY_CELL_BYTES
    assert key_in_cell(cell) == b"\xff" * length


def test_a_key_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Broken, match="2303 bytes is longer than the store has room for"):
        key_cell(b"k" * (KEY_CELL_BYTES - 1))


def test_only_what_changed_is_written() -> None:
    before = document()
    assert changed_columns(before, before) == {}
    after = replace(before, next_index=4, takes=(take(1, dial=2),))
    assert set(changed_columns(before, after)) == {"next_index", "takes"}


def test_takes_that_cannot_be_read_are_broken() -> None:
    plain = ("dr.example", "log", "recording", "holder", 1, 1, 0, 0, 1, 1, None, None)
    for takes in ("", "{", '[{"take_id": 7}]', '[{"number": 1}]'):
        with pytest.raises(Broken, match="takes of a stored session cannot be read"):
            stored_session(("session", "version", *plain, takes, None, None))
