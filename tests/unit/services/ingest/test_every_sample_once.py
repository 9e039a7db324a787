"""Whatever is cut, replayed, repeated, taken over or restored: every sample ends in exactly one segment, silence or gap."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.ingest.simulation.world import EVENTS, World

USUAL = ["capture", "send", "send", "arrive", "arrive", "work", "work", "work", "write", "land"]
RARE = ["miss", "dial", "cut", "stop", "drain", "move", "record again", "back up"]


def run(chance: Random, names: list[str]) -> None:
    world = World(chance)
    world.happen(names)
    world.settle_down()
    world.check()


@settings(max_examples=200)
@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=60), st.integers(0, 2**32))
def test_in_any_order_of_events(names: list[str], seed: int) -> None:
    run(Random(seed), names)


@pytest.mark.parametrize("seed", range(60))
def test_in_a_long_session(seed: int) -> None:
    chance = Random(seed)
    names = [chance.choice(USUAL if chance.random() < 0.85 else RARE) for _ in range(600)]
    if seed % 3 == 0:
        names[300] = "restore"
    run(chance, ["dial", *names])
