"""Stage 11 of 13. What the logs hold beyond the draft goes in; a sealed part in blob storage comes out, then its record.

The part is stored before the record says so. Whoever is killed in between leaves a part that nobody counts: the next one
finds its name taken, opens what lies there and adopts it. So two at once, or one again, save every row once.
"""

import asyncio
from typing import Final

from services.autosave.draft import (
    ROWS_PER_PART_MAX,
    DraftState,
    Part,
    Progress,
    decode_part,
    encode_key,
    encode_part,
    goes_on,
    is_due,
    key_name,
    part_name,
    read_progress,
)
from shared.deletion import remove_remains
from shared.domain.session import SessionState
from shared.domain.values import SessionId
from shared.errors import BlobsUnavailable, Broken, Refuse, StoreUnavailable, WriteConflict
from shared.keys import Keys
from shared.lease import answered
from shared.ports import Blobs, Clock, KeyEncryption, Publisher, RecordName, Store, Stored, Version
from shared.sealing import Kind, SessionKey

BLOB_MS_MAX: Final = 10_000
"""A part is up to a megabyte, and a clinic's line may be slow."""

NUMBERS_TRIED_MAX: Final = 16
"""A name may be taken by a part that does not open. That is damage, which one number is given up to; more is a riddle."""


class AutosaveHandler:
    def __init__(self, store: Store, bus: Publisher, blobs: Blobs, kek: KeyEncryption, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._blobs = blobs
        self._keys = Keys(kek)
        self._clock = clock

    async def handle(self, session: SessionId) -> None:
        """Save what is due, in as many parts as it takes.

        Raises:
            Retry: something failed; what is saved stays, and the next call goes on from there.
            Refuse, Broken: this session cannot be saved by trying again. The record says `failed`.
        """
        saving = False
        while (stored := await self._alive(session)) is not None:
            record = await answered(self._store.record(session, RecordName.DRAFT))
            progress = read_progress(record.fields if record else None, stored.document.log_id)
            saving = saving or is_due(stored.document, progress, self._clock.wall_ms())
            part = await self._next_part(stored, progress) if saving else None
            if part is None or part.is_empty:
                return
            # Not on and on: behind somebody who speaks, each entry would get a part of its own.
            saving = part.is_full
            await self._save(stored, part, progress, record.version if record else None)

    async def _alive(self, session: SessionId) -> Stored | None:
        """The session, or None if there is none, or it was deleted; then nothing of it is left either.

        Looked at before and after every write: one that overlapped the deletion must not outlive it.
        """
        stored = await answered(self._store.load(session))
        if stored is None or stored.document.state is not SessionState.PURGED:
            return stored
        await remove_remains(self._store, self._blobs, self._bus, session)
        return None

    async def _next_part(self, stored: Stored, progress: Progress) -> Part:
        session, document = stored.session, stored.document
        missing = min(ROWS_PER_PART_MAX, document.next_index - progress.through)
        entries = (
            await answered(self._store.entries(session, progress.through, missing)) if missing > 0 else []
        )
        polished = await answered(self._store.polished(session, progress.polished, ROWS_PER_PART_MAX))
        about = await answered(self._store.record(session, RecordName.ABOUT))
        sealed = about.fields.items() if about else ()
        return Part(
            document,
            {name: value for name, value in sealed if isinstance(value, bytes)},
            progress.through,
            progress.polished,
            tuple(entries),
            tuple(polished),
            self._clock.wall_ms(),
        )

    async def _save(self, stored: Stored, part: Part, progress: Progress, base: Version | None) -> None:
        try:
            saved = await self._store_part(stored, part, progress)
        except (BlobsUnavailable, Refuse, Broken):
            await self._say_failed(stored.session, progress, base)
            raise
        await self._say(stored.session, saved, base)

    async def _store_part(self, stored: Stored, part: Part, progress: Progress) -> Progress:
        """Progress after the part is in storage: this one, or one that goes on from the same place."""
        document = stored.document
        key = await self._keys.of(stored)
        if progress.part == 0:
            await self._store_key(stored)
        for number in range(progress.part, progress.part + NUMBERS_TRIED_MAX):
            name = part_name(stored.session, document.log_id, number)
            try:
                await self._create(name, key.seal(Kind.DRAFT, number, encode_part(part)))
                return progress.saved(number, part)
            except WriteConflict:
                found = await self._found(key, name, number)
            if found is not None and goes_on(found, progress):
                return progress.saved(number, found)
        raise Broken("the parts of a draft in blob storage do not follow its record")

    async def _store_key(self, stored: Stored) -> None:
        body = encode_key(stored.session, stored.document.wrapped_key)
        try:
            await self._create(key_name(stored.session), body)
        except WriteConflict:
            raise Broken("a draft's key object holds another key than its session") from None

    async def _create(self, name: str, body: bytes) -> None:
        try:
            async with asyncio.timeout(BLOB_MS_MAX / 1_000):
                await self._blobs.create(name, body)
        except TimeoutError:
            raise BlobsUnavailable("the blob storage does not answer") from None

    async def _found(self, key: SessionKey, name: str, number: int) -> Part | None:
        try:
            async with asyncio.timeout(BLOB_MS_MAX / 1_000):
                body = await self._blobs.read(name)
            return None if body is None else decode_part(key.open(Kind.DRAFT, number, body))
        except TimeoutError:
            raise BlobsUnavailable("the blob storage does not answer") from None
        except Broken:
            return None

    async def _say(self, session: SessionId, progress: Progress, base: Version | None) -> None:
        try:
            await answered(self._store.write_record(session, RecordName.DRAFT, progress.fields(), base))
        except WriteConflict:
            # Somebody else saved meanwhile; whatever they left is seen on the next reading.
            pass

    async def _say_failed(self, session: SessionId, progress: Progress, base: Version | None) -> None:
        """So that the person is told; once, because every change of the record is sent to them."""
        if progress.state is DraftState.FAILED:
            return
        try:
            await self._say(session, progress.failed(), base)
        except StoreUnavailable:
            # The failure itself is raised and tried again, and so is this.
            pass
