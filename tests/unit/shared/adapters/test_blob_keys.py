"""Blob keys: what ours look like passes, and nothing that could lead elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.blob_keys import KEY_CHARACTERS_MAX, check_key, check_prefix
from shared.deletion import drafts_of
from shared.domain.values import SessionId
from shared.errors import Broken


@pytest.mark.parametrize(
    "key", ["a", "drafts/a/key", "a.b/c_d-e", "_", "-", "a..b", "x" * KEY_CHARACTERS_MAX]
)
def test_our_keys_pass(key: str) -> None:
    check_key(key)
    check_prefix(key)
    check_prefix(f"{key[:-1]}/" if len(key) == KEY_CHARACTERS_MAX else f"{key}/")


def test_every_key_begins_with_nothing() -> None:
    check_prefix("")
    with pytest.raises(Broken):
        check_key("")


def test_the_place_of_a_sessions_draft_passes() -> None:
    check_prefix(drafts_of(SessionId("0f8fad5b-d9cb-469f-a165-70867728950e")))


@given(st.text(st.sampled_from("a./\\-_ \n\0~:*ä"), max_size=8))
def test_whatever_passes_stays_below_where_it_is_put(key: str) -> None:
    try:
        check_key(key)
    except Broken:
        return
    parts = key.split("/")
    assert all(part and not part.startswith(".") for part in parts)
    assert not set(key) & set("\\ \n\0~:*ä")
