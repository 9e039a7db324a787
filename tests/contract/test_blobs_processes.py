"""Every blob storage that processes share: who is killed while writing leaves whole objects, or none."""

import asyncio
from pathlib import Path
from random import Random
from typing import cast

import pytest

from shared.ports import Blobs
from tests.contract.adapters import BLOBS, Kind, crossing
from tests.contract.processes import children
from tests.doubles.clock import ManualClock

SIZE = 40_000


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", crossing(BLOBS), ids=lambda kind: kind.name)
async def test_a_writer_killed_at_any_moment_leaves_whole_objects(
    kind: object, tmp_path: Path, clock: ManualClock, seed: int
) -> None:
    random = Random(seed)
    blobs_kind = cast(Kind[Blobs], kind)
    async with blobs_kind.place(tmp_path) as place:
        async with children(("write_blobs", blobs_kind.name, place, str(SIZE))) as [writer]:
            writer.go()
            said = [await writer.line() for _ in range(random.randint(1, 60))]
            for _ in range(random.randint(0, 400)):
                await asyncio.sleep(0)
            said += await writer.kill()
        blobs = await blobs_kind.open(place, clock)
        keys = await blobs.list("drafts/")
        numbers = {int(key.rpartition("/")[2]) for key in keys}
        acknowledged = {int(number) for [number] in said}
        assert acknowledged <= numbers
        assert len(numbers - acknowledged) <= 1
        for key in keys:
            assert await blobs.read(key) == bytes([int(key.rpartition("/")[2]) % 256]) * SIZE
        await blobs.create(keys[-1], bytes([int(keys[-1].rpartition("/")[2]) % 256]) * SIZE)
        await blobs.close()
