"""Stage 6 of 13. What a stream was fed and has not settled: enough to tell it all again to another one. Pure.

The credit window bounds it: audio is held only until it is settled, and a recorder may send no further than that.
"""

from collections import deque
from dataclasses import dataclass, field

from shared.domain.values import BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio without a hole in it."""

    start: int
    pcm: bytes = field(repr=False)

    @property
    def until(self) -> int:
        return self.start + len(self.pcm) // BYTES_PER_SAMPLE

    def after(self, settled: int) -> "Audio":
        cut = max(0, settled - self.start)
        return Audio(self.start + cut, self.pcm[cut * BYTES_PER_SAMPLE :]) if cut else self


@dataclass(frozen=True, slots=True)
class Flush:
    at: int


class Held:
    def __init__(self, start: int) -> None:
        self.settled = start
        self.sent_until = start
        """Where the audio ends that the present stream was given."""
        self._items: deque[Audio | Flush] = deque()
        self._sent = 0
        """So many items, from the first, were given to the present stream."""
        self._samples = 0
        self._due = 0
        self._position = start
        self._flushed = False

    @property
    def samples(self) -> int:
        """How much audio is held, holes counted as none."""
        return self._samples

    @property
    def is_empty(self) -> bool:
        return not self._items

    @property
    def rests(self) -> bool:
        """Whether all is settled, up to a flush."""
        return self._flushed and not self._items

    @property
    def flush_is_due(self) -> bool:
        """Whether the present stream owes the answer to a flush."""
        return self._due > 0

    @property
    def first(self) -> int:
        """Where another stream would begin. Something must be held."""
        item = self._items[0]
        return max(self.settled, item.start) if isinstance(item, Audio) else item.at

    def audio(self, start: int, pcm: bytes) -> None:
        follows = start == self._position or (self._flushed and start > self._position)
        assert follows, "audio must follow what was fed"
        if pcm:
            self._items.append(Audio(start, pcm))
        length = len(pcm) // BYTES_PER_SAMPLE
        self._samples += length
        self._position = start + length
        self._flushed = False

    def flush(self, at: int) -> None:
        assert at >= self._position
        self._items.append(Flush(at))
        self._position = at
        self._flushed = True

    def next(self) -> Audio | Flush | None:
        """The next thing to give to the present stream; from now on it was given."""
        if self._sent == len(self._items):
            return None
        item = self._items[self._sent]
        self._sent += 1
        if isinstance(item, Flush):
            self._due += 1
            return item
        self.sent_until = item.until
        return item.after(self.settled)

    def settle(self, until: int) -> bool:
        """Everything before `until` is final. Whether that is news."""
        # A flush not given yet must still be: audio beyond a hole may only follow one.
        while self._sent and _end(self._items[0]) <= until:
            match self._items.popleft():
                case Audio(start=start, until=end):
                    self._samples -= end - start
                case Flush():
                    self._due -= 1
            self._sent -= 1
        is_news = until > self.settled
        self.settled = max(self.settled, until)
        return is_news

    def begin_again(self) -> int | None:
        """The present stream is gone: all that is held goes to the next one.

        Where nothing is held before a flush there is nothing to finalise: the next stream need not be told. Gives the
        place of the last of these, if there is one.
        """
        self._sent = self._due = 0
        answered = None
        while self._items and isinstance(first := self._items[0], Flush):
            answered = first.at
            self._items.popleft()
        self.settled = max(self.settled, answered or 0)
        self.sent_until = self.settled
        return answered


def _end(item: Audio | Flush) -> int:
    return item.until if isinstance(item, Audio) else item.at
