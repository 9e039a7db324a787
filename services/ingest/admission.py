"""Between `hello` and `welcome`: who asks is verified, and the lease is taken, or the reason why not is raised."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from services.ingest.follow import resumable
from services.ingest.tickets import Tickets
from shared.domain.session import (
    Claim,
    Granted,
    NewSession,
    SessionConfig,
    SessionDocument,
    judge_claim,
)
from shared.domain.values import Holder, LogId, SessionId, TakeId
from shared.errors import Busy
from shared.lease import LogWriter, answered, write_claim
from shared.ports import Clock, KeyEncryption, Store, Stored
from shared.sealing import SessionKey, new_key, open_config, seal_config, unwrap_key
from shared.wire.messages import Config, Cursors, Hello

BUSY_RETRY_MS: Final = 2_000
DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Gate:
    """What admission works with."""

    store: Store
    clock: Clock
    kek: KeyEncryption
    tickets: Tickets
    draw_id: Callable[[], str]
    """A fresh random UUID."""
    retention_days: int | None
    """None: kept until somebody deletes it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A recorder that may come in. `writer` is None where the session is finished and nothing is to be written."""

    session: SessionId
    document: SessionDocument
    take: int
    key: SessionKey
    config: SessionConfig = field(repr=False)
    cursors: Cursors
    writer: LogWriter | None


async def admit(gate: Gate, hello: Hello, has_room: bool) -> Admitted:
    """Judge a `hello` from its ticket on, in the protocol's order of precedence; the fields are judged before.

    Cancel it when the socket closes: nobody must be given a session that they have left.

    Raises:
        SignInNeeded, NotYours, SessionDeleted, DialTooOld, TakenElsewhere, TooMany, Busy: the first that applies.
        StoreUnavailable: neither a write nor a read was answered.
    """
    session = SessionId(hello.session)
    principal = gate.tickets.verify(hello.ticket, session, gate.clock.wall_ms())
    claim = Claim(
        session,
        principal,
        Holder(gate.draw_id()),
        TakeId(hello.take_id),
        hello.dial,
        hello.takeover,
        hello.recording,
        hello.captured_until,
        hello.gap_no,
    )
    new: NewSession | None = None
    while True:
        stored = await answered(gate.store.load(session))
        if stored is None and new is None:
            new = await _draw(gate, session, hello.config or Config())
        verdict = judge_claim(stored.document if stored else None, claim, new, gate.clock.wall_ms())
        if not has_room:
            raise Busy("this server has as many recordings as it may; it is tried again", BUSY_RETRY_MS)
        if not isinstance(verdict, Granted):
            assert stored is not None
            return await _admitted(gate, stored, verdict.take, hello, writes=False)
        granted = await write_claim(gate.store, session, stored, verdict.document)
        if granted is not None:
            return await _admitted(gate, granted, verdict.take, hello, writes=True)


async def _draw(gate: Gate, session: SessionId, config: Config) -> NewSession:
    key, wrapped = await new_key(gate.kek, session)
    wanted = SessionConfig(
        config.language, tuple(config.vocabulary), tuple(config.macros.items()), config.style
    )
    purge_at_ms = None if gate.retention_days is None else gate.clock.wall_ms() + gate.retention_days * DAY_MS
    return NewSession(LogId(gate.draw_id()), wrapped, seal_config(key, wanted), purge_at_ms)


async def _admitted(gate: Gate, stored: Stored, take: int, hello: Hello, *, writes: bool) -> Admitted:
    # Always the stored key: whoever lost a race to create the session uses the winner's.
    key = await unwrap_key(gate.kek, stored.session, stored.document.wrapped_key)
    cursors = resumable(hello.cursors, hello.log_id, stored.document)
    if cursors.polished and not await answered(gate.store.polished(stored.session, cursors.polished - 1, 1)):
        cursors = Cursors()
    return Admitted(
        stored.session,
        stored.document,
        take,
        key,
        open_config(key, stored.document.config),
        cursors,
        LogWriter(gate.store, gate.clock, stored) if writes else None,
    )
