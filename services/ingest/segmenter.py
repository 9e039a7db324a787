"""Stage 7 of 13. Hypotheses and the recorder's gaps go in; entries in sample order, and `settled`, come out. Pure.

One segmenter serves one take under one lease. It decides what is settled: everything before `settled` is in the
entries it gave, or is silence. What it gives out is final; what it keeps is only what cannot be decided yet.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from services.ingest.engines.base import Final, Health, Hint, Hypothesis, Through, Wordless
from services.ingest.events import GapCame
from shared.domain.entries import Entry, Gap, GapCause, Segment, Word
from shared.domain.values import Span


@dataclass(frozen=True, slots=True)
class Settled:
    """Once `entry` is stored, and everything given before it, the take may be covered up to `covered`."""

    entry: Entry | None
    """None for a numbered gap that says nothing any more: only its number must be remembered."""
    covered: int
    gaps_through: int


class Segmenter:
    def __init__(self, take: int, covered: int, gaps_through: int, engine: str) -> None:
        self.settled = covered
        self._hint: Hint | None = None
        self._take = take
        self._engine = engine
        self._gaps_through = gaps_through
        self._gaps: deque[GapCame] = deque()

    @property
    def hint(self) -> Hint | None:
        """The interim words after `settled`, if any; what was settled otherwise since is no hint any more."""
        return self._hint if self._hint is not None and self._hint.span.until > self.settled else None

    def gap(self, gap: GapCame) -> list[Settled]:
        """A gap came, in its place among the audio: it is given once everything before it is settled.

        The engine must be flushed there, or that may take as long as the speaker does not pause.
        """
        assert not self._gaps or self._gaps[-1].span.until <= gap.span.start
        self._gaps.append(gap)
        return self._gaps_reached()

    def hear(self, hypothesis: Hypothesis) -> list[Settled]:
        match hypothesis:
            case Hint():
                self._hint = hypothesis if hypothesis.text else None
                return []
            case Final():
                return self._final(hypothesis)
            case Wordless(span=span):
                return self._wordless(span)
            case Through(until=until):
                self.settled = max(self.settled, until)
                return self._gaps_reached()
            case Health():
                return []
            case _:
                assert_never(hypothesis)

    def _final(self, final: Final) -> list[Settled]:
        self._hint = None
        # Finals are monotone, so that a gap before this one has everything before it settled.
        before = self._gaps_reached(final.span.start)
        final = _trimmed(final, self.settled)
        if not final.text or final.span.is_empty:
            return before
        segment = Segment(
            self._take,
            final.span,
            final.text,
            final.words,
            final.engine or self._engine,
            final.confidence,
            final.utterance_end,
        )
        return [*before, self._give(segment), *self._gaps_reached()]

    def _wordless(self, span: Span) -> list[Settled]:
        before = self._gaps_reached(span.start)
        span = span.clipped(self.settled, max(self.settled, span.until))
        if span.is_empty:
            return before
        return [*before, self._give(Gap(self._take, span, GapCause.UNRECOGNISED)), *self._gaps_reached()]

    def _give(self, entry: Entry) -> Settled:
        assert entry.span.start >= self.settled
        self.settled = max(self.settled, entry.span.until)
        return Settled(entry, self.settled, self._gaps_through)

    def _gaps_reached(self, through: int | None = None) -> list[Settled]:
        """The gaps whose place is settled, or will be once everything before `through` is."""
        given: list[Settled] = []
        while self._gaps and self._gaps[0].span.start <= max(self.settled, through or 0):
            gap = self._gaps.popleft()
            self._gaps_through = gap.gap_no
            self.settled = max(self.settled, gap.span.until)
            given.append(Settled(_gap_entry(self._take, gap), self.settled, self._gaps_through))
        return given


def _gap_entry(take: int, gap: GapCame) -> Gap | None:
    says_nothing = gap.cause is GapCause.LOST_AFTER_ACK and gap.span.is_empty
    return None if says_nothing else Gap(take, gap.span, gap.cause, gap.wall_ms)


def _trimmed(final: Final, settled: int) -> Final:
    """The part of a final after `settled`: words by their midpoint; without word times, the span alone.

    Overlap without word times cannot happen while the engine is fed from `settled` (engines/base.py), so only an
    edge of silence is ever cut from those.
    """
    if final.span.start >= settled:
        return final
    span = final.span.clipped(settled, max(settled, final.span.until))
    if not final.words:
        return replace(final, span=span)
    words = _after(final.words, settled)
    return replace(final, span=span, words=words, text=" ".join(word.text for word in words))


def _after(words: Sequence[Word], settled: int) -> tuple[Word, ...]:
    return tuple(
        replace(word, span=word.span.clipped(settled, max(settled, word.span.until)))
        for word in words
        if word.span.middle >= settled
    )
