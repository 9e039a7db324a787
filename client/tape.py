"""Stage 2 of 13. The tape: captured audio that is not yet covered. Bounded, pure; the twin of `recorder/tape.js`."""

from collections import deque
from typing import Final

from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND

TAPE_SAMPLES_MAX: Final = 60 * 60 * SAMPLES_PER_SECOND
"""60 minutes, 115 MB: longer than any tunnel, lift or lunch, and small beside a browser's own needs."""

BLOCK_SAMPLES: Final = SAMPLES_PER_SECOND
BLOCK_BYTES: Final = BLOCK_SAMPLES * BYTES_PER_SAMPLE


class Tape:
    """Samples `[start, until)` of one take, in blocks, so that neither adding nor forgetting copies what stays."""

    def __init__(self, samples_max: int = TAPE_SAMPLES_MAX, start: int = 0) -> None:
        self.start = start
        self.until = start
        self._samples_max = samples_max
        self._blocks: deque[bytearray] = deque()
        self._first = start
        """Position of the first sample of the first block; at most one block before `start`."""

    @property
    def room(self) -> int:
        """How many samples fit; captured audio beyond that is refused, never dropped."""
        return self._samples_max - (self.until - self.start)

    def add(self, pcm: bytes) -> None:
        """Append captured audio. The caller has asked for `room`: a full tape stops capture instead."""
        assert len(pcm) % BYTES_PER_SAMPLE == 0
        assert len(pcm) // BYTES_PER_SAMPLE <= self.room
        rest = memoryview(pcm)
        while rest:
            if not self._blocks or len(self._blocks[-1]) == BLOCK_BYTES:
                self._blocks.append(bytearray())
            part = rest[: BLOCK_BYTES - len(self._blocks[-1])]
            self._blocks[-1] += part
            rest = rest[len(part) :]
        self.until += len(pcm) // BYTES_PER_SAMPLE

    def read(self, start: int, until: int) -> bytes:
        """The audio of a span that is on the tape."""
        assert self.start <= start <= until <= self.until
        begin, end = (start - self._first) * BYTES_PER_SAMPLE, (until - self._first) * BYTES_PER_SAMPLE
        found = bytearray()
        for number in range(begin // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            offset = number * BLOCK_BYTES
            found += self._blocks[number][max(0, begin - offset) : end - offset]
        return bytes(found)

    def forget(self, covered: int) -> None:
        """Everything before `covered` is stored by the server; a position beyond the tape forgets all of it."""
        self.start = max(self.start, min(covered, self.until))
        while self._blocks and self._first + len(self._blocks[0]) // BYTES_PER_SAMPLE <= self.start:
            if len(self._blocks[0]) < BLOCK_BYTES:
                break
            self._blocks.popleft()
            self._first += BLOCK_SAMPLES
