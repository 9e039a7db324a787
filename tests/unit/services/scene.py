"""A session as ingest leaves it in the store, for tests of what happens after the commit: made-up words only."""

from collections.abc import Sequence
from dataclasses import replace

import tink
from tink import aead

from shared.domain.entries import Entry, Gap, GapCause, Logged, Segment
from shared.domain.session import Move, SessionConfig, SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY, Holder, LogId, Principal, SessionId, Span, TakeId, samples
from shared.ports import KeyEncryption, RecordName, Store, Stored
from shared.sealing import SessionKey, new_key, open_polished, seal_config, seal_entry, unwrap_key
from tests.doubles.clock import ManualClock
from tests.doubles.memory import MemoryBlobs, MemoryBus, MemoryStore

SESSION = SessionId("00000000-0000-4000-8000-000000000001")
OWNER = Principal("dr.made-up")


def key_encryption() -> KeyEncryption:
    aead.register()
    kek: KeyEncryption = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead)
    return kek


def words(text: str, at_s: float, *, take: int = 1, end: bool = True) -> Segment:
    """A segment of one second."""
    return Segment(take, Span(samples(at_s), samples(at_s + 1)), text, utterance_end=end)


def gap(at_s: float, take: int = 1) -> Gap:
    return Gap(take, Span(samples(at_s), samples(at_s)), GapCause.SUSPENDED, wall_ms=1_000)


class Scene:
    """The ports in memory on a manual clock, and what ingest would do to them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.memory = MemoryStore()
        self.store: Store = self.memory
        self.bus = MemoryBus(self.clock)
        self.blobs = MemoryBlobs()
        self.kek = key_encryption()

    async def begin(self, config: SessionConfig | None = None, session: SessionId = SESSION) -> Stored:
        """A new session that its first take records."""
        key, wrapped = await new_key(self.kek, session)
        now_ms = self.clock.wall_ms()
        document = SessionDocument(
            owner=OWNER,
            log_id=LogId("log-1"),
            state=SessionState.RECORDING,
            holder=Holder("connection-1"),
            heartbeat_at_ms=now_ms,
            created_at_ms=now_ms,
            take=1,
            takes=(Take(TakeId("take-1"), number=1, dial=1, seen_at_ms=now_ms),),
            wrapped_key=wrapped,
            config=seal_config(key, config or SessionConfig()),
        )
        return await self.memory.create(session, document)

    async def log(self, *entries: Entry, session: SessionId = SESSION) -> Stored:
        """Commit entries, as the holder would."""
        stored = await self.stored(session)
        key = await self.key(session)
        first = stored.document.next_index
        rows = [seal_entry(key, Logged(first + n, entry)) for n, entry in enumerate(entries)]
        document = replace(
            stored.document, next_index=first + len(rows), heartbeat_at_ms=self.clock.wall_ms()
        )
        return await self.memory.write(stored, document, rows)

    async def change(self, document: SessionDocument, session: SessionId = SESSION) -> Stored:
        return await self.memory.write(await self.stored(session), document)

    async def interrupt(self, session: SessionId = SESSION) -> Stored:
        document = (await self.stored(session)).document
        return await self.change(document.let_go(self.clock.wall_ms()), session)

    async def finish(self, session: SessionId = SESSION) -> Stored:
        now_ms = self.clock.wall_ms()
        document = (await self.stored(session)).document.moved(Move.FINISH).moved(Move.COMPLETE)
        return await self.change(
            replace(document, holder=NOBODY, finished_at_ms=now_ms, heartbeat_at_ms=now_ms), session
        )

    async def delete(self, session: SessionId = SESSION) -> Stored:
        document = (await self.stored(session)).document
        return await self.change(document.tombstone(Holder("deleter"), self.clock.wall_ms()), session)

    # --- looking

    async def stored(self, session: SessionId = SESSION) -> Stored:
        stored = await self.memory.load(session)
        assert stored is not None
        return stored

    async def document(self, session: SessionId = SESSION) -> SessionDocument:
        return (await self.stored(session)).document

    async def key(self, session: SessionId = SESSION) -> SessionKey:
        return await unwrap_key(self.kek, session, (await self.document(session)).wrapped_key)

    async def polished(self, session: SessionId = SESSION) -> list[tuple[int, int, str]]:
        key = await self.key(session)
        opened = [open_polished(key, row) for row in await self.memory.polished(session, 0, 1_000)]
        return [(each.first, each.last, each.text) for each in opened]

    async def field(self, record: RecordName, name: str) -> int | str | bytes | None:
        found = await self.memory.record(SESSION, record)
        assert found is not None
        return found.fields[name]

    async def everything_of(self, session: SessionId = SESSION) -> Sequence[object]:
        """Whatever is kept beside the document."""
        records = [await self.memory.record(session, name) for name in RecordName]
        return [
            *await self.memory.entries(session, 0, 1_000),
            *await self.memory.polished(session, 0, 1_000),
            *[record for record in records if record],
            *await self.blobs.list(f"drafts/{session}/"),
        ]
