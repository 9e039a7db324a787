"""Another process that uses a store, a bus or blobs, for the suites: it says on its output what it was acknowledged.

Run as `python -m tests.contract.process JOB KIND PLACE ARGUMENT...`; it begins when a line comes on its input, and ends
by itself when its work is done or its input ends.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import count
from typing import Any, Final

from shared.domain.values import SessionId
from shared.errors import Retry, WriteConflict
from shared.ports import Bus, RecordName, Store, Subscriber
from tests.contract.adapters import BLOBS, BUSES, STORES, named
from tests.contract.examples import document, grown, session_id
from tests.doubles.clock import ManualClock

ROWS: Final = 3
"""Of each commit, so that a part of one shows."""


def say(*words: object) -> None:
    print(*words, flush=True)


async def append(store: Store, session: str, who: str, times: str) -> None:
    """Commit `times` times, always on what is stored; says the first index of each commit that was acknowledged."""
    done = 0
    while done < int(times):
        found = await store.load(SessionId(session))
        assert found is not None
        try:
            await store.write(found, *grown(found, ROWS, f"{who}:{done}".encode()))
        except (WriteConflict, Retry):
            continue
        say(found.document.next_index, done)
        done += 1


async def create(store: Store, who: str, sessions: str) -> None:
    """Try to create sessions 1, 2, ...; says each one's key as it then is."""
    for number in range(1, int(sessions) + 1):
        try:
            await store.create(session_id(number), replace(document(), wrapped_key=who.encode()))
        except WriteConflict:
            pass
        found = await store.load(session_id(number))
        assert found is not None
        say(found.document.wrapped_key.decode())


async def change(store: Store, sessions: str) -> None:
    """Write a record of sessions 1, 2, ..."""
    for number in range(1, int(sessions) + 1):
        await store.write_record(session_id(number), RecordName.DRAFT, {}, None)
        say(number)


async def work_off(bus: Bus, subscriber: str) -> None:
    """Take wake-ups until there are none; says whose."""
    while (delivery := await bus.take(Subscriber(subscriber), 60_000)) is not None:
        say(delivery.session)
        await bus.done(delivery)


async def write_blobs(place: str, kind: str, size: str) -> None:
    """Create blobs for ever; says each key that was acknowledged."""
    blobs = await named(BLOBS, kind).open(place, ManualClock())
    for number in count():
        await blobs.create(f"drafts/{number % 7}/{number:06d}", bytes([number % 256]) * int(size))
        say(number)


StoreJob = Callable[..., Coroutine[Any, Any, None]]
STORE_JOBS: Final[dict[str, StoreJob]] = {each.__name__: each for each in (append, create, change)}


async def run(job: str, kind: str, place: str, *arguments: str) -> None:
    if job == write_blobs.__name__:
        await started()
        await write_blobs(place, kind, *arguments)
    elif job == work_off.__name__:
        bus = await named(BUSES, kind).open(place, ManualClock())
        await started()
        await work_off(bus, *arguments)
        await bus.close()
    else:
        store = await named(STORES, kind).open(place, ManualClock())
        await started()
        await STORE_JOBS[job](store, *arguments)
        await store.close()


async def started() -> None:
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
