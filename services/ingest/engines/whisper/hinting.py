"""When an open utterance is worth recognising before its end, and what of it is known by then. Pure.

Positions decide, not times. What was said before the utterance's last pause is known from the guess made there, so a hint
listens only to what came after: decoding costs 10 ms a word, and the whole of a long sentence each time most of a core.
A final takes nothing from here; it hears the whole utterance anew.
"""

from dataclasses import dataclass, field
from typing import Final

from shared.domain.values import Span, samples

FIRST_AFTER: Final = samples(0.3)
"""Less speech than this is half a word, and the model makes up the rest."""

AGAIN_AFTER: Final = samples(0.9)
SHARE: Final = 5
"""A hint costs the more the longer it listens back; one for each fifth of that keeps it a fixed share of the audio."""


@dataclass(frozen=True, slots=True)
class Known:
    """The words of the open utterance up to a pause in it."""

    span: Span
    text: str = field(repr=False)


class Hinting:
    def __init__(self) -> None:
        self.known: Known | None = None
        self._utterance = -1
        self._due_at = 0

    def due(self, start: int, last_speech: int) -> bool:
        """Whether to ask now for the open utterance, which began at `start`. Never without new speech."""
        if start != self._utterance:
            self._begin(start)
            self._due_at = last_speech + FIRST_AFTER
        if last_speech < self._due_at:
            return False
        self.asked(start, last_speech)
        return True

    def asked(self, start: int, last_speech: int) -> None:
        """The words up to `last_speech` are being recognised, for whatever reason."""
        if start != self._utterance:
            self._begin(start)
        since = start if self.known is None else self.known.span.until
        self._due_at = last_speech + max(AGAIN_AFTER, (last_speech - since) // SHARE)

    def learn(self, known: Known) -> None:
        """A guess was answered. What it says of an utterance that is over is of no use."""
        if known.span.start == self._utterance:
            self.known = known

    def _begin(self, start: int) -> None:
        self._utterance = start
        self.known = None
