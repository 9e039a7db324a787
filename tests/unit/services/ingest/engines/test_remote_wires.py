"""A vendor's stream over a wire that a test plays: what vendors may say, though no server of ours says it by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.ingest.engines.base import Final, Hypothesis, Through
from services.ingest.engines.remote import RemoteStream
from services.ingest.engines.remote_failures import Kind, VendorFailure
from services.ingest.engines.remote_wire import Ended, Fact, Finished, Said
from shared.adapters.clocks import SystemClock
from shared.domain.entries import Word
from shared.domain.values import BYTES_PER_SAMPLE, Span, samples
from tests.unit.services.ingest.engines.remotes import HURRIED, pcm

SECOND = samples(1)


class PuppetWire:
    """Takes everything, and says what it is told to."""

    lead_in = 0
    quiet_until = 0

    def __init__(self, *, has_room: bool = True) -> None:
        self.processed = 0
        self.closed = False
        self.taken = asyncio.Event()
        """All of the second of audio."""
        self._has_room = has_room
        self._facts: asyncio.Queue[Fact] = asyncio.Queue(100)

    def say(self, *facts: Fact) -> None:
        for each in facts:
            self._facts.put_nowait(each)

    async def ready(self) -> None:
        while not self._has_room:
            await asyncio.Event().wait()

    async def audio(self, pcm: bytes) -> None:
        self.processed += len(pcm) // BYTES_PER_SAMPLE
        if self.processed == SECOND:
            self.taken.set()

    async def finalise(self) -> None: ...

    async def end(self) -> None: ...

    async def keep_alive(self) -> None: ...

    async def facts(self) -> AsyncIterator[Fact]:
        while True:
            fact = await self._facts.get()
            yield fact
            if isinstance(fact, Ended):
                return

    async def close(self) -> None:
        self.closed = True


async def until_failed(wire: PuppetWire, *facts: Fact) -> tuple[list[Hypothesis], VendorFailure]:
    """What a stream says of a second of audio, until it fails: by the end that nobody asked for, if by nothing else."""
    stream = RemoteStream("Puppets", wire, HURRIED, SystemClock(), 0)
    said: list[Hypothesis] = []
    async with asyncio.timeout(5):
        await stream.feed(0, pcm(0, SECOND))
        if facts:
            await wire.taken.wait()
        wire.say(*facts)
        with pytest.raises(VendorFailure) as failed:
            await _listen(stream, said)
        await stream.close()
    assert wire.closed
    return said, failed.value


async def _listen(stream: RemoteStream, said: list[Hypothesis]) -> None:
    async for each in stream.heard():
        said.append(each)


async def test_a_vendor_that_ends_unasked_has_failed() -> None:
    said, failure = await until_failed(PuppetWire(), Ended())
    assert (said, failure.kind, failure.retryable) == ([], Kind.TRANSPORT, True)


async def test_a_vendor_that_never_has_room_again_has_failed() -> None:
    _, failure = await until_failed(PuppetWire(has_room=False))
    assert failure.kind == Kind.TIMEOUT


async def test_text_without_words_belongs_to_all_that_became_final_with_it() -> None:
    said, _ = await until_failed(PuppetWire(), Finished(8_000, "quite well"), Ended())
    assert said == [Final(Span(0, 8_000), "quite well"), Through(8_000)]
    assert [each.text for each in said if isinstance(each, Final)] == ["quite well"]


async def test_a_stop_alone_says_nothing() -> None:
    said, _ = await until_failed(PuppetWire(), Finished(8_000, "."), Ended())
    assert said == [Through(8_000)]


async def test_words_have_their_own_places() -> None:
    well = Finished(SECOND, "well", [Said("well", 1_600, 4_800)])
    said, _ = await until_failed(PuppetWire(), well, Ended())
    span = Span(1_600, 4_800)
    assert said == [Final(span, "well", (Word("well", span),)), Through(SECOND)]


async def test_a_word_that_was_final_before_is_not_said_again() -> None:
    once = Finished(9_600, "aspirin", [Said("aspirin", 3_200, 9_600)])
    again = Finished(SECOND, "aspirin daily", [Said("aspirin", 3_200, 9_600), Said("daily", 9_600, 14_400)])
    said, _ = await until_failed(PuppetWire(), once, again, Ended())
    assert [each.text for each in said if isinstance(each, Final)] == ["aspirin", "daily"]
    assert [each.span for each in said if isinstance(each, Final)] == [
        Span(3_200, 9_600),
        Span(9_600, 14_400),
    ]


async def test_words_without_a_text_are_their_own_text() -> None:
    words = [Said("quite", 0, 4_000), Said("well", 4_000, 8_000)]
    said, _ = await until_failed(PuppetWire(), Finished(8_000, "", words), Ended())
    assert [each.text for each in said if isinstance(each, Final)] == ["quite well"]
