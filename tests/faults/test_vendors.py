"""A small run of `vendors.py`: both speech vendors fail in every way, and every sample is heard once, in its place."""

import pytest

from tests.faults.vendors import tell_many
from tests.providers.hurried import be_quiet

AT_ONCE = 8


@pytest.mark.parametrize("first", range(0, 3 * AT_ONCE, AT_ONCE))
async def test_every_sample_is_heard_once_whatever_the_vendors_do(first: int) -> None:
    be_quiet()
    told = await tell_many(first, AT_ONCE)
    assert [str(each) for each in told if each.problems] == []
    assert len(set.union(*(each.engines for each in told))) == 2, "nobody had to go to the other vendor"
