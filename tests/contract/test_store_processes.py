"""Every store that processes share: several of them at once, and one that is killed in the middle of a write."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import cast

import pytest

from shared.ports import Store
from tests.contract.adapters import STORES, Kind, crossing
from tests.contract.examples import SESSION, document, session_id
from tests.contract.process import ROWS
from tests.contract.processes import children
from tests.doubles.clock import ManualClock

COMMITS = 60


@dataclass(frozen=True, slots=True)
class Shared:
    kind: Kind[Store]
    place: str
    clock: ManualClock

    async def open(self) -> Store:
        return await self.kind.open(self.place, self.clock)

    def command(self, job: str, *arguments: object) -> tuple[str, ...]:
        return (job, self.kind.name, self.place, *map(str, arguments))


@pytest.fixture(params=crossing(STORES), ids=lambda kind: kind.name)
async def shared(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Shared]:
    kind = cast(Kind[Store], request.param)
    async with kind.place(tmp_path) as place:
        yield Shared(kind, place, clock)


async def log(store: Store) -> list[str]:
    """What the commits of the log say, one for each: whole, and as many as the document says."""
    found = await store.load(SESSION)
    rows = await store.entries(SESSION, 0, 100_000)
    assert found is not None
    assert [row.index for row in rows] == list(range(found.document.next_index))
    said = [(row.sealed or b"").decode() for row in rows]
    assert all(len({*said[at : at + ROWS]}) == 1 for at in range(0, len(said), ROWS))
    assert len(said) % ROWS == 0
    return said[::ROWS]


async def test_processes_that_write_one_session_lose_and_repeat_nothing(shared: Shared) -> None:
    store = await shared.open()
    await store.create(SESSION, document())
    async with children(*(shared.command("append", SESSION, who, COMMITS) for who in "ab")) as writers:
        for each in writers:
            each.go()
        acknowledged = await asyncio.gather(*(each.lines() for each in writers))
    stored = await log(store)
    assert sorted(stored) == sorted(f"{who}:{n}" for who in "ab" for n in range(COMMITS))
    for who, lines in zip("ab", acknowledged, strict=True):
        assert all(stored[int(index) // ROWS] == f"{who}:{done}" for index, done in lines)
    await store.close()


async def test_processes_that_create_at_once_agree_on_the_winner(shared: Shared) -> None:
    async with children(*(shared.command("create", who, COMMITS) for who in ("first", "second"))) as both:
        for each in both:
            each.go()
        one, two = await asyncio.gather(*(each.lines() for each in both))
    assert one == two
    assert len(one) == COMMITS
    assert {each for [each] in one} <= {"first", "second"}


async def test_what_another_process_changes_is_told(shared: Shared) -> None:
    store = await shared.open()
    changes = store.watch()
    async with children(shared.command("change", 20)) as [writer]:
        writer.go()
        missing = {session_id(number) for number in range(1, 21)}
        async with asyncio.timeout(10):
            while missing:
                missing.discard(await anext(changes))
    await store.close()


@pytest.mark.parametrize("seed", range(4))
async def test_a_writer_killed_at_any_moment_leaves_all_it_was_acknowledged(
    shared: Shared, seed: int
) -> None:
    random = Random(seed)
    store = await shared.open()
    await store.create(SESSION, document())
    await store.close()
    acknowledged: dict[int, str] = {}
    for life in range(2):
        async with children(shared.command("append", SESSION, life, 1_000_000)) as [writer]:
            writer.go()
            said = [await writer.line() for _ in range(random.randint(1, 60))]
            # Somewhere within the commit that follows, not always right after an acknowledgement.
            for _ in range(random.randint(0, 400)):
                await asyncio.sleep(0)
            said += await writer.kill()
        acknowledged |= {int(index) // ROWS: f"{life}:{done}" for index, done in said}
        store = await shared.open()
        stored = await log(store)
        assert {at: stored[at] for at in acknowledged} == acknowledged
        # One more at most than it was told of: the commit it was killed in.
        assert len(stored) - len(acknowledged) <= life + 1
        await store.check()
        await store.close()
