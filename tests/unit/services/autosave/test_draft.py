"""The form of a draft, and when one is due."""

import pytest

from services.autosave.draft import (
    SAVE_EVERY_MS,
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
from shared.domain.session import Move, SessionDocument
from shared.domain.values import LogId
from shared.ports import EntryRow, PolishedRow
from tests.unit.services.scene import SESSION, Scene

LOG = LogId("log-1")
NOW_MS = 1_800_000_000_000


@pytest.fixture
async def document() -> SessionDocument:
    return (await Scene().begin()).document


def part_of(document: SessionDocument) -> Part:
    entries = (
        EntryRow(3, 1, 0, 16_000, b"sealed", "local", 91, True),
        EntryRow(4, 1, 16_000, 16_000, cause="suspended"),
    )
    polished = (PolishedRow(1, 3, 3, b"sealed", "rules", "1", ("flag",)),)
    return Part(document, {"label": b"sealed"}, 3, 1, entries, polished, NOW_MS)


def test_a_part_is_read_as_it_was_written(document: SessionDocument) -> None:
    part = part_of(document)
    assert decode_part(encode_part(part)) == part


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x81\xa6format\x07", b"not a part"])
def test_what_is_no_part_is_none(body: bytes) -> None:
    assert decode_part(body) is None


def test_a_part_of_a_later_format_is_not_guessed_at(document: SessionDocument) -> None:
    part = part_of(document)
    later = Part(part.document, part.about, 3, 1, part.entries, part.polished, NOW_MS, format=2)
    assert decode_part(encode_part(later)) is None


def test_a_part_never_shows_its_words(document: SessionDocument) -> None:
    assert "sealed" not in repr(part_of(document))


def test_names_sort_in_the_order_of_the_parts() -> None:
    names = [part_name(SESSION, LOG, number) for number in (0, 9, 10, 100, 12_345)]
    assert names == sorted(names)
    assert all(name.startswith(f"drafts/{SESSION}/") for name in [*names, key_name(SESSION)])


def test_the_key_object_is_the_same_every_time() -> None:
    assert encode_key(SESSION, b"wrapped") == encode_key(SESSION, b"wrapped")
    assert encode_key(SESSION, b"wrapped") != encode_key(SESSION, b"other")


def test_progress_is_read_as_it_was_written() -> None:
    progress = Progress(LOG, DraftState.FAILED, 7, 3, 2, NOW_MS)
    assert read_progress(progress.fields(), LOG) == progress
    assert read_progress(Progress(LOG).fields(), LOG) == Progress(LOG)


def test_a_draft_of_another_log_counts_for_nothing() -> None:
    other = LogId("log-2")
    assert read_progress(Progress(LOG, DraftState.SAVED, 7).fields(), other) == Progress(other)
    assert read_progress(None, other) == Progress(other)


def test_a_part_found_in_storage_goes_on_only_from_the_same_place(document: SessionDocument) -> None:
    part = part_of(document)
    assert goes_on(part, Progress(LOG, through=3, polished=1))
    assert not goes_on(part, Progress(LOG, through=2, polished=1))
    assert not goes_on(part, Progress(LOG, through=3, polished=0))
    assert not goes_on(part, Progress(LogId("log-2"), through=3, polished=1))
    empty = Part(document, {}, 3, 1, (), (), NOW_MS)
    assert not goes_on(empty, Progress(LOG, through=3, polished=1))


@pytest.mark.parametrize(
    ("age_ms", "due"), [(0, False), (SAVE_EVERY_MS - 1, False), (SAVE_EVERY_MS, True), (-1, True)]
)
def test_while_somebody_speaks_it_depends_on_the_last_save(
    document: SessionDocument, age_ms: int, due: bool
) -> None:
    assert is_due(document, Progress(LOG, saved_at_ms=NOW_MS - age_ms), NOW_MS) is due


def test_it_is_due_at_once_when_nothing_is_saved_or_nobody_speaks(document: SessionDocument) -> None:
    just_now = Progress(LOG, saved_at_ms=NOW_MS)
    assert is_due(document, Progress(LOG), NOW_MS)
    assert is_due(document.let_go(NOW_MS), just_now, NOW_MS)
    assert is_due(document.moved(Move.FINISH), just_now, NOW_MS)
