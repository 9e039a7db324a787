"""How long a run goes on without getting anywhere. Pure."""

from typing import Final

from client.link_state import Link, Phase

LIFE_MS: Final = 5_000
"""A connection that lived this long was one, even if nobody spoke."""

_WELCOMED: Final = frozenset({Phase.LIVE, Phase.FINISHING, Phase.FINISHED})


class Patience:
    """Runs out `limit_ms` after the last progress, never while welcomed: a slow server that is there is not given up.

    A connection that is welcomed and lost again at once, without anything covered, is no progress.
    """

    def __init__(self, limit_ms: int | None, now_ms: int) -> None:
        self._limit_ms = limit_ms
        self._since_ms = now_ms
        self._is_welcomed = False

    @property
    def due_ms(self) -> int | None:
        """When it runs out; None while it does not run."""
        return None if self._limit_ms is None or self._is_welcomed else self._since_ms + self._limit_ms

    def is_over(self, now_ms: int) -> bool:
        due_ms = self.due_ms
        return due_ms is not None and now_ms >= due_ms

    def stepped(self, before: Link, after: Link, now_ms: int) -> None:
        self._is_welcomed = after.phase in _WELCOMED
        if after.delivery.covered > before.delivery.covered:
            self._since_ms = now_ms
        if before.phase in _WELCOMED and not self._is_welcomed and now_ms - before.welcomed_at_ms >= LIFE_MS:
            self._since_ms = now_ms
