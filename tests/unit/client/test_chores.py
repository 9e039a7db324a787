"""Named tasks that replace each other, and none of which is lost."""

import asyncio

from client.chores import Chores
from tests.unit.client.doubles import settle


class Work:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: list[BaseException] = []
        self.chores = Chores(self.failures.append)

    async def wait(self, name: str) -> None:
        self.log.append(f"{name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append(f"{name} ends")

    async def fail(self) -> None:
        raise LookupError("lost")


async def test_a_new_one_replaces_the_one_of_its_name_only() -> None:
    work = Work()
    work.chores.start("a", work.wait("first"))
    work.chores.start("b", work.wait("other"))
    await settle()
    work.chores.start("a", work.wait("second"))
    await settle()
    assert work.log == ["first begins", "other begins", "first ends", "second begins"]
    await work.chores.close()
    assert sorted(work.log[4:]) == ["other ends", "second ends"]
    assert work.failures == []


async def test_a_failure_is_handed_on() -> None:
    work = Work()
    work.chores.start("a", work.fail())
    await work.chores.wait("a")
    await settle()
    assert [type(failure) for failure in work.failures] == [LookupError]
    assert work.chores.has("a")
    assert not work.chores.has("b")


async def test_waiting_for_one_that_never_was_returns() -> None:
    await Work().chores.wait("a")


async def test_cancelling_says_whether_it_ran() -> None:
    work = Work()
    assert not work.chores.cancel("a")
    work.chores.start("a", work.wait("first"))
    await settle()
    assert work.chores.cancel("a")
    await settle()
    assert not work.chores.cancel("a")
