"""A walk over many sessions: several at once and no more, no longer than its time, and nobody left out for ever."""

import asyncio
import re
from collections.abc import Callable
from io import StringIO

import pytest

from services.autosave.walk import AT_ONCE, FAILURES_IN_A_ROW_MAX, WALK_MS_MAX, Attend, Walk
from shared.config import LogFormat, LogLevel
from shared.domain.values import SessionId
from shared.errors import BlobsUnavailable, Broken, Retry, StoreUnavailable
from shared.observe import configure
from shared.ports import Stored, Version
from tests.contract.examples import document, session_id
from tests.doubles.clock import ManualClock
from tests.rules.tree import ROOT

PAGE = 20
ALL = [session_id(number) for number in range(50)]


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("test", LogLevel.ERROR, LogFormat.JSON, StringIO())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def page_after(after: SessionId | None) -> list[Stored]:
    following = [each for each in ALL if after is None or each > after]
    return [Stored(each, document(), Version("1")) for each in following[:PAGE]]


def noting(seen: list[SessionId], then: Callable[[SessionId], None] = lambda session: None) -> Attend:
    async def attend(stored: Stored) -> None:
        seen.append(stored.session)
        then(stored.session)

    return attend


async def test_every_session_of_every_page_is_attended_to_once(clock: ManualClock) -> None:
    seen: list[SessionId] = []
    walk = Walk(clock)
    for _ in range(2):
        assert await walk.go_on(page_after, noting(seen))
    assert seen == ALL * 2


async def test_several_at_once_and_no_more(clock: ManualClock) -> None:
    inside, most = 0, 0

    async def attend(stored: Stored) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        for _ in range(10):
            await asyncio.sleep(0)
        inside -= 1

    await Walk(clock).go_on(page_after, attend)
    assert most == AT_ONCE


async def test_when_its_time_is_over_it_stops_and_the_next_one_goes_on_from_there(clock: ManualClock) -> None:
    seen: list[SessionId] = []
    attend = noting(seen, lambda session: clock.advance(WALK_MS_MAX // 30))
    walk = Walk(clock)
    assert not await walk.go_on(page_after, attend)
    assert seen == ALL[:30]
    assert await walk.go_on(page_after, attend)
    assert seen == ALL
    assert not await walk.go_on(page_after, attend)
    assert seen == ALL + ALL[:30]


@pytest.mark.parametrize("error", [Retry("away"), StoreUnavailable("away"), BlobsUnavailable("away")])
async def test_what_fails_for_several_in_a_row_ends_it_and_the_next_one_goes_on_behind_them(
    clock: ManualClock, error: Retry
) -> None:
    seen: list[SessionId] = []

    def fail(session: SessionId) -> None:
        if session in ALL[:FAILURES_IN_A_ROW_MAX]:
            raise error

    walk = Walk(clock)
    with pytest.raises(type(error)):
        await walk.go_on(page_after, noting(seen, fail))
    assert seen == ALL[:FAILURES_IN_A_ROW_MAX]
    assert await walk.go_on(page_after, noting(seen, fail))
    assert seen == ALL


@pytest.mark.parametrize(
    ("error", "of"), [(StoreUnavailable("this one"), 3), (Broken("each of them"), 1)], ids=["some", "all"]
)
async def test_what_fails_alone_or_by_our_mistake_stops_no_other(
    clock: ManualClock, error: Exception, of: int
) -> None:
    seen: list[SessionId] = []

    def fail(session: SessionId) -> None:
        if ALL.index(session) % of == 0:
            raise error

    assert await Walk(clock).go_on(page_after, noting(seen, fail))
    assert seen == ALL


async def test_a_list_that_does_not_come_is_said_and_asked_for_again(clock: ManualClock) -> None:
    seen: list[SessionId] = []

    async def fails_once(after: SessionId | None) -> list[Stored]:
        if after == ALL[PAGE - 1] and len(seen) == PAGE and not lost:
            lost.append(True)
            raise StoreUnavailable("away")
        return await page_after(after)

    lost: list[bool] = []
    walk = Walk(clock)
    with pytest.raises(StoreUnavailable):
        await walk.go_on(fails_once, noting(seen))
    assert await walk.go_on(fails_once, noting(seen))
    assert seen == ALL


async def test_a_mistake_of_ours_over_one_leaves_nobody_at_work(clock: ManualClock) -> None:
    left = 0

    async def attend(stored: Stored) -> None:
        nonlocal left
        if stored.session == ALL[2]:
            raise LookupError
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            left += 1

    with pytest.raises(LookupError):
        await Walk(clock).go_on(page_after, attend)
    assert left == AT_ONCE - 1


def test_the_walks_of_a_sweep_end_before_whoever_asked_for_it_gives_up() -> None:
    functions = (ROOT / "infra" / "terraform" / "functions.tf").read_text()
    waits_s = re.search(r'attempt_deadline\s*=\s*"(\d+)s"', functions)
    assert waits_s is not None
    assert 4 * WALK_MS_MAX < int(waits_s[1]) * 1_000 * 3 // 4
