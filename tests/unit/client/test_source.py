"""A file as a source: decoded beside the event loop, and closed on every path."""

import asyncio
import threading
from pathlib import Path

import pytest

from client.audio import BadAudio, Measured, measure
from client.source import opened
from tests.unit.client.recordings import tone, write_wav


def audio_threads() -> int:
    return sum(thread.name.startswith("audio") for thread in threading.enumerate())


async def test_it_gives_the_whole_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 2.5)
    async with opened(path, measure(path)) as source:
        assert b"".join([block async for block in source]) == tone(2.5).tobytes()
    assert audio_threads() == 0


async def test_leaving_half_way_leaves_no_thread(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 5)
    async with opened(path, measure(path)) as source:
        await anext(source)
        assert audio_threads() == 1
    assert audio_threads() == 0


async def test_being_cancelled_while_it_decodes_leaves_no_thread(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 5)
    measured = measure(path)

    async def read() -> None:
        async with opened(path, measured) as source:
            async for _ in source:
                pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert audio_threads() == 0


async def test_what_is_wrong_with_the_file_comes_through(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="there is no file"):
        async with opened(tmp_path / "missing.wav", Measured(1, b"", b"")) as source:
            await anext(source)
