"""Stage 9 of 13. Committed entries are announced, at least once; the stored fact is the announcement.

There is no outbox: `published_through` rides on the next commit, and whoever takes the lease next announces from there.
"""

from collections.abc import Iterable

from shared.lease import answered
from shared.ports import EntryRow, Publisher, Stored, Wakeup


async def announce(bus: Publisher, stored: Stored, rows: Iterable[EntryRow] = ()) -> int:
    """Tell every subscriber that the log reaches `next_index`; returns that index, which is published through now.

    `rows` are sealed copies of the newest entries, for subscribers beyond ours; ours read the store.

    Raises Retry when the bus may not have taken it: the same again is harmless.
    """
    document = stored.document
    await answered(bus.publish(Wakeup(stored.session, document.log_id, document.next_index, tuple(rows))))
    return document.next_index
