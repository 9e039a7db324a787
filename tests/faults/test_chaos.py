"""A small run of `chaos.py`: faults beneath, thieves beside, and every entry stored once, in its place."""

import pytest

from tests.doubles.emulators import firestore_project
from tests.faults.chaos import run


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_entry_is_lost_repeated_or_moved(seed: int) -> None:
    with firestore_project() as place:
        result = await run(place, sessions=8, entries=80, seed=seed)
    assert result.whole, str(result)
    assert result.unknown, "the faults reached nobody"
    assert result.fencings, "the thieves met nobody"
