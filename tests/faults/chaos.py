"""Writers on Firestore while everything between them and it goes wrong, and others take their sessions from them.

    python -m tests.faults.chaos --sessions 20 --entries 300 [--seed 1]

Every entry says its number and who wrote it, so one that is lost, repeated, moved or not what was acknowledged shows.
"""

import argparse
import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Final

from shared.adapters.clocks import SystemClock
from shared.adapters.firestore import FirestoreStore
from shared.domain.session import SessionDocument
from shared.domain.values import Holder, SessionId
from shared.errors import LeaseLost, Retry, StoreUnavailable, WriteConflict
from shared.lease import LogWriter, answered, write_claim
from shared.ports import EntryRow, Store, Stored
from shared.tasks import stop
from tests.contract.examples import document, segment_row, session_id
from tests.doubles.emulators import firestore_project
from tests.doubles.fault_proxy import FaultProxy, Mode, proxying

INSTANCES: Final = 4
"""Clients, so connections; sessions are spread over them."""

CLOCK: Final = SystemClock()
PAUSE_MS_MAX: Final = 80
"""Between two commits of a session; without one the whole would be over before anything went wrong."""

STEAL_EVERY_MS: Final = (20, 300)
CALM_MS: Final = (50, 500)
FAULTS: Final[Sequence[tuple[Mode | None, int, int]]] = (
    # The mode, None for a reset of all connections, and how long it lasts. A call is given up after 2 s.
    (Mode.LOSE_REPLIES, 300, 400),
    *((None, 0, 0),) * 4,
    *((Mode.LOSE_REPLIES, 20, 400),) * 3,
    *((Mode.REFUSE, 50, 500),) * 2,
    *((Mode.HOLD, 100, 900),) * 2,
    (Mode.HOLD, 2_100, 2_600),
    (Mode.BLACK_HOLE, 2_100, 2_600),
)


@dataclass
class Result:
    """What became of all entries, and of what the writers met."""

    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    torn: int = 0
    """Sessions whose document and log do not agree."""
    unfenced: int = 0
    """Entries written by somebody after another had the lease."""
    unknown: int = 0
    """Writes whose answer did not come."""
    conflicts: int = 0
    fencings: int = 0
    """How often a writer was told that another has its session."""
    steals: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    grants: list[Stored] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def whole(self) -> bool:
        return not any((self.lost, self.duplicated, self.reordered, self.torn, self.unfenced))

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"acknowledged {self.acknowledged} entries in {self.duration_s:.1f} s:"
            f" {self.lost} lost, {self.duplicated} duplicated, {self.reordered} reordered, {self.torn} torn,"
            f" {self.unfenced} unfenced\n"
            f"unknown outcomes {self.unknown}, conflicts {self.conflicts}, fencings {self.fencings},"
            f" leases stolen {self.steals}\nfaults: {faults}"
        )


class CountedStore(FirestoreStore):
    result: Result

    async def write(
        self, base: Stored, document: SessionDocument, entries: Sequence[EntryRow] = ()
    ) -> Stored:
        try:
            return await super().write(base, document, entries)
        except WriteConflict:
            self.result.conflicts += 1
            raise
        except StoreUnavailable:
            self.result.unknown += 1
            raise


def counted(project: str, address: str, result: Result) -> CountedStore:
    store = CountedStore.open(project, address)
    store.result = result
    return store


async def take(store: CountedStore, session: SessionId) -> LogWriter:
    """The lease, from whoever has it: as a recorder that dials again."""
    while True:
        with suppress(Retry):
            found = await answered(store.load(session))
            base = found.document if found else document()
            claimed = replace(base, holder=Holder(secrets.token_hex(8)))
            granted = await write_claim(store, session, found, claimed)
            if granted is not None:
                store.result.grants.append(granted)
                return LogWriter(store, CLOCK, granted)
        await CLOCK.sleep_ms(20)


async def append(writer: LogWriter, count: int, said: dict[int, bytes]) -> None:
    """Commit `count` entries; `said` holds what was acknowledged by index."""
    first = writer.document.next_index
    rows = [
        segment_row(index, f"{index}:{writer.document.holder}".encode())
        for index in range(first, first + count)
    ]
    after = replace(writer.document, next_index=first + count, heartbeat_at_ms=CLOCK.wall_ms())
    await writer.commit(after, rows)
    said |= {row.index: row.sealed or b"" for row in rows}


async def dictate(store: CountedStore, session: SessionId, entries: int, random: Random) -> dict[int, bytes]:
    """Append until the log has `entries`, taking the session back whenever it is taken."""
    said: dict[int, bytes] = {}
    while True:
        writer = await take(store, session)
        try:
            while (missing := entries - writer.document.next_index) > 0:
                await append(writer, min(missing, random.choice([1, 1, 1, 2, 5])), said)
                await CLOCK.sleep_ms(random.randint(0, PAUSE_MS_MAX))
            return said
        except LeaseLost:
            store.result.fencings += 1
        except StoreUnavailable:
            pass  # given up; what is stored decides where to go on


async def steal(store: CountedStore, sessions: Sequence[SessionId], entries: int, random: Random) -> None:
    """Take a session and write in it, again and again, from a machine that nothing is wrong with."""
    said: dict[int, bytes] = {}
    while True:
        await CLOCK.sleep_ms(random.randint(*STEAL_EVERY_MS))
        writer = await take(store, random.choice(sessions))
        store.result.steals += 1
        if writer.document.next_index < entries and random.random() < 0.5:
            with suppress(LeaseLost):
                await append(writer, 1, said)


async def disturb(proxy: FaultProxy, random: Random) -> None:
    """Every fault once, then whichever comes."""
    for number in count():
        await CLOCK.sleep_ms(random.randint(*CALM_MS))
        proxy.delay_ms = random.choice([0, 0, 1, 20])
        mode, least_ms, most_ms = FAULTS[number] if number < len(FAULTS) else random.choice(FAULTS)
        if mode is None:
            proxy.reset()
            continue
        proxy.mode = mode
        await CLOCK.sleep_ms(random.randint(least_ms, most_ms))
        proxy.mode = Mode.PASS


def reigns(grants: Sequence[Stored]) -> list[tuple[bytes, int, int | None]]:
    """Each holder, and which entries are its own: from where it found the log to where the next one did."""
    # A version is the time of its write, to the nanosecond and without trailing zeros.
    ordered = sorted(grants, key=lambda granted: granted.version.rstrip("Z"))
    starts = [granted.document.next_index for granted in ordered]
    holders = [granted.document.holder.encode() for granted in ordered]
    return list(zip(holders, starts, [*starts[1:], None], strict=True))


async def judge(store: Store, session: SessionId, said: dict[int, bytes], result: Result) -> None:
    """Compare a log with what its writers were acknowledged."""
    found = await store.load(session)
    rows = await store.entries(session, 0, 100_000)
    assert found is not None
    numbers = [int((row.sealed or b"").partition(b":")[0]) for row in rows]
    stored = {row.index: row.sealed for row in rows}
    result.acknowledged += len(said)
    result.lost += sum(stored.get(index) != sealed for index, sealed in said.items())
    result.duplicated += len(numbers) - len({*numbers})
    result.reordered += numbers != list(range(len(rows)))
    result.unfenced += sum(
        (row.sealed or b"").partition(b":")[2] != holder
        for holder, start, until in reigns([each for each in result.grants if each.session == session])
        for row in rows[start:until]
    )
    result.torn += [row.index for row in rows] != list(range(found.document.next_index))


async def run(place: str, sessions: int, entries: int, seed: int) -> Result:
    """Everything at once on a Firestore emulator at HOST:PORT/PROJECT, until every session has all its entries."""
    address, _, project = place.partition("/")
    random, result, began = Random(seed), Result(), time.monotonic()
    names = [session_id(number) for number in range(sessions)]
    near = counted(project, address, result)
    async with proxying(address) as proxy:
        stores = [counted(project, proxy.address, result) for _ in range(INSTANCES)]
        around = [
            asyncio.create_task(disturb(proxy, random)),
            asyncio.create_task(steal(near, names, entries, random)),
        ]
        try:
            said = await asyncio.gather(
                *(
                    dictate(stores[number % INSTANCES], name, entries, random)
                    for number, name in enumerate(names)
                )
            )
        finally:
            await stop(*around)
            for store in stores:
                await store.close()
        result.faults = proxy.did
    for name, each in zip(names, said, strict=True):
        await judge(near, name, each, result)
    await near.close()
    result.duration_s = time.monotonic() - began
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--entries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    with firestore_project() as place:
        result = asyncio.run(run(place, told.sessions, told.entries, told.seed))
    print(f"{told.sessions} sessions x {told.entries} entries, seed {told.seed}")
    print(result)
    return 0 if result.whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
