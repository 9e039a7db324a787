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

    Raises StoreUnavailable, BlobsUnavailable, or Retry of the bus: some of it may be left; ask again.
    """
    key = f"{drafts_of(session)}key"
    drafts = await blobs.list(drafts_of(session))
    # First of all: it is the last copy of the session's key, and without it what is left is noise, should we be killed,
    # or the store fail, before the end.
    if key in drafts:
        await blobs.delete(key)
    # Not `answered`, whose limit is one call's: a long session takes a call for each page of its logs, each with a limit
    # of its own, and under one for all of them it would never be erased.
    removed = await store.erase(session) + await bus.forget_session(session)
    for part in drafts:
        if part != key:
            await blobs.delete(part)
    return removed + len(drafts)
