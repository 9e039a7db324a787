"""The embedded bus: one row for each session and subscriber, in the same SQLite file as the store.

A wake-up says only that a session has changed, so any number of them are one row. `generation` counts them: what came
while a subscriber worked makes the row due again. A row is pending while it has a `due_at_ms`, taken while it also has
a `ticket`, and dead while it has a `died_at_ms`.

A dead row that is woken again is tried once more, no sooner than the slowest retry would be, and stays listed until
that succeeds. So a session whose words could not be polished during an outage of an hour is polished after it by
itself, and one that can never be polished costs an attempt every five minutes at most.
"""

import secrets
import sqlite3
from pathlib import Path
from typing import Final

from shared.adapters.retries import (
    ATTEMPTS_MAX,
    ERROR_CHARACTERS_MAX,
    HIDDEN_MS_MAX,
    LOST_WORKER,
    RETRY_MS_MAX,
    retry_after_ms,
)
from shared.adapters.sqlite_file import (
    DatabaseFiles,
    SqliteThread,
    in_transaction,
    open_connections,
    transaction,
)
from shared.domain.values import SessionId
from shared.ports import Clock, DeadLetter, Delivery, Subscriber, Wakeup

WAKE: Final = """INSERT INTO wakeups (session, subscriber, generation, attempts, due_at_ms, error)
    VALUES (:session, :subscriber, 1, 0, :now, '')
    ON CONFLICT (session, subscriber) DO UPDATE SET generation = generation + 1,
    due_at_ms = coalesce(due_at_ms, max(:now, died_at_ms + :slowest))"""

FIND_DUE: Final = """SELECT session, attempts, ticket FROM wakeups
    WHERE subscriber = :subscriber AND due_at_ms IS NOT NULL AND (due_at_ms <= :now OR due_at_ms > :now + :hidden)
    ORDER BY due_at_ms, session LIMIT 1"""

TAKE: Final = """UPDATE wakeups SET attempts = attempts + 1, ticket = :ticket, taken_generation = generation,
    due_at_ms = :until WHERE session = :session AND subscriber = :subscriber"""

HELD: Final = "WHERE session = :session AND subscriber = :subscriber AND ticket = :ticket"

FORGET_DONE: Final = f"DELETE FROM wakeups {HELD} AND generation = taken_generation"

DUE_AGAIN: Final = f"""UPDATE wakeups SET attempts = 0, due_at_ms = :now, ticket = NULL, died_at_ms = NULL, error = ''
    {HELD}"""

RETRY: Final = f"UPDATE wakeups SET due_at_ms = :due, ticket = NULL, error = :error {HELD}"

BURY: Final = f"""UPDATE wakeups SET ticket = NULL, died_at_ms = :now, error = :error,
    due_at_ms = CASE generation WHEN taken_generation THEN NULL ELSE :now + :slowest END {HELD}"""

LIST_DEAD: Final = """SELECT session, subscriber, attempts, error, died_at_ms FROM wakeups
    WHERE died_at_ms IS NOT NULL ORDER BY died_at_ms, session, subscriber LIMIT ?"""

REPLAY: Final = """UPDATE wakeups SET generation = generation + 1, died_at_ms = NULL, error = '',
    attempts = CASE WHEN ticket IS NULL THEN 0 ELSE 1 END,
    due_at_ms = CASE WHEN ticket IS NULL THEN :now ELSE due_at_ms END
    WHERE session = :session AND subscriber = :subscriber AND died_at_ms IS NOT NULL"""


class EmbeddedBus:
    """`ports.Bus` over SQLite. Publishing outlives a power cut; what became of a delivery need not: it is given again."""

    def __init__(self, thread: SqliteThread, clock: Clock) -> None:
        """Use `open`."""
        self._thread = thread
        self._clock = clock

    @classmethod
    def open(cls, path: Path, clock: Clock) -> "EmbeddedBus":
        """The bus in the store's file `path`, made if need be. Blocks; for start-up.

        Raises SetupError, with what to do, if the place cannot be used.
        """
        [connection] = open_connections(path, 1)
        return cls(SqliteThread(connection, "bus", DatabaseFiles(path)), clock)

    async def publish(self, wakeup: Wakeup) -> None:
        await self._wake(wakeup.session, *Subscriber)

    async def wake(self, session: SessionId, subscriber: Subscriber) -> None:
        await self._wake(session, subscriber)

    async def _wake(self, session: SessionId, *subscribers: Subscriber) -> None:
        now_ms = self._clock.wall_ms()

        def work(connection: sqlite3.Connection) -> None:
            for subscriber in subscribers:
                connection.execute(
                    WAKE,
                    {"session": session, "subscriber": subscriber, "now": now_ms, "slowest": RETRY_MS_MAX},
                )

        await self._thread.run(in_transaction(work))

    async def take(self, subscriber: Subscriber, lease_ms: int) -> Delivery | None:
        assert 0 < lease_ms <= HIDDEN_MS_MAX
        now_ms = self._clock.wall_ms()
        return await self._thread.run(lambda c: _take(c, subscriber, now_ms, now_ms + lease_ms))

    async def done(self, delivery: Delivery) -> None:
        held = {**_names(delivery), "now": self._clock.wall_ms()}

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection, durable=False):
                if connection.execute(FORGET_DONE, held).rowcount == 0:
                    connection.execute(DUE_AGAIN, held)

        await self._thread.run(work)

    async def failed(self, delivery: Delivery, error: str, *, permanent: bool) -> None:
        now_ms = self._clock.wall_ms()
        dead = permanent or delivery.attempts >= ATTEMPTS_MAX

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection, durable=False):
                if dead:
                    _bury(connection, delivery, error, now_ms)
                else:
                    due_ms = now_ms + retry_after_ms(delivery.attempts)
                    connection.execute(RETRY, {**_names(delivery), "due": due_ms, "error": _kind(error)})

        await self._thread.run(work)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        rows = await self._thread.run(lambda c: c.execute(LIST_DEAD, (limit,)).fetchall())
        return [
            DeadLetter(SessionId(session), Subscriber(subscriber), attempts, error, died_at_ms)
            for session, subscriber, attempts, error, died_at_ms in rows
        ]

    async def replay(self, letter: DeadLetter) -> bool:
        values = {"session": letter.session, "subscriber": letter.subscriber, "now": self._clock.wall_ms()}
        replayed = await self._thread.run(in_transaction(lambda c: c.execute(REPLAY, values).rowcount))
        return replayed > 0

    async def forget_session(self, session: SessionId) -> int:
        forget = "DELETE FROM wakeups WHERE session = ?"
        return await self._thread.run(in_transaction(lambda c: c.execute(forget, (session,)).rowcount))

    async def close(self) -> None:
        await self._thread.close()


def _take(
    connection: sqlite3.Connection, subscriber: Subscriber, now_ms: int, until_ms: int
) -> Delivery | None:
    due = {"subscriber": subscriber, "now": now_ms, "hidden": HIDDEN_MS_MAX}
    # Looked at first without the file's one write lock: most of the time nothing is due.
    if connection.execute(FIND_DUE, due).fetchone() is None:
        return None
    with transaction(connection, durable=False):
        while (row := connection.execute(FIND_DUE, due).fetchone()) is not None:
            session, attempts, lost_ticket = row
            if lost_ticket is not None and attempts >= ATTEMPTS_MAX:
                # Its workers never came back, the last one either: perhaps it is what ends them.
                lost = Delivery(session, subscriber, attempts, lost_ticket)
                _bury(connection, lost, LOST_WORKER, now_ms)
                continue
            delivery = Delivery(session, subscriber, attempts + 1, secrets.token_hex(8))
            connection.execute(TAKE, {**_names(delivery), "until": until_ms})
            return delivery
    return None


def _bury(connection: sqlite3.Connection, delivery: Delivery, error: str, now_ms: int) -> None:
    connection.execute(
        BURY, {**_names(delivery), "now": now_ms, "error": _kind(error), "slowest": RETRY_MS_MAX}
    )


def _names(delivery: Delivery) -> dict[str, str]:
    return {"session": delivery.session, "subscriber": delivery.subscriber, "ticket": delivery.ticket}


def _kind(error: str) -> str:
    return error[:ERROR_CHARACTERS_MAX]
