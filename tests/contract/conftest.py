"""What every suite stands on: one adapter of its port at a fresh place, opened as often as a test likes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar, cast

import pytest

from shared.ports import Blobs, Bus, KeyEncryption, Store
from tests.contract.adapters import BLOBS, BUSES, KEYS, STORES, Kind
from tests.doubles.clock import ManualClock


class Closes(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=Closes)


@asynccontextmanager
async def opening(
    kind: Kind[C], tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Callable[[], Awaitable[C]]]:
    """A function that opens the same data once more, as another instance would; all are closed in the end."""
    opened: list[C] = []

    async with kind.place(tmp_path) as place:

        async def once_more() -> C:
            opened.append(await kind.open(place, clock))
            return opened[-1]

        try:
            yield once_more
        finally:
            for each in opened:
                await each.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=STORES, ids=lambda kind: kind.name)
async def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
    async with opening(cast(Kind[Store], request.param), tmp_path, clock) as once_more:
        yield once_more


@pytest.fixture
async def store(open_store: Callable[[], Awaitable[Store]]) -> Store:
    return await open_store()


@pytest.fixture
async def other(open_store: Callable[[], Awaitable[Store]], store: Store) -> Store:
    """A second instance with the same data."""
    return await open_store()


@pytest.fixture(params=BUSES, ids=lambda kind: kind.name)
async def open_bus(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Callable[[], Awaitable[Bus]]]:
    async with opening(cast(Kind[Bus], request.param), tmp_path, clock) as once_more:
        yield once_more


@pytest.fixture
async def bus(open_bus: Callable[[], Awaitable[Bus]]) -> Bus:
    return await open_bus()


@pytest.fixture(params=BLOBS, ids=lambda kind: kind.name)
async def open_blobs(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Callable[[], Awaitable[Blobs]]]:
    async with opening(cast(Kind[Blobs], request.param), tmp_path, clock) as once_more:
        yield once_more


@pytest.fixture
async def blobs(open_blobs: Callable[[], Awaitable[Blobs]]) -> Blobs:
    return await open_blobs()


@pytest.fixture(params=KEYS, ids=lambda kind: kind.name)
async def kek(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[KeyEncryption]:
    kind = cast(Kind[KeyEncryption], request.param)
    async with kind.place(tmp_path) as place:
        yield await kind.open(place, clock)
