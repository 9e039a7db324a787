"""Every row is saved once, soon, and what is said of it is true, whoever repeats, dies or comes between."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import chain, repeat

import pytest

from services.autosave.draft import ROWS_PER_PART_MAX, SAVE_EVERY_MS, Part, decode_part, key_name, part_name
from services.autosave.handler import AutosaveHandler
from shared.domain.entries import Polished
from shared.domain.session import Move
from shared.errors import BlobsUnavailable, Broken, StoreUnavailable, WriteConflict
from shared.ports import Blobs, RecordName, Store
from shared.sealing import Kind, open_entry, open_polished, seal_polished
from tests.doubles.counting_kek import CountingKek
from tests.doubles.faulty_store import NONE, REFUSED, REPLY_LOST, Fault, FaultyStore
from tests.doubles.memory import MemoryBlobs
from tests.unit.services.scene import SESSION, Scene, gap, words


class FaultyBlobs(MemoryBlobs):
    """Refuses while `down`; a `create` then may have happened all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.happens = False
        self.created = 0

    async def create(self, key: str, body: bytes) -> None:
        if self.down and not self.happens:
            raise BlobsUnavailable("no answer")
        await super().create(key, body)
        self.created += 1
        if self.down:
            raise BlobsUnavailable("no answer")


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    scene.blobs = FaultyBlobs()
    await scene.begin()
    return scene


def blobs_of(scene: Scene) -> FaultyBlobs:
    assert isinstance(scene.blobs, FaultyBlobs)
    return scene.blobs


def handler_of(scene: Scene, store: Store | None = None, blobs: Blobs | None = None) -> AutosaveHandler:
    return AutosaveHandler(store or scene.store, scene.bus, blobs or scene.blobs, scene.kek, scene.clock)


async def polish(scene: Scene, *texts: str) -> None:
    """Polished rows, as polish would store them."""
    key = await scene.key()
    record = await scene.memory.record(SESSION, RecordName.POLISH)
    first = int(record.fields["rows"] or 0) if record else 0
    rows = [
        seal_polished(key, Polished(first + n, first + n, first + n, text)) for n, text in enumerate(texts)
    ]
    fields = {"cursor": first + len(rows), "rows": first + len(rows)}
    await scene.memory.write_record(
        SESSION, RecordName.POLISH, fields, record.version if record else None, rows
    )


async def parts(scene: Scene) -> list[Part]:
    key, log_id = await scene.key(), (await scene.document()).log_id
    found = []
    for number in range(len(await scene.blobs.list(f"drafts/{SESSION}/{log_id}/"))):
        body = await scene.blobs.read(part_name(SESSION, log_id, number))
        assert body is not None
        part = decode_part(key.open(Kind.DRAFT, number, body))
        assert part is not None
        found.append(part)
    return found


async def saved(scene: Scene) -> tuple[list[str], list[str]]:
    """What the parts hold, read as one who restores would: each must go on where the one before ended."""
    key = await scene.key()
    entries: list[str] = []
    polished: list[str] = []
    for part in await parts(scene):
        assert (part.first_entry, part.first_polished) == (len(entries), len(polished))
        opened = [open_entry(key, row).entry for row in part.entries]
        entries += [getattr(entry, "text", "gap") for entry in opened]
        polished += [open_polished(key, row).text for row in part.polished]
    return entries, polished


async def told(scene: Scene) -> tuple[object, object]:
    return await scene.field(RecordName.DRAFT, "state"), await scene.field(RecordName.DRAFT, "through")


async def test_the_first_words_are_saved_at_once_and_opened_with_the_key_object(scene: Scene) -> None:
    await scene.log(words("one", 0), gap(1))
    await handler_of(scene).handle(SESSION)
    assert await saved(scene) == (["one", "gap"], [])
    assert await told(scene) == ("saved", 2)
    assert await scene.field(RecordName.DRAFT, "saved_at_ms") == scene.clock.wall_ms()
    assert await scene.blobs.read(key_name(SESSION)) is not None


async def test_while_somebody_speaks_parts_are_far_apart_and_no_change_waits_long(scene: Scene) -> None:
    """An entry a second for five minutes, each with its wake-up."""
    handler = handler_of(scene)
    for n in range(300):
        await scene.log(words(str(n), n))
        await handler.handle(SESSION)
        through = await scene.field(RecordName.DRAFT, "through")
        assert isinstance(through, int)
        assert n + 1 - through <= SAVE_EVERY_MS // 1_000
        scene.clock.advance(1_000)
    assert len(await parts(scene)) == 300_000 // SAVE_EVERY_MS


async def test_however_many_parts_the_key_is_opened_once(scene: Scene) -> None:
    kek = CountingKek(scene.kek)
    handler = AutosaveHandler(scene.store, scene.bus, scene.blobs, kek, scene.clock)
    for n in range(4):
        await scene.log(words(str(n), n))
        await handler.handle(SESSION)
        scene.clock.advance(SAVE_EVERY_MS)
    assert len(await parts(scene)) == 4
    assert kek.opened == 1


async def test_a_save_does_not_chase_somebody_who_speaks(scene: Scene) -> None:
    """Whenever a part is stored another entry comes, as under a fast speaker."""

    class Speaking(FaultyBlobs):
        async def create(self, key: str, body: bytes) -> None:
            await super().create(key, body)
            if self.created < 20:
                await scene.log(words("more", self.created))

    scene.blobs = Speaking()
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    assert len(await parts(scene)) == 1


async def test_it_is_not_written_down_that_nothing_is_due(scene: Scene) -> None:
    await scene.log(words("one", 0))
    handler = handler_of(scene)
    await handler.handle(SESSION)
    record = await scene.memory.record(SESSION, RecordName.DRAFT)
    await scene.log(words("two", 1))
    await handler.handle(SESSION)
    assert await scene.memory.record(SESSION, RecordName.DRAFT) == record


async def test_when_nobody_speaks_everything_is_saved_at_once(scene: Scene) -> None:
    handler = handler_of(scene)
    await scene.log(words("one", 0))
    await handler.handle(SESSION)
    await scene.log(words("two", 1))
    await scene.interrupt()
    await handler.handle(SESSION)
    assert await told(scene) == ("saved", 2)
    await scene.finish()
    await polish(scene, "One.", "Two.")
    await handler.handle(SESSION)
    assert await saved(scene) == (["one", "two"], ["One.", "Two."])
    for _ in range(3):
        await handler.handle(SESSION)
    assert len(await parts(scene)) == 3


async def test_a_reopened_session_is_saved_on(scene: Scene) -> None:
    await scene.log(words("one", 0))
    stored = await scene.finish()
    await handler_of(scene).handle(SESSION)
    await scene.change(stored.document.moved(Move.RECORD))
    await scene.log(words("two", 1))
    scene.clock.advance(SAVE_EVERY_MS)
    await handler_of(scene).handle(SESSION)
    assert await saved(scene) == (["one", "two"], [])


async def test_a_long_log_is_saved_in_parts_of_bounded_size(scene: Scene) -> None:
    count = 2 * ROWS_PER_PART_MAX + 7
    await scene.log(*(words(str(n), n) for n in range(count)))
    await polish(scene, *(f"{n}." for n in range(count)))
    await handler_of(scene).handle(SESSION)
    assert await saved(scene) == ([str(n) for n in range(count)], [f"{n}." for n in range(count)])
    assert all(len(part.entries) <= ROWS_PER_PART_MAX >= len(part.polished) for part in await parts(scene))


async def test_no_word_is_readable_outside(scene: Scene) -> None:
    await scene.log(words("ada lovelace", 0))
    await polish(scene, "Ada Lovelace")
    await handler_of(scene).handle(SESSION)
    for name in await scene.blobs.list(""):
        body = await scene.blobs.read(name)
        assert body is not None
        assert b"ovelace" not in body


async def test_two_at_once_save_every_row_once(scene: Scene) -> None:
    await scene.log(*(words(str(n), n) for n in range(700)))
    await asyncio.gather(*(handler_of(scene).handle(SESSION) for _ in range(4)))
    assert await saved(scene) == ([str(n) for n in range(700)], [])
    assert await told(scene) == ("saved", 700)


@pytest.mark.parametrize("happens", [False, True], ids=["not stored", "stored"])
async def test_a_failed_save_is_shown_and_the_next_goes_on(scene: Scene, happens: bool) -> None:
    blobs, handler = blobs_of(scene), handler_of(scene)
    blobs.down, blobs.happens = True, happens
    await scene.log(words("one", 0))
    for _ in range(3):
        with pytest.raises(BlobsUnavailable):
            await handler.handle(SESSION)
        assert await told(scene) == ("failed", 0)
    await scene.log(words("two", 1))
    blobs.down = False
    await handler.handle(SESSION)
    assert await saved(scene) == (["one", "two"], [])
    assert await told(scene) == ("saved", 2)


async def test_a_failure_is_said_once(scene: Scene) -> None:
    blobs_of(scene).down = True
    await scene.log(words("one", 0))
    with suppress(BlobsUnavailable):
        await handler_of(scene).handle(SESSION)
    record = await scene.memory.record(SESSION, RecordName.DRAFT)
    with suppress(BlobsUnavailable):
        await handler_of(scene).handle(SESSION)
    assert await scene.memory.record(SESSION, RecordName.DRAFT) == record


@pytest.mark.parametrize("fault", [REFUSED, REPLY_LOST], ids=["refused", "reply lost"])
@pytest.mark.parametrize("kind", ["reads", "writes"])
@pytest.mark.parametrize("calls", range(12))
async def test_wherever_it_dies_the_next_one_completes_it(
    scene: Scene, fault: Fault, kind: str, calls: int
) -> None:
    """The store answers so many calls and no more, while the log grows: every row is in the parts once."""
    await scene.log(*(words(str(n), n) for n in range(600)))
    await polish(scene, "first")
    dying = FaultyStore(scene.memory, scene.clock, **{kind: chain(repeat(NONE, calls), repeat(fault))})
    with suppress(StoreUnavailable):
        await handler_of(scene, store=dying).handle(SESSION)
    await scene.log(words("last", 700))
    await scene.finish()
    await polish(scene, "second")
    await handler_of(scene).handle(SESSION)
    assert await saved(scene) == ([*(str(n) for n in range(600)), "last"], ["first", "second"])
    assert await told(scene) == ("saved", 601)


async def test_a_part_that_does_not_open_costs_a_number_and_no_word(scene: Scene) -> None:
    log_id = (await scene.document()).log_id
    await scene.blobs.create(part_name(SESSION, log_id, 0), b"damaged")
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    assert await told(scene) == ("saved", 1)
    assert await scene.field(RecordName.DRAFT, "part") == 2


async def test_storage_that_makes_no_sense_is_broken_and_shown(scene: Scene) -> None:
    log_id = (await scene.document()).log_id
    for number in range(40):
        await scene.blobs.create(part_name(SESSION, log_id, number), b"damaged")
    await scene.log(words("one", 0))
    with pytest.raises(Broken):
        await handler_of(scene).handle(SESSION)
    assert await told(scene) == ("failed", 0)


async def test_another_sessions_key_object_is_never_built_upon(scene: Scene) -> None:
    await scene.blobs.create(key_name(SESSION), b"another")
    await scene.log(words("one", 0))
    with pytest.raises(Broken):
        await handler_of(scene).handle(SESSION)
    assert await parts(scene) == []


async def test_a_restored_log_begins_a_draft_of_its_own(scene: Scene) -> None:
    await scene.log(words("one", 0), words("two", 1))
    await handler_of(scene).handle(SESSION)
    stored = await scene.stored()
    await scene.change(replace(stored.document, log_id=type(stored.document.log_id)("log-2")))
    await handler_of(scene).handle(SESSION)
    assert await saved(scene) == (["one", "two"], [])
    assert len(await scene.blobs.list(f"drafts/{SESSION}/")) == 3


@pytest.mark.parametrize("before", ["create", "record"])
async def test_what_was_saved_beside_a_tombstone_is_removed(scene: Scene, before: str) -> None:
    class DeletedMeanwhile(FaultyBlobs):
        async def create(self, key: str, body: bytes) -> None:
            if before == "record":
                await super().create(key, body)
            if not key.endswith("/key"):
                await scene.delete()
                await scene.memory.erase(SESSION)
            if before == "create":
                await super().create(key, body)

    scene.blobs = DeletedMeanwhile()
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    assert await scene.everything_of() == []


async def test_a_wake_up_for_a_deleted_session_removes_what_is_left_of_it(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    await scene.delete()
    await handler_of(scene).handle(SESSION)
    assert await scene.everything_of() == []


async def test_a_late_twin_changes_nothing(scene: Scene) -> None:
    """One stalls after it read the record, and another saves far beyond it."""
    await scene.log(words("one", 0))
    stalled, go_on = asyncio.Event(), asyncio.Event()

    class Stalling(FaultyBlobs):
        async def create(self, key: str, body: bytes) -> None:
            if not go_on.is_set() and key.endswith("00000000"):
                stalled.set()
                await go_on.wait()
            await super().create(key, body)

    shared: FaultyBlobs = Stalling()
    quick = MemoryBlobs.create
    scene.blobs = shared
    late = asyncio.create_task(handler_of(scene).handle(SESSION))
    await stalled.wait()

    class Direct(MemoryBlobs):
        async def create(self, key: str, body: bytes) -> None:
            await quick(shared, key, body)

        async def read(self, key: str) -> bytes | None:
            return await shared.read(key)

    await scene.log(words("two", 1))
    await handler_of(scene, blobs=Direct()).handle(SESSION)
    scene.clock.advance(SAVE_EVERY_MS)
    await scene.log(words("three", 2))
    await handler_of(scene, blobs=Direct()).handle(SESSION)
    go_on.set()
    await late
    assert await saved(scene) == (["one", "two", "three"], [])
    assert await told(scene) == ("saved", 3)


async def test_parts_are_written_once(scene: Scene) -> None:
    await scene.log(words("one", 0))
    await handler_of(scene).handle(SESSION)
    with pytest.raises(WriteConflict):
        await scene.blobs.create(part_name(SESSION, (await scene.document()).log_id, 0), b"other")
