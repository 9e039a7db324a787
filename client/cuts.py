"""Where a connection is cut on purpose, so that losing one can be tried at will. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Cuts:
    """A cut after every `every` samples sent for the first time; what is sent again counts for nothing, so that each
    connection gets further than the one before."""

    every: int | None
    _sent_until: int = 0
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        assert self.every is None or self.every > 0
        self._left = self.every or 0

    def sent(self, start: int, until: int) -> int | None:
        """Told of what is about to be sent: where to cut, in `(start, until]`; None to send all and go on."""
        if self.every is None:
            return None
        fresh = max(start, self._sent_until)
        if until - fresh < self._left:
            self._left -= max(0, until - fresh)
            self._sent_until = max(until, self._sent_until)
            return None
        self._sent_until, self._left = fresh + self._left, self.every
        return self._sent_until
