"""Stage 6 of 13. What a stream says, between the task that says it and the one that listens; and how it ends."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final as Constant

from services.ingest.engines.base import Hint, Hypothesis, Through
from shared.errors import EngineUnavailable

UNTAKEN_MAX: Constant = 256
"""Said and not yet taken. Who says more waits for room first, and reads no more from where it hears."""


class Voice:
    """What was said before an end is still told; then whoever listens, or feeds, is told why there is no more."""

    def __init__(self, of: str) -> None:
        self._of = of
        self._untaken: deque[Hypothesis] = deque()
        self._failure: BaseException | None = None
        self._closed = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return self._closed or self._failure is not None

    @property
    def is_full(self) -> bool:
        return len(self._untaken) >= UNTAKEN_MAX

    def check(self) -> None:
        """Raises what ended it."""
        if self._closed:
            raise EngineUnavailable(f"{self._of} is closed")
        if self._failure is not None:
            raise self._failure

    async def has_room(self) -> None:
        while self.is_full and not self.is_over:
            self._room.clear()
            await self._room.wait()

    def say(self, hypothesis: Hypothesis) -> None:
        """A hint lasts until the next word of any kind."""
        self._drop_last(Hint)
        self._untaken.append(hypothesis)
        self._news.set()

    def say_through(self, until: int) -> None:
        """In the place of an earlier place that nobody has taken yet."""
        self._drop_last(Through)
        self.say(Through(until))

    def _drop_last(self, kind: type[Hypothesis]) -> None:
        if self._untaken and isinstance(self._untaken[-1], kind):
            self._untaken.pop()

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while True:
            while not self._untaken and not self.is_over:
                self._news.clear()
                await self._news.wait()
            if self._closed:
                return
            if not self._untaken:
                self.check()
            hypothesis = self._untaken.popleft()
            self._room.set()
            yield hypothesis

    def fail(self, failure: BaseException) -> None:
        """The first failure counts."""
        self._failure = self._failure or failure
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._untaken.clear()
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._room.set()
