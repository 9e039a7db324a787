"""A stream's answers stay in order, its hints give way, and it slows its feeder down before it loses anything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from services.ingest.engines.whisper.engine import Models, WhisperEngine
from services.ingest.engines.whisper.recogniser import Effort
from services.ingest.engines.whisper.stream import FINALS_WAITING_MAX, WhisperStream
from shared.domain.session import SessionConfig
from shared.domain.values import DETECTOR_FRAME, Span
from shared.errors import EngineUnavailable
from shared.tasks import stop
from tests.unit.services.ingest.engines.whisper.voices import (
    Asked,
    ByHand,
    Floats,
    LoudIsSpeech,
    hum,
    quiet,
    voice,
)

END = 25
"""Frames of the pause that ends an utterance."""


@pytest.fixture
def by_hand() -> ByHand:
    return ByHand()


@pytest.fixture
async def engine(by_hand: ByHand) -> AsyncIterator[WhisperEngine]:
    engine = WhisperEngine(lambda: Models(by_hand, LoudIsSpeech()), workers=2)
    yield engine
    by_hand.release()
    await engine.close()


class Player:
    """Feeds a stream frame after frame, and gathers what it says."""

    def __init__(self, stream: WhisperStream, by_hand: ByHand) -> None:
        self.stream = stream
        self._by_hand = by_hand
        self._at = 0
        self._heard = stream.heard()

    async def feed(self, *sounds: bytes) -> None:
        for pcm in sounds:
            start, self._at = self._at, self._at + len(pcm) // 2
            await self.stream.feed(start, pcm)

    async def begun(self) -> Asked:
        return await asyncio.to_thread(self._by_hand.begun)

    async def next(self) -> Hypothesis:
        return await anext(self._heard)

    def next_soon(self) -> "asyncio.Task[Hypothesis]":
        return asyncio.ensure_future(self.next())


@pytest.fixture
async def player(engine: WhisperEngine, by_hand: ByHand) -> Player:
    return Player(await engine.open(SessionConfig(), 0), by_hand)


def span(start: int, until: int) -> Span:
    return Span(start * DETECTOR_FRAME, until * DETECTOR_FRAME)


def through(frames: int) -> Through:
    return Through(frames * DETECTOR_FRAME)


async def test_a_pause_is_recognised_while_it_lasts_and_the_final_is_there_at_its_end(player: Player) -> None:
    await player.feed(voice(5), quiet(8))
    guess = await player.begun()
    assert guess.task.effort is Effort.FINAL
    guess.answer("no murmur")
    assert await player.next() == Hint(span(0, 11), "no murmur")
    await player.feed(quiet(END - 8))
    assert await player.next() == Final(span(0, 11), "no murmur", confidence=90, utterance_end=True)
    assert await player.next() == through(11)


async def test_a_speaker_who_goes_on_is_recognised_again_to_the_end(player: Player) -> None:
    await player.feed(voice(5), quiet(9))
    guess = await player.begun()
    await player.feed(voice(3), quiet(END))
    final = await player.begun()
    assert len(final.task.pcm) == 2 * DETECTOR_FRAME * (5 + 9 + 3 + 6)
    guess.answer("no")
    assert await player.next() == Hint(span(0, 11), "no")
    final.answer("no rub")
    assert await player.next() == Final(span(0, 23), "no rub", confidence=90, utterance_end=True)


async def test_hints_come_while_somebody_speaks_and_only_the_newest_is_kept(player: Player) -> None:
    await player.feed(*[voice(1)] * 15)
    first = await player.begun()
    assert first.task.effort is Effort.HINT
    # Two workers, and one is kept from hints: the second waits for the first, and a third takes its place.
    await player.feed(*[voice(1)] * 70)
    first.answer("heart")
    said = await player.next()
    assert isinstance(said, Hint)
    assert (said.text, said.span.start) == ("heart", 0)
    newest = await player.begun()
    newest.answer("heart sounds are")
    last = await player.next()
    assert isinstance(last, Hint)
    assert last.text == "heart sounds are"
    assert last.span.until > 60 * DETECTOR_FRAME


async def test_a_hint_after_a_pause_listens_only_to_what_is_new(player: Player) -> None:
    await player.feed(voice(5), quiet(8))
    (await player.begun()).answer("no murmur")
    assert await player.next() == Hint(span(0, 11), "no murmur")
    await player.feed(*[voice(1)] * 40)
    hint = await player.begun()
    assert hint.task.effort is Effort.HINT
    assert len(hint.task.pcm) < 2 * DETECTOR_FRAME * 42
    hint.answer("or rub")
    said = await player.next()
    assert isinstance(said, Hint)
    assert (said.text, said.span.start) == ("no murmur or rub", 0)


async def test_at_the_next_pause_what_is_new_is_read_before_the_guess(player: Player) -> None:
    await player.feed(voice(5), quiet(8))
    (await player.begun()).answer("no murmur")
    await player.next()
    await player.feed(voice(5), quiet(8))
    new, guess = await player.begun(), await player.begun()
    assert (new.task.effort, guess.task.effort) == (Effort.HINT, Effort.FINAL)
    new.answer("or rub")
    assert await player.next() == Hint(span(0, 24), "no murmur or rub")
    await player.feed(quiet(END - 8))
    guess.answer("No murmur or rub.")
    assert await player.next() == Final(span(0, 24), "No murmur or rub.", confidence=90, utterance_end=True)


async def test_a_hint_is_told_of_what_is_being_recognised_but_not_of_what_comes_after(player: Player) -> None:
    await player.feed(voice(5), quiet(8))
    (await player.begun()).answer("first")
    await player.next()
    await player.feed(voice(5), quiet(8))
    hint, guess = await player.begun(), await player.begun()
    await player.feed(quiet(END - 8))
    hint.answer("and second")
    assert await player.next() == Hint(span(0, 24), "first and second")
    guess.answer("First and second.")
    assert isinstance(await player.next(), Final)


async def test_finals_are_told_in_order_whichever_is_recognised_first(player: Player) -> None:
    await player.feed(voice(5) + quiet(END), voice(7) + quiet(END))
    first, second = await player.begun(), await player.begun()
    second.answer("second")
    waiting = player.next_soon()
    await asyncio.sleep(0)
    assert not waiting.done()
    first.answer("first")
    assert (await waiting) == Final(span(0, 11), "first", confidence=90, utterance_end=True)
    assert await player.next() == through(11)
    said = await player.next()
    assert isinstance(said, Final)
    assert said.text == "second"


async def test_nothing_passes_an_utterance_that_is_not_recognised_yet(player: Player) -> None:
    await player.feed(voice(5) + quiet(END), hum(100))
    asked = await player.begun()
    waiting = player.next_soon()
    await asyncio.sleep(0)
    assert not waiting.done()
    asked.answer("breath")
    assert isinstance(await waiting, Final)
    said = await player.next()
    assert isinstance(said, Through)
    assert said.until > 80 * DETECTOR_FRAME


async def test_one_who_feeds_faster_than_is_recognised_has_to_wait(player: Player) -> None:
    await player.feed(*[voice(5) + quiet(END)] * FINALS_WAITING_MAX)
    feeding = asyncio.ensure_future(player.feed(voice(5)))
    await asyncio.wait([feeding], timeout=0.05)
    assert not feeding.done()
    (await player.begun()).answer("at last")
    assert isinstance(await player.next(), Final)
    await feeding


async def test_long_speech_without_words_is_told_and_a_cough_is_silence(player: Player) -> None:
    await player.feed(voice(100) + quiet(END), voice(5) + quiet(END))
    (await player.begun()).answer("")
    (await player.begun()).answer("")
    assert await player.next() == Wordless(span(0, 106))
    assert await player.next() == through(106)
    assert isinstance(await player.next(), Through)


async def test_words_that_are_dropped_over_speech_are_missed_sooner(player: Player) -> None:
    await player.feed(voice(20) + quiet(END), voice(10) + quiet(END))
    (await player.begun()).disbelieve()
    (await player.begun()).disbelieve()
    assert await player.next() == Wordless(span(0, 26))
    assert await player.next() == through(26)
    assert isinstance(await player.next(), Through)


async def test_a_flush_says_all_at_once_and_then_through(player: Player) -> None:
    await player.feed(voice(5))
    await player.stream.flush(5 * DETECTOR_FRAME)
    (await player.begun()).answer("stop")
    assert await player.next() == Final(span(0, 5), "stop", confidence=90, utterance_end=True)
    assert await player.next() == through(5)


async def test_a_failed_recognition_ends_the_stream_for_whoever_feeds_or_hears_it(player: Player) -> None:
    await player.feed(*[voice(5) + quiet(END)] * FINALS_WAITING_MAX)
    feeding = asyncio.ensure_future(player.feed(voice(5)))
    hearing = player.next_soon()
    (await player.begun()).fail(RuntimeError("no memory"))
    for each in (feeding, hearing):
        with pytest.raises(EngineUnavailable):
            await each
    with pytest.raises(EngineUnavailable):
        await player.stream.flush(10**6)
    await player.stream.close()


async def test_a_failing_detector_ends_the_stream(by_hand: ByHand) -> None:
    class Fails(LoudIsSpeech):
        def __call__(self, audio: Floats, hidden: Floats, cell: Floats) -> tuple[float, Floats, Floats]:
            raise RuntimeError("the network is broken")

    engine = WhisperEngine(lambda: Models(by_hand, Fails()), workers=1)
    stream = await engine.open(SessionConfig(), 0)
    with pytest.raises(EngineUnavailable):
        await stream.feed(0, voice(2))
    await engine.close()


async def test_a_feeder_cancelled_at_any_moment_leaves_a_stream_that_closes(player: Player) -> None:
    await player.feed(voice(5), quiet(8))
    await stop(asyncio.ensure_future(player.feed(voice(50))))
    await player.stream.close()
    with pytest.raises(StopAsyncIteration):
        await player.next()
