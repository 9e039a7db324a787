"""Audio and flushes on their way to the engine, in order. Pure.

The credit window bounds the audio; joining small frames, and a limit on flushes, bound what surrounds it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from shared.domain.values import BYTES_PER_SAMPLE, samples
from shared.errors import TooMany

PIECE_BYTES_MAX: Final = samples(0.5) * BYTES_PER_SAMPLE
FLUSHES_MAX: Final = 1_024


@dataclass(slots=True)
class Piece:
    """Audio without a hole in it."""

    start: int
    pcm: bytearray = field(repr=False)

    @property
    def until(self) -> int:
        return self.start + len(self.pcm) // BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class Flush:
    at: int


class Inbox:
    def __init__(self) -> None:
        self._items: deque[Piece | Flush] = deque()
        self._flushes = 0
        self._flushed = False
        """Whether nothing came since the last flush. Not so at first: a hole there needs one before it, too."""

    def audio(self, start: int, pcm: bytes) -> None:
        self._flushed = False
        last = self._items[-1] if self._items else None
        joins = isinstance(last, Piece) and last.until == start
        if joins and isinstance(last, Piece) and len(last.pcm) + len(pcm) <= PIECE_BYTES_MAX:
            last.pcm += pcm
        else:
            self._items.append(Piece(start, bytearray(pcm)))

    def flush(self, at: int) -> None:
        """The engine is to finalise the audio before `at`; nothing is to do where none came since the last flush.

        Raises TooMany when more flushes wait than any person could have caused. That one is kept all the same:
        its connection ends, and what was received before is still to be finalised.
        """
        if self._flushed:
            return
        self._flushed = True
        self._flushes += 1
        self._items.append(Flush(at))
        if self._flushes > FLUSHES_MAX:
            raise TooMany("too many pauses and gaps wait for the speech engine")

    def take(self) -> Piece | Flush | None:
        if not self._items:
            return None
        item = self._items.popleft()
        self._flushes -= isinstance(item, Flush)
        return item
