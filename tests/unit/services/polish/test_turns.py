"""However many wake-ups come at once, a session is handled once at a time, and none is told too much."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.polish.turns import Turns
from shared.domain.values import SessionId
from shared.errors import Retry, StoreUnavailable
from shared.tasks import stop
from tests.unit.services.scene import SESSION

OTHER = SessionId("00000000-0000-4000-8000-000000000002")


class Work:
    """Handlings that last until they are told to end."""

    def __init__(self) -> None:
        self.began: list[SessionId] = []
        self.running: dict[SessionId, asyncio.Future[None]] = {}
        self.turns = Turns(self.handle)

    async def handle(self, session: SessionId) -> None:
        assert session not in self.running, "two at once"
        self.began.append(session)
        self.running[session] = asyncio.get_running_loop().create_future()
        try:
            await self.running[session]
        finally:
            del self.running[session]

    async def end(self, error: Exception | None = None, session: SessionId = SESSION) -> None:
        if error is None:
            self.running[session].set_result(None)
        else:
            self.running[session].set_exception(error)
        await breathe()

    @asynccontextmanager
    async def pushed(
        self, count: int, session: SessionId = SESSION
    ) -> AsyncIterator[list[asyncio.Task[None]]]:
        pushes = [asyncio.create_task(self.turns.take(session)) for _ in range(count)]
        await breathe()
        try:
            yield pushes
        finally:
            await stop(*pushes)


async def breathe() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def done(pushes: list[asyncio.Task[None]]) -> list[bool]:
    return [push.done() for push in pushes]


async def test_those_who_come_meanwhile_share_the_handling_after_it() -> None:
    work = Work()
    async with work.pushed(1) as first, work.pushed(3) as later:
        assert len(work.began) == 1
        await work.end()
        assert (done(first), done(later)) == ([True], [False] * 3)
        assert len(work.began) == 2
        await work.end()
        assert done(later) == [True] * 3
    assert len(work.began) == 2


async def test_those_who_come_at_once_share_the_first() -> None:
    work = Work()
    async with work.pushed(5) as pushes:
        await work.end()
        assert done(pushes) == [True] * 5
    assert len(work.began) == 1


async def test_whoever_keeps_coming_delays_nobody_who_was_there() -> None:
    work = Work()
    async with work.pushed(1) as first, work.pushed(1) as second:
        await work.end()
        async with work.pushed(1) as third:
            await work.end()
            assert (done(first), done(second), done(third)) == ([True], [True], [False])
            await work.end()
            assert done(third) == [True]


async def test_a_failure_is_that_of_all_who_waited_for_it_and_of_nobody_else() -> None:
    work = Work()
    async with work.pushed(2) as first, work.pushed(2) as later:
        await work.end(StoreUnavailable("away"))
        for push in first:
            with pytest.raises(StoreUnavailable):
                await push
        assert done(later) == [False] * 2
        await work.end(Retry("still away"))
        for push in later:
            with pytest.raises(Retry, match="still"):
                await push
        async with work.pushed(1) as again:
            await work.end()
            await again[0]


async def test_sessions_do_not_wait_for_one_another() -> None:
    work = Work()
    async with work.pushed(1), work.pushed(1, OTHER) as other:
        await work.end(session=OTHER)
        assert done(other) == [True]
        assert list(work.running) == [SESSION]


async def test_whoever_gives_up_leaves_the_handling_to_the_others() -> None:
    work = Work()
    async with work.pushed(2) as pushes:
        await stop(pushes[0])
        assert list(work.running) == [SESSION]
        await work.end()
        await pushes[1]
    assert len(work.began) == 1


async def test_with_the_last_who_waits_a_handling_ends_and_the_next_one_begins() -> None:
    work = Work()
    async with work.pushed(1) as first, work.pushed(1) as second:
        await stop(*first)
        await breathe()
        assert len(work.began) == 2
        await work.end()
        await second[0]
    assert work.running == {}


async def test_whom_all_gave_up_before_it_began_is_never_begun() -> None:
    work = Work()
    async with work.pushed(1) as first, work.pushed(2) as second:
        await stop(*second)
        async with work.pushed(1) as third:
            await work.end()
            await first[0]
            await work.end()
            await third[0]
    assert len(work.began) == 2


async def test_in_the_end_nothing_runs() -> None:
    work = Work()
    async with work.pushed(3), work.pushed(2), work.pushed(1, OTHER):
        assert set(work.running) == {SESSION, OTHER}
    assert work.running == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}
