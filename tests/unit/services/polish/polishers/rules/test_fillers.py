"""Fillers go, and take no meaning with them."""

import pytest

from services.polish.polishers.rules.fillers import FILLERS, remove_fillers
from services.polish.polishers.rules.tokens import join, split


def without(said: str) -> str:
    return join(remove_fillers(split(said)))


@pytest.mark.parametrize("filler", sorted(FILLERS))
def test_a_filler_goes_with_the_commas_that_were_its_own(filler: str) -> None:
    assert without(f"he {filler} fell") == "he fell"
    assert without(f"asthma, {filler}, eczema") == "asthma, eczema"
    assert without(f"{filler.capitalize()}, he fell") == "he fell"
    assert without(f"He fell. {filler.capitalize()}. He rose.") == "He fell. He rose."
    assert without(f"He fell, {filler}.") == "He fell."
    assert without(filler) == ""


@pytest.mark.parametrize(
    "said", ["uh huh", "uh uh", "uh-huh", "right ERM", "a 5 mm cut in ER", "like, you know"]
)
def test_what_may_mean_something_stays(said: str) -> None:
    assert without(said) == said
