"""Stage 6 of 13. One stream over many: when one dies, what it had not settled is told to the next, from the first sample.

Whoever wraps engines says where the next stream comes from and when to give up; the replay is the same for all. What a
retired stream would still say is never read: its listener ends before the next stream is opened.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final as Constant
from typing import Protocol

from services.ingest.engines.base import (
    EngineStream,
    Final,
    Health,
    Hypothesis,
    Through,
    Trouble,
    Wordless,
)
from services.ingest.engines.held import Audio, Held
from services.ingest.engines.remote_failures import Kind, VendorFailure
from services.ingest.engines.voice import Voice
from shared.domain.values import samples
from shared.errors import EngineUnavailable
from shared.observe import get_logger
from shared.ports import Clock
from shared.tasks import stop, together

log = get_logger("engines")

HELD_MAX: Constant = samples(150)
"""Beyond it `feed` waits. More than any credit window, so that only a caller without one meets it. 5 MB."""


@dataclass(frozen=True, slots=True)
class Opened:
    stream: EngineStream
    name: str
    """Of the engine."""


class Source(Protocol):
    """Where one session's streams come from, one after another."""

    trouble: Trouble
    """What it is in while it looks for the next."""

    async def next(self, failure: EngineUnavailable | None, start: int) -> Opened:
        """A stream from sample `start`, after `failure` ended the last. Raises EngineUnavailable to give up."""

    def progressed(self) -> None:
        """The present stream has settled something."""

    def rests(self) -> bool:
        """The session pauses, and everything is settled. Whether the present stream is to be given back."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a stream that says nothing counts as dead."""

    stall_ms: int
    owed: int
    """Samples given and not settled; with fewer, and no flush to answer, silence is no sign of anything."""


class ReplayingStream:
    def __init__(self, source: Source, clock: Clock, start: int, patience: Patience | None) -> None:
        self._source = source
        self._clock = clock
        self._patience = patience
        self._held = Held(start)
        self._voice = Voice("this stream")
        self._troubled = False
        self._silent_since_ms: int | None = None
        self._work = asyncio.Event()
        self._owed = asyncio.Event()
        self._room = asyncio.Event()
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._ran)

    # --- what it is fed

    async def feed(self, start: int, pcm: bytes) -> None:
        while self._held.samples > HELD_MAX and not self._voice.is_over:
            self._room.clear()
            await self._room.wait()
        self._voice.check()
        self._held.audio(start, pcm)
        self._work.set()

    async def flush(self, at: int) -> None:
        self._voice.check()
        self._held.flush(at)
        self._work.set()

    # --- what it does

    async def _run(self) -> None:
        failure: EngineUnavailable | None = None
        while True:
            await self._until_something_is_held()
            if failure is not None and not _is_routine(failure):
                self._troubled = True
                self._voice.say(Health(self._source.trouble))
            opened = await self._source.next(failure, self._held.first)
            failure = None
            try:
                await self._serve(opened)
            except EngineUnavailable as error:
                failure = error
            finally:
                await opened.stream.close()

    async def _until_something_is_held(self) -> None:
        """No stream is opened for silence before the first word, nor for a flush that has nothing to finalise."""
        while True:
            answered = self._held.begin_again()
            if answered is not None:
                self._voice.say(Through(answered))
            if not self._held.is_empty:
                return
            self._work.clear()
            await self._work.wait()

    async def _serve(self, opened: Opened) -> None:
        self._silent_since_ms = None
        await together(self._listen(opened), self._give(opened.stream), self._watch())

    async def _give(self, stream: EngineStream) -> None:
        while True:
            item = self._held.next()
            if item is None:
                self._work.clear()
                await self._work.wait()
                continue
            if self._silent_since_ms is None:
                self._silent_since_ms = self._clock.monotonic_ms()
            self._owed.set()
            if isinstance(item, Audio):
                await stream.feed(item.start, item.pcm)
            else:
                await stream.flush(item.at)

    async def _listen(self, opened: Opened) -> None:
        """Until the stream is given back. Raises EngineUnavailable when it dies."""
        async for hypothesis in opened.stream.heard():
            await self._voice.has_room()
            if self._hear(hypothesis, opened.name):
                return
        raise EngineUnavailable(f"{opened.name} ended a stream that was not finished")

    def _hear(self, hypothesis: Hypothesis, name: str) -> bool:
        match hypothesis:
            case Final(span=span) | Wordless(span=span):
                self._settle(span.until)
            case Through(until=until):
                self._settle(until)
        if isinstance(hypothesis, Final) and not hypothesis.engine:
            hypothesis = replace(hypothesis, engine=name)
        self._voice.say(hypothesis)
        owes = self._held.sent_until > self._held.settled or self._held.flush_is_due
        self._silent_since_ms = self._clock.monotonic_ms() if owes else None
        return isinstance(hypothesis, Through) and self._held.rests and self._source.rests()

    def _settle(self, until: int) -> None:
        if self._held.settle(until):
            self._source.progressed()
            if self._troubled:
                self._troubled = False
                self._voice.say(Health(None))
        self._room.set()

    async def _watch(self) -> None:
        """A stream that takes audio and says nothing looks like a patient listener for as long as it is believed."""
        if self._patience is None:
            return
        while True:
            since_ms = self._silent_since_ms
            if since_ms is None or not self._is_owed(self._patience.owed):
                self._owed.clear()
                await self._owed.wait()
                continue
            wait_ms = since_ms + self._patience.stall_ms - self._clock.monotonic_ms()
            if wait_ms <= 0:
                raise EngineUnavailable("the speech engine takes audio and says nothing")
            await self._clock.sleep_ms(wait_ms)

    def _is_owed(self, least: int) -> bool:
        return self._held.sent_until - self._held.settled >= least or self._held.flush_is_due

    # --- what it says, and how it ends

    def heard(self) -> AsyncIterator[Hypothesis]:
        return self._voice.heard()

    def _ran(self, running: "asyncio.Task[None]") -> None:
        error = None if running.cancelled() else running.exception()
        if isinstance(error, EngineUnavailable):
            self._voice.fail(error)
        elif error is not None:
            # Ours to put right; the recording meanwhile goes on elsewhere.
            log.error("a stream failed", exc_info=error)
            failure = EngineUnavailable("speech recognition failed by a mistake of ours")
            failure.__cause__ = error
            self._voice.fail(failure)
        self._room.set()

    async def close(self) -> None:
        self._voice.close()
        self._room.set()
        await stop(self._running)


def _is_routine(failure: EngineUnavailable) -> bool:
    return isinstance(failure, VendorFailure) and failure.kind is Kind.ROTATE
