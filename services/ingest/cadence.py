"""What a connection says by the clock: pings, and acknowledgements no denser than they are useful. Pure.

Of each at most one waits to be sent, however long the peer does not read: a later one says all of an earlier.
"""

from typing import Final

from shared.wire.messages import Ack, Ping

HEARTBEAT_MS: Final = 5_000
MISSES_MAX: Final = 2
ACK_EVERY_MS: Final = 250


class Pings:
    """A ping every HEARTBEAT_MS; one unanswered when the next is due is a miss. Other traffic does not count.

    That is 10 to 15 s until a silent peer is given up: long enough for a lift, short enough for a person.
    """

    def __init__(self) -> None:
        self.due_ms = 0
        self._echo = 0
        self._answered = 0
        self._misses = 0
        self.waiting = False

    def start(self, now_ms: int) -> None:
        self.due_ms = now_ms + HEARTBEAT_MS

    def answered(self, echo: int) -> None:
        if echo <= self._echo:
            self._answered = max(self._answered, echo)

    def tick(self, now_ms: int) -> bool:
        """Makes the next ping if it is due; False once the peer has missed too many."""
        if now_ms < self.due_ms:
            return True
        self._misses = 0 if self._answered == self._echo else self._misses + 1
        if self._misses >= MISSES_MAX:
            return False
        self._echo += 1
        self.waiting = True
        self.due_ms = now_ms + HEARTBEAT_MS
        return True

    def to_send(self) -> list[Ping]:
        waiting, self.waiting = self.waiting, False
        return [Ping(self._echo)] if waiting else []


class Acks:
    """At once when covered moves, else every ACK_EVERY_MS at most, so that replies never outweigh audio."""

    def __init__(self) -> None:
        self.due_ms: int | None = None
        self._covered = 0
        self._gaps_through = 0
        self._credit = 0
        self.waiting = False

    def start(self, covered: int, gaps_through: int, credit: int) -> None:
        """The welcome says this much; the first acknowledgement says more."""
        self._covered, self._gaps_through, self._credit = covered, gaps_through, credit

    def received_more(self, now_ms: int) -> None:
        if self.due_ms is None and not self.waiting:
            self.due_ms = now_ms + ACK_EVERY_MS

    def progressed(self, covered: int, gaps_through: int, credit: int) -> None:
        """What is stored, and the credit that follows from it; credit once given is never taken back."""
        assert covered >= self._covered
        assert gaps_through >= self._gaps_through
        credit = max(credit, self._credit)
        if (covered, gaps_through, credit) != (self._covered, self._gaps_through, self._credit):
            self._covered, self._gaps_through, self._credit = covered, gaps_through, credit
            self._make()

    def tick(self, now_ms: int) -> None:
        if self.due_ms is not None and now_ms >= self.due_ms:
            self._make()

    def to_send(self, received: int) -> list[Ack]:
        waiting, self.waiting = self.waiting, False
        return [Ack(received, self._covered, self._credit, self._gaps_through)] if waiting else []

    def last(self, received: int) -> list[Ack]:
        """What waits or is due, now: after it there is nothing more to acknowledge."""
        if self.due_ms is not None:
            self._make()
        return self.to_send(received)

    def _make(self) -> None:
        self.waiting = True
        self.due_ms = None
