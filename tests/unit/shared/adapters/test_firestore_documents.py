"""What Firestore keeps: there and back, and only what changed."""

from dataclasses import replace
from datetime import UTC, datetime

from shared.adapters.firestore_documents import (
    EXPIRES_AT,
    TOMBSTONE_DAYS,
    WRITE,
    changed_fields,
    session_document,
    session_fields,
)
from shared.domain.session import SessionDocument
from shared.domain.values import Holder, TakeId
from tests.contract.examples import NOW_MS, SESSION, document, take

THREE = replace(document(), takes=(take(1), take(2), take(3)))


def changes(before: SessionDocument, after: SessionDocument) -> dict[str, object]:
    changed = changed_fields(session_fields(SESSION, before), session_fields(SESSION, after))
    assert changed.pop(WRITE)
    return changed


def test_takes_keep_the_order_of_their_numbers() -> None:
    names = [TakeId(f"{name}0000000-0000-4000-8000-000000000000") for name in "fa5"]
    takes = tuple(replace(each, take_id=name) for each, name in zip(THREE.takes, names, strict=True))
    there = session_fields(SESSION, replace(THREE, takes=takes))
    there["takes"] = dict(sorted(there["takes"].items()))
    assert session_document(there).takes == takes


def test_a_commit_says_only_what_changed() -> None:
    moved = replace(take(2), covered=16_000)
    after = replace(THREE, next_index=1, heartbeat_at_ms=NOW_MS + 1).with_take(moved)
    assert set(changes(THREE, after)) == {"next_index", "heartbeat_at_ms", f"takes.`{moved.take_id}`"}


def test_a_write_that_changes_nothing_still_moves_the_version() -> None:
    assert changes(THREE, THREE) == {}


def test_no_two_writes_say_the_same() -> None:
    drawn = {
        changed_fields(session_fields(SESSION, each), session_fields(SESSION, each))[WRITE]
        for each in [THREE] * 100
    }
    assert len(drawn) == 100


def test_a_new_take_and_all_takes_gone() -> None:
    fourth = take(4)
    assert set(changes(THREE, THREE.with_take(fourth))) == {f"takes.`{fourth.take_id}`"}
    assert changes(THREE, replace(THREE, takes=())) == {"takes": {}}
    assert set(changes(replace(THREE, takes=()), THREE)) == {
        f"takes.`{each.take_id}`" for each in THREE.takes
    }


def test_only_a_tombstone_expires() -> None:
    assert EXPIRES_AT not in session_fields(SESSION, THREE)
    buried = session_fields(SESSION, THREE.tombstone(Holder("who deletes"), NOW_MS))
    expires: datetime = buried[EXPIRES_AT]
    assert expires == datetime.fromtimestamp(NOW_MS / 1_000 + TOMBSTONE_DAYS * 86_400, UTC)
