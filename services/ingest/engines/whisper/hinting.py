"""When an open utterance is worth recognising before its end. Pure: positions decide, so that nothing depends on load."""

from typing import Final

from shared.domain.values import samples

FIRST_AFTER: Final = samples(0.4)
"""Less speech than this is half a word, and the model makes up the rest."""

AGAIN_AFTER: Final = samples(0.7)
SHARE: Final = 5
"""A hint costs the more the longer the utterance; one for each fifth of it keeps that a fixed share of the audio."""


class Hinting:
    def __init__(self) -> None:
        self._utterance = -1
        self._due_at = 0

    def due(self, start: int, last_speech: int) -> bool:
        """Whether to ask now for the open utterance, which began at `start`. Never without new speech."""
        if start != self._utterance:
            self._utterance = start
            self._due_at = last_speech + FIRST_AFTER
        if last_speech < self._due_at:
            return False
        self.asked(start, last_speech)
        return True

    def asked(self, start: int, last_speech: int) -> None:
        """The words up to `last_speech` are being recognised, for whatever reason."""
        self._utterance = start
        self._due_at = last_speech + max(AGAIN_AFTER, (last_speech - start) // SHARE)
