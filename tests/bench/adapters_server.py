"""The vendors' servers for `adapters.py`, with nothing costly behind them; prints their addresses, ends with its stdin."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

from services.ingest.engines.base import (
    Capabilities,
    EngineStream,
    Hint,
    Hypothesis,
    Through,
)
from services.ingest.engines.base import Final as FinalWords
from shared.domain.entries import Word
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, Span, samples
from tests.providers.hurried import VENDORS, be_quiet, serving
from tests.providers.session import Setting

HINT_EVERY: Final = samples(0.2)
FINAL_EVERY: Final = {"deepgram": samples(3), "speechmatics": samples(1)}
WORD: Final = samples(0.4)
WORDS: Final = (
    "patient denies chest pain and takes amlodipine five milligrams every morning with water".split()
)
UNTAKEN_MAX: Final = 1_000


class Talker:
    """Says the same words to everybody, at a steady rate."""

    def __init__(self, final_every: int) -> None:
        self._final_every = final_every

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            "talker", word_times=True, settles_in_ms=0, utterance_ms_max=18_000, streams_max=1
        )

    async def open(self, config: SessionConfig, start: int) -> EngineStream:
        return _TalkerStream(self._final_every, start)

    async def check(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to close."""


class _TalkerStream:
    def __init__(self, final_every: int, start: int) -> None:
        self._final_every = final_every
        self._said_until = self._hinted_at = self._position = start
        self._said: asyncio.Queue[Hypothesis | None] = asyncio.Queue(UNTAKEN_MAX)

    async def feed(self, start: int, pcm: bytes) -> None:
        self._position = start + len(pcm) // BYTES_PER_SAMPLE
        if self._position - self._said_until >= self._final_every:
            await self._final(utterance_end=False)
        elif self._position - self._hinted_at >= HINT_EVERY:
            self._hinted_at = self._position
            await self._said.put(Hint(Span(self._said_until, self._position), " ".join(self._texts())))

    async def flush(self, at: int) -> None:
        if self._position > self._said_until:
            await self._final(utterance_end=True)
        await self._said.put(Through(at))

    async def _final(self, *, utterance_end: bool) -> None:
        span = Span(self._said_until, self._position)
        texts = self._texts()
        words = tuple(
            Word(text, Span(span.start + at * WORD, min(span.until, span.start + (at + 1) * WORD)))
            for at, text in enumerate(texts)
        )
        self._said_until = self._hinted_at = self._position
        await self._said.put(FinalWords(span, " ".join(texts), words, utterance_end=utterance_end))
        await self._said.put(Through(span.until))

    def _texts(self) -> list[str]:
        return WORDS[: max(1, (self._position - self._said_until) // WORD)]

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while (said := await self._said.get()) is not None:
            yield said

    async def close(self) -> None:
        """Whoever listens is cancelled by the one who closes."""


async def main() -> None:
    be_quiet()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    async with AsyncExitStack() as opened:
        addresses = {}
        for vendor in VENDORS:
            setting = Setting(Talker(FINAL_EVERY[vendor]), interim_every_s=HINT_EVERY / samples(1))
            addresses[vendor] = f"ws://{await opened.enter_async_context(serving(vendor, setting))}"
        print(json.dumps(addresses), flush=True)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
