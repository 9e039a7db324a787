"""Deleting a session: first its tombstone, which stops every writer, then everything else, until nothing is listed.

The API and the sweep delete the same way, and may do so at once: each step can be repeated, and the sweep repeats the
second one for as long as the tombstone is kept.
"""

from typing import Final

from shared.domain.session import SessionState
from shared.domain.values import Holder, SessionId
from shared.errors import StoreUnavailable, WriteConflict
from shared.lease import answered
from shared.ports import Blobs, Clock, Publisher, Store, Stored

TOMBSTONE_DAYS: Final = 30
"""How long a late recorder is told that its session was deleted, instead of making it anew."""

TRIES_MAX: Final = 16
"""Each conflict means that somebody else wrote first; a session is written a few times a second at most."""


def drafts_of(session: SessionId) -> str:
    """Where the draft of a session lies in blob storage: its wrapped key and its parts, and nothing else."""
    return f"drafts/{session}/"


async def bury(store: Store, clock: Clock, session: SessionId, holder: Holder) -> Stored | None:
    """Put a tombstone in the session's place, whoever holds it; None if there is no such session.

    Raises StoreUnavailable; the tombstone may be there all the same.
    """
    for _ in range(TRIES_MAX):
        stored = await answered(store.load(session))
        if stored is None or stored.document.state is SessionState.PURGED:
            return stored
        try:
            return await answered(store.write(stored, stored.document.tombstone(holder, clock.wall_ms())))
        except WriteConflict:
            continue
    raise StoreUnavailable("the session is being written by others at the same time; try again")


async def remove_remains(store: Store, blobs: Blobs, bus: Publisher, session: SessionId) -> int:
    """Remove all that belongs to a tombstone; returns how much there was, 0 once nothing is left.

    Raises StoreUnavailable, BlobsUnavailable: some of it may be left; ask again.
    """
    prefix = drafts_of(session)
    removed = await answered(store.erase(session)) + await bus.forget_session(session)
    # The key first: without it the parts are noise, should we be killed between two of them.
    keys = sorted(await blobs.list(prefix), key=lambda key: key != f"{prefix}key")
    for key in keys:
        await blobs.delete(key)
    return removed + len(keys)
