"""Stage 9 of 13. Committed entries are announced, at least once; the stored fact is the announcement.

There is no outbox: `published_through` rides on the next commit, and whoever takes the lease next announces from there.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final

from shared.errors import Retry
from shared.ports import EntryRow, Publisher, Stored, Wakeup

BUS_MS_MAX: Final = 2_000
"""Of one message. The bus has a limit of its own; this one holds where that fails."""


async def announce(bus: Publisher, stored: Stored, rows: Iterable[EntryRow] = ()) -> int:
    """Tell every subscriber that the log reaches `next_index`; returns that index, which is published through now.

    `rows` are sealed copies of the newest entries, for subscribers beyond ours; ours read the store.

    Raises Retry when the bus may not have taken it: the same again is harmless.
    """
    document = stored.document
    await taken(bus.publish(Wakeup(stored.session, document.log_id, document.next_index, tuple(rows))))
    return document.next_index


async def taken(message: Awaitable[None]) -> None:
    """Returns once the bus has a message. Raises Retry when it may not have, after BUS_MS_MAX at most.

    Not `lease.answered`: that blames the store, and whoever then takes the store for lost leaves undone what needs no
    bus.
    """
    try:
        async with asyncio.timeout(BUS_MS_MAX / 1_000):
            await message
    except TimeoutError:
        raise Retry("the bus does not answer") from None
