"""One stream of the local engine: what its ear hears is recognised in the pool, and told in order.

Finals and what settles between them wait in one line, however the pool's threads overtake each other; a hint is told
only while nothing waits there, because it is about what comes after.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any
from typing import Final as Constant

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from services.ingest.engines.whisper.ear import Ear, Heard, Paused, Settled, Speech, Spoken
from services.ingest.engines.whisper.endpointer import Why
from services.ingest.engines.whisper.hinting import Hinting
from services.ingest.engines.whisper.pool import Answer, Lane
from services.ingest.engines.whisper.recogniser import Effort, Task, Words
from shared.domain.values import BYTES_PER_SAMPLE, Span, samples
from shared.errors import EngineUnavailable

FINALS_WAITING_MAX: Constant = 4
"""Utterances not told yet; at this many `feed` waits, so credit stops. 18 s each, that is 2.3 MB a stream."""

WORDLESS_AFTER: Constant = samples(3)
"""So much speech without words is not silence."""

DISBELIEVED_AFTER: Constant = samples(0.5)
"""Nor is so much whose words were dropped: somebody may have said a "no" there that nobody would miss. Coughs are shorter."""


@dataclass(frozen=True, slots=True)
class _Said:
    """An utterance in its place, whether recognised yet or not."""

    spoken: Spoken
    answer: Answer


@dataclass(frozen=True, slots=True)
class _Guess:
    span: Span
    answer: Answer


class WhisperStream:
    def __init__(self, lane: Lane, ear: Ear, listener: Executor, start: int, language: str) -> None:
        self._lane = lane
        self._ear = ear
        self._listener = listener
        self._language = language
        self._position = start
        self._flushed = False
        self._line: deque[_Said | Through] = deque()
        self._guess: _Guess | None = None
        self._hinting = Hinting()
        self._hint: Hint | None = None
        self._hinted_until = start
        self._spoken_until = start
        self._failure: EngineUnavailable | None = None
        self._closed = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    # --- what it is fed

    async def feed(self, start: int, pcm: bytes) -> None:
        while self._finals_waiting >= FINALS_WAITING_MAX and not self.is_over:
            self._room.clear()
            await self._room.wait()
        self._check_alive()
        follows = start == self._position or (self._flushed and start > self._position)
        assert follows, "audio must follow what was fed"
        if start > self._position:
            self._ear.begin(start)
        self._flushed = False
        self._position = start + len(pcm) // BYTES_PER_SAMPLE
        await self._listen(self._ear.hear, pcm)
        self._ask_for_hint()

    async def flush(self, at: int) -> None:
        self._check_alive()
        assert at >= self._position
        self._position = at
        self._flushed = True
        await self._listen(self._ear.flush, at)

    async def _listen(self, hear: Callable[[Any], list[Heard]], given: bytes | int) -> None:
        """On a thread: a second of audio takes 4 ms to listen to, and a recorder may bring a minute at once."""
        loop = asyncio.get_running_loop()
        listening = loop.run_in_executor(self._listener, hear, given)
        # Waited for, not awaited: whoever is cancelled here leaves the thread its ear for a moment longer.
        await asyncio.wait([listening])
        if (error := listening.exception()) is not None:
            self._fail(error)
        self._check_alive()
        for each in listening.result():
            self._take(each)
        self._news.set()

    def _take(self, heard: Heard) -> None:
        match heard:
            case Paused(speech=speech):
                self._guess_words(speech)
            case Spoken(speech=speech):
                self._line.append(_Said(heard, self._final(speech)))
                self._spoken_until = speech.span.until
                self._hint = None
            case Settled(until=until):
                if self._line and isinstance(self._line[-1], Through):
                    self._line.pop()
                self._line.append(Through(until))

    # --- what it asks

    @property
    def _finals_waiting(self) -> int:
        return sum(isinstance(each, _Said) for each in self._line)

    def _final(self, speech: Speech) -> Answer:
        guess, self._guess = self._guess, None
        if guess is not None and guess.span == speech.span and not guess.answer.cancelled():
            self._lane.promote(guess.answer)
            return guess.answer
        self._lane.drop_guess()
        return self._asked(self._lane.final(self._task(speech, Effort.FINAL)), speech.span)

    def _guess_words(self, speech: Speech) -> None:
        # Behind with finals, a guess would only be more work before them.
        if self._finals_waiting:
            return
        answer = self._asked(self._lane.guess(self._task(speech, Effort.FINAL)), speech.span)
        self._guess = _Guess(speech.span, answer)
        self._hinting.asked(speech.span.start, self._ear.last_speech)

    def _ask_for_hint(self) -> None:
        if self._guess is not None and self._ear.last_speech > self._guess.span.until:
            self._lane.drop_guess()
            self._guess = None
        speech = self._ear.open_since
        if speech is None or self._finals_waiting or not self._hinting.due(speech, self._ear.last_speech):
            return
        so_far = self._ear.speech
        assert so_far is not None
        self._asked(self._lane.hint(self._task(so_far, Effort.HINT)), so_far.span)

    def _task(self, speech: Speech, effort: Effort) -> Task:
        return Task(speech.pcm, effort, self._language)

    def _asked(self, answer: Answer, span: Span) -> Answer:
        answer.add_done_callback(partial(self._answered, span))
        return answer

    def _answered(self, span: Span, answer: Answer) -> None:
        if answer.cancelled():
            return
        if (error := answer.exception()) is not None:
            self._fail(error)
            return
        is_news = span.start >= self._spoken_until and span.until > self._hinted_until
        if is_news and answer.result().text:
            self._hint = Hint(span, answer.result().text)
            self._hinted_until = span.until
        self._news.set()

    # --- what it says

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while True:
            while not self._has_something_to_say and not self.is_over:
                self._news.clear()
                await self._news.wait()
            if self._closed:
                return
            self._check_alive()
            hypothesis = self._next()
            self._room.set()
            if hypothesis is not None:
                yield hypothesis

    @property
    def _has_something_to_say(self) -> bool:
        if not self._line:
            return self._hint is not None
        first = self._line[0]
        return isinstance(first, Through) or first.answer.done()

    def _next(self) -> Hypothesis | None:
        if not self._line:
            hint, self._hint = self._hint, None
            return hint
        first = self._line.popleft()
        return first if isinstance(first, Through) else _outcome(first.spoken, first.answer.result())

    # --- how it ends

    @property
    def is_over(self) -> bool:
        return self._closed or self._failure is not None

    def _check_alive(self) -> None:
        if self._closed:
            raise EngineUnavailable("this stream of the local speech engine is closed")
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException) -> None:
        failure = EngineUnavailable("the local speech engine failed to recognise what it was given")
        failure.__cause__ = error
        self.end(failure)

    def end(self, failure: EngineUnavailable) -> None:
        """Nothing more will be heard, and whoever waits for it is told why."""
        self._failure = self._failure or failure
        self._stop()

    async def close(self) -> None:
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        self._lane.close()
        self._line.clear()
        self._guess = self._hint = None
        self._news.set()
        self._room.set()


def _outcome(spoken: Spoken, words: Words) -> Hypothesis | None:
    """What an utterance came to; None where the model heard nobody, and the detector hardly anybody."""
    if words.text:
        return Final(
            spoken.speech.span,
            words.text,
            confidence=words.confidence,
            utterance_end=spoken.why is not Why.TOO_LONG,
        )
    silence_max = DISBELIEVED_AFTER if words.disbelieved else WORDLESS_AFTER
    return Wordless(spoken.speech.span) if spoken.heard >= silence_max else None
