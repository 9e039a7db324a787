"""An engine that settles wherever chance says: it keeps the contract of `engines/base.py`, and nothing beyond it."""

from collections import deque
from random import Random

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from shared.domain.entries import Word
from shared.domain.values import Span
from tests.unit.services.ingest.connections import pcm


def is_speech(position: int) -> bool:
    """The truth about every take here: about three samples in five are spoken, in runs of 8 or 16."""
    return position // 8 * 37 % 5 < 3


class ArbitraryEngine:
    def __init__(self, chance: Random, start: int) -> None:
        self.said: deque[Hypothesis] = deque()
        """What was said and not heard yet."""
        self._chance = chance
        self._final_max = chance.choice([2, 20, 400])
        self._fed_until = start
        self._settled = start
        self._flushed = False

    def feed(self, start: int, audio: bytes) -> None:
        assert start == self._fed_until or (self._flushed and start > self._fed_until)
        until = start + len(audio) // 2
        assert audio == pcm(start, until), "the engine was given other samples than were captured here"
        if start > self._fed_until:
            self._settled = start
        self._fed_until = until
        self._flushed = False

    def flush(self, at: int) -> None:
        assert at == self._fed_until
        self._settle(at)
        self.said.append(Through(at))
        self._flushed = True

    def speak(self) -> None:
        """Settle some of what was fed, or guess at it."""
        if self._settled < self._fed_until:
            if self._chance.random() < 0.3:
                self.said.append(Hint(Span(self._settled, self._fed_until), "perhaps"))
            else:
                self._settle(self._chance.randint(self._settled + 1, self._fed_until))
                if self._chance.random() < 0.5:
                    self.said.append(Through(self._settled))

    def _settle(self, until: int) -> None:
        """Say every spoken sample before `until` once; the silence around it goes with it or not."""
        at = self._settled
        while (begin := _next_speech(at, until)) is not None:
            span = Span(
                self._chance.randint(at, begin),
                self._chance.randint(begin + 1, min(until, begin + self._final_max)),
            )
            self.said.append(self._heard(span))
            at = span.until
        self._settled = until

    def _heard(self, span: Span) -> Final | Wordless:
        kind = self._chance.random()
        if kind < 0.1:
            return Wordless(span)
        text = f"{span.start}-{span.until}"
        words = (Word(text, span),) if kind < 0.6 else ()
        return Final(span, text, words, utterance_end=kind > 0.8)


def _next_speech(start: int, until: int) -> int | None:
    return next((position for position in range(start, until) if is_speech(position)), None)
