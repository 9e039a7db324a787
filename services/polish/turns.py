"""One session's wake-ups, one at a time: what one handling does, another beside it would pay the vendor for again.

    turns = Turns(handle)
    await turns.take(session)

Pushes come side by side. All that come while a session is handled share the one handling after it, since the one that
runs may have read the log before their rows were there. This holds for one process; between processes the store decides.
"""

import asyncio
from dataclasses import dataclass, field

from shared.domain.values import SessionId
from shared.subscriber import Handle
from shared.tasks import stop


@dataclass(slots=True, eq=False)
class _Turn:
    """One handling, and how many wait for it."""

    task: asyncio.Task[None]
    callers: int = 0


@dataclass(slots=True, eq=False)
class _Session:
    free: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: _Turn | None = None
    """The handling that has not begun, which whoever comes may still join."""
    callers: int = 0


class Turns:
    """Keeps what is being handled and no more: nothing of a session is left once nobody waits for it."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._sessions: dict[SessionId, _Session] = {}

    async def take(self, session: SessionId) -> None:
        """Returns once a handling that began after this call is done; raises what it raised.

        A caller that is cancelled leaves it to the others. With the last one it is cancelled, and gone.
        """
        here = self._sessions.setdefault(session, _Session())
        here.callers += 1
        try:
            await self._wait(session, here)
        finally:
            here.callers -= 1
            if not here.callers:
                del self._sessions[session]

    async def _wait(self, session: SessionId, here: _Session) -> None:
        if here.next is None:
            here.next = _Turn(asyncio.create_task(self._run(session, here)))
        turn = here.next
        turn.callers += 1
        try:
            await asyncio.shield(turn.task)
        finally:
            turn.callers -= 1
            if not turn.callers:
                if here.next is turn:
                    here.next = None
                await stop(turn.task)

    async def _run(self, session: SessionId, here: _Session) -> None:
        async with here.free:
            here.next = None
            await self._handle(session)
