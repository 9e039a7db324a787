"""A file as a source of captured audio: decoded by one thread of its own, so that the event loop never waits for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from client.audio import Measured, pcm_as_measured


@asynccontextmanager
async def opened(path: Path, measured: Measured) -> AsyncIterator[AsyncIterator[bytes]]:
    """The file's PCM in blocks, at most one of them in memory, and the file closed on every path.

    The iterator raises BadAudio where the file cannot be read on, or is no longer what was measured.
    """
    blocks = pcm_as_measured(path, measured)
    with ThreadPoolExecutor(1, "audio") as thread:
        try:
            yield _each(blocks, thread)
        finally:
            # In the same thread, after whatever it is doing: a generator cannot be closed while it runs.
            thread.submit(blocks.close)


async def _each(blocks: Iterator[bytes], thread: ThreadPoolExecutor) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while (block := await loop.run_in_executor(thread, next, blocks, None)) is not None:
        yield block
