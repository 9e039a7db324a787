"""Many dictations through a dying network, each told by its seed. More of them: `python -m tests.flow --seeds 10000`."""

import pytest

from tests.flow.story import play

SEEDS = 200


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_sample_is_stored_once(seed: int) -> None:
    play(seed)
