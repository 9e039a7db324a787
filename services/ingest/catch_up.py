"""Where a backlog is split, and in which order its parts are given: stage 6 of 13, around the engines. Pure.

Audio that arrives faster than one stream hears it is split at pauses over several streams. What the later ones say is
held until everything before it is settled, so that the log is always in sample order.
"""

from collections import deque
from typing import Final as Constant

from services.ingest.engines.base import Final, Hint, Hypothesis, Through, Wordless
from shared.domain.values import Span, samples

BACKLOG: Constant = samples(15)
CELL: Constant = samples(0.25)
"""Splits lie on this grid of the take; a pause is a whole cell of it."""

QUIET_MEAN: Constant = 130
"""A cell whose mean magnitude is below this (-48 dB of full scale) has no word in it."""


def is_pause(pcm: bytes) -> bool:
    """Whether a cell of audio is quiet enough to split at. Every fourth sample is proof enough."""
    heard = memoryview(pcm).cast("h")[::4]
    return sum(map(abs, heard)) < QUIET_MEAN * len(heard)


def cell_end(position: int) -> int:
    return position // CELL * CELL + CELL


class Lanes:
    """The streams of one session in the order of their audio, and what they said that may not be given yet."""

    def __init__(self, start: int) -> None:
        self.settled = start
        self._starts: deque[int] = deque([start])
        self._held: deque[list[Hypothesis]] = deque([[]])
        self._first = 0
        """The number of the earliest stream that is not through."""

    @property
    def first(self) -> int:
        return self._first

    @property
    def last(self) -> int:
        return self._first + len(self._starts) - 1

    def is_due(self, position: int, lanes_max: int) -> bool:
        """Whether the audio from `position` on should go to another stream, if there is a pause."""
        behind = position - max(self.settled, self._starts[-1])
        return len(self._starts) < lanes_max and behind > BACKLOG

    def split(self, at: int) -> None:
        self._starts.append(at)
        self._held.append([])

    def hear(self, lane: int, hypothesis: Hypothesis) -> list[Hypothesis]:
        """What may be given now that this stream said this; `first` moves on past streams that are through."""
        if lane < self._first:
            return []
        if isinstance(hypothesis, Hint):
            return [self._with_held_words(hypothesis)] if lane == self.last else []
        self._held[lane - self._first].append(hypothesis)
        return self._given()

    def _with_held_words(self, hint: Hint) -> Hint:
        """The live words stay in sight while they wait for what comes before them. No longer than the credit window."""
        held = [each for each in self._held[-1] if isinstance(each, Final)]
        if not held:
            return hint
        text = " ".join(text for text in (*(each.text for each in held), hint.text) if text)
        return Hint(Span(held[0].span.start, hint.span.until), text)

    def _given(self) -> list[Hypothesis]:
        given: list[Hypothesis] = []
        while True:
            for each in self._held[0]:
                self._note(each)
                given.append(each)
            self._held[0].clear()
            if len(self._starts) == 1 or self.settled < self._starts[1]:
                return given
            self._starts.popleft()
            self._held.popleft()
            self._first += 1

    def _note(self, hypothesis: Hypothesis) -> None:
        match hypothesis:
            case Through(until=until):
                self.settled = max(self.settled, until)
            case Final(span=span) | Wordless(span=span):
                self.settled = max(self.settled, span.until)
