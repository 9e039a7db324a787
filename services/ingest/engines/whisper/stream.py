"""One stream of the local engine: what its ear hears is recognised in the pool, and told in order.

Finals and what settles between them wait in one line, however the pool's threads overtake each other. A hint is told only
for the utterance that is next in line: one about a later would take the words of an earlier from the screen.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from typing import Final as Constant

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from services.ingest.engines.whisper.ear import Ear, Heard, Paused, Settled, Speech, Spoken
from services.ingest.engines.whisper.endpointer import Why
from services.ingest.engines.whisper.hinting import Hinting, Known
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
        self._questions = count()
        self._shown = -1
        self._told_until = start
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
        return self._asked(self._lane.final(self._final_task(speech)), speech.span)

    def _guess_words(self, speech: Speech) -> None:
        # Behind with finals, a guess would only be more work before them.
        if self._finals_waiting:
            return
        self._hinting.asked(speech.span.start, self._ear.last_speech)
        if self._hinting.known is not None:
            # The guess hears the whole utterance once more; what is new in it can be read before that.
            self._hint_at(speech)
        answer = self._asked(self._lane.guess(self._final_task(speech)), speech.span)
        answer.add_done_callback(partial(self._guessed, speech.span))
        self._guess = _Guess(speech.span, answer)

    def _ask_for_hint(self) -> None:
        if self._guess is not None and self._ear.last_speech > self._guess.span.until:
            self._lane.drop_guess()
            self._guess = None
        speech = self._ear.speech
        if speech is None or self._finals_waiting:
            return
        if self._hinting.due(speech.span.start, self._ear.last_speech):
            self._hint_at(speech)

    def _hint_at(self, speech: Speech) -> None:
        known = self._hinting.known
        new = speech if known is None else speech.since(known.span.until)
        answer = self._lane.hint(Task(new.pcm, Effort.HINT, self._language))
        self._asked(answer, speech.span, "" if known is None else f"{known.text} ")

    def _final_task(self, speech: Speech) -> Task:
        return Task(speech.pcm, Effort.FINAL, self._language)

    def _asked(self, answer: Answer, span: Span, before: str = "") -> Answer:
        """Show the answer when it comes, after the words before it, unless one that was asked for later came first."""
        answer.add_done_callback(partial(self._answered, next(self._questions), span, before))
        return answer

    def _answered(self, question: int, span: Span, before: str, answer: Answer) -> None:
        if answer.cancelled():
            return
        if (error := answer.exception()) is not None:
            self._fail(error)
            return
        words = answer.result()
        if words.text and span.start >= self._told_until and question > self._shown:
            self._hint = Hint(span, before + words.text)
            self._shown = question
        self._news.set()

    def _guessed(self, span: Span, answer: Answer) -> None:
        if not answer.cancelled() and answer.exception() is None and answer.result().text:
            self._hinting.learn(Known(span, answer.result().text))

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
        return self._is_settled or self._may_hint

    @property
    def _is_settled(self) -> bool:
        """Whether the first in line can be told."""
        first = self._line[0] if self._line else None
        return isinstance(first, Through) or (first is not None and first.answer.done())

    @property
    def _may_hint(self) -> bool:
        """Whether the hint is about what comes next, be that still open or just being recognised."""
        first = self._line[0] if self._line else None
        if self._hint is None or isinstance(first, Through):
            return False
        return first is None or first.spoken.speech.span.start == self._hint.span.start

    def _next(self) -> Hypothesis | None:
        if not self._is_settled:
            hint, self._hint = self._hint, None
            return hint
        first = self._line.popleft()
        if isinstance(first, Through):
            return first
        if (error := first.answer.exception()) is not None:
            # Its callback, which ends the stream, is still to be called.
            self._fail(error)
            self._check_alive()
        self._told_until = first.spoken.speech.span.until
        if self._hint is not None and self._hint.span.start < self._told_until:
            self._hint = None
        return _outcome(first.spoken, first.answer.result())

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
