"""Stage 6 of 13, for engines at a vendor's: where in the take each sample of a connection lies. Pure.

A vendor counts what it was sent on this connection. The take may have holes where that count has none, and we may have
sent silence of our own, to keep the connection, that the take does not have.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class _Piece:
    sent: int
    """Where it begins, as the vendor counts."""
    length: int
    take: int
    padding: bool = False


class Positions:
    def __init__(self, start: int) -> None:
        self.sent = 0
        """Samples sent on this connection: the vendor's own clock."""
        self.edge = start
        """Where in the take the audio sent ends."""
        self._pieces: deque[_Piece] = deque()

    def send(self, start: int, length: int) -> None:
        """Audio of the take from `start` was sent."""
        assert start >= self.edge
        last = self._pieces[-1] if self._pieces else None
        if last is not None and not last.padding and last.take + last.length == start:
            last.length += length
        else:
            self._pieces.append(_Piece(self.sent, length, start))
        self.sent += length
        self.edge = start + length

    def pad(self, length: int) -> None:
        """Silence was sent that the take does not have."""
        self._pieces.append(_Piece(self.sent, length, self.edge, padding=True))
        self.sent += length

    def start_of(self, sent: int) -> int:
        """The take's sample at which something begins that begins at `sent`."""
        for piece in self._pieces:
            if sent < piece.sent + piece.length:
                return piece.take if piece.padding else piece.take + max(0, sent - piece.sent)
        return self.edge

    def until_of(self, sent: int) -> int:
        """The take's sample before which something ends that ends at `sent`."""
        for piece in self._newest_first():
            if sent > piece.sent:
                return piece.take if piece.padding else piece.take + min(piece.length, sent - piece.sent)
        return self._pieces[0].take if self._pieces else self.edge

    def forget(self, take: int) -> None:
        """Nothing will be asked any more about what lies before `take`, so that holes do not add up."""
        while len(self._pieces) > 1 and self._pieces[0].take + self._pieces[0].length <= take:
            self._pieces.popleft()

    def _newest_first(self) -> Iterator[_Piece]:
        return reversed(self._pieces)
