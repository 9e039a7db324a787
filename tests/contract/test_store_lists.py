"""Every store: the lists that the API and the sweep walk through, page by page."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.domain.session import SessionDocument, SessionState
from shared.domain.values import NOBODY, Principal, SessionId
from shared.ports import Store, Stored
from tests.contract.examples import NOW_MS, OWNER, document, session_id

Page = Callable[[SessionId | None], Awaitable[list[Stored]]]

TOMBSTONE = replace(document(SessionState.PURGED), takes=(), take=0, wrapped_key=b"", config=b"")


async def put(store: Store, *documents: SessionDocument) -> list[Stored]:
    """Under ids 1, 2, ... but written in another order."""
    numbered = list(enumerate(documents, 1))
    stored = {number: await store.create(session_id(number), each) for number, each in reversed(numbered)}
    return [stored[number] for number, _ in numbered]


async def walked(page: Page) -> list[Stored]:
    """All that the pages hold, each asked for beyond the last one's last."""
    found: list[Stored] = []
    while more := await page(found[-1].session if found else None):
        found += more
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_unfinished_sessions_by_id(store: Store, limit: int) -> None:
    stored = await put(store, *(document(state) for state in [*SessionState, *SessionState]))
    found = await walked(lambda after: store.unfinished(after, limit))
    over = (SessionState.FINISHED, SessionState.PURGED)
    assert found == [each for each in stored if each.document.state not in over]
    assert len(await store.unfinished(None, limit)) == min(limit, 6)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_touched_sessions_by_id_whatever_their_state(store: Store, limit: int) -> None:
    stored = await put(
        store,
        *(
            replace(document(state), heartbeat_at_ms=NOW_MS + late)
            for state in SessionState
            for late in (-1, 0, 1)
        ),
    )
    found = await walked(lambda after: store.touched(NOW_MS, after, limit))
    assert found == [each for each in stored if each.document.heartbeat_at_ms >= NOW_MS]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_purgeable_sessions_by_id(store: Store, limit: int) -> None:
    kept = [
        document(SessionState.FINISHED),
        replace(document(SessionState.FINISHED), purge_at_ms=NOW_MS + 1),
    ]
    due = [
        replace(document(), purge_at_ms=NOW_MS),
        TOMBSTONE,
        replace(document(SessionState.INTERRUPTED), purge_at_ms=NOW_MS - 1),
        replace(TOMBSTONE, purge_at_ms=NOW_MS + 1),
    ]
    stored = await put(store, kept[0], due[0], due[1], kept[1], due[2], due[3])
    found = await walked(lambda after: store.purgeable(NOW_MS, after, limit))
    assert found == [stored[1], stored[2], stored[4], stored[5]]


async def test_owned_sessions_newest_first(store: Store) -> None:
    ages = [5, 1, 4, 2, 3]
    stored = await put(store, *(replace(document(), created_at_ms=NOW_MS - age) for age in ages))
    newest = sorted(stored, key=lambda each: -each.document.created_at_ms)
    assert await store.owned(OWNER, None, 100) == newest
    assert await store.owned(OWNER, None, 2) == newest[:2]
    assert await store.owned(OWNER, NOW_MS - 2, 2) == newest[2:4]
    assert await store.owned(OWNER, NOW_MS - 5, 2) == []


async def test_owned_sessions_are_mine_and_not_deleted(store: Store) -> None:
    somebody = Principal("dr.other")
    [mine, theirs, _, finished] = await put(
        store,
        document(),
        document(owner=somebody),
        TOMBSTONE,
        replace(document(SessionState.FINISHED, holder=NOBODY), created_at_ms=NOW_MS - 1),
    )
    assert await store.owned(OWNER, None, 100) == [mine, finished]
    assert await store.owned(somebody, None, 100) == [theirs]
    assert await store.owned(Principal("nobody"), None, 100) == []


async def test_sessions_of_the_same_moment_are_all_listed(store: Store) -> None:
    stored = await put(store, document(), document(), document())
    listed = await store.owned(OWNER, None, 100)
    assert sorted(listed, key=lambda each: each.session) == stored
    assert await store.owned(OWNER, NOW_MS, 100) == []


async def test_what_is_listed_can_be_written(store: Store, other: Store) -> None:
    await put(store, replace(document(), purge_at_ms=NOW_MS))
    for listed in (
        store.unfinished(None, 1),
        other.touched(0, None, 1),
        store.purgeable(NOW_MS, None, 1),
        other.owned(OWNER, None, 1),
    ):
        [found] = await listed
        assert found == await store.load(found.session)
        written = await store.write(
            found, replace(found.document, published_through=found.document.published_through + 1)
        )
        assert written.document.published_through == found.document.published_through + 1


async def test_lists_follow_what_is_written(store: Store, other: Store) -> None:
    [stored] = await put(store, document())
    finished = await store.write(
        stored, replace(stored.document, state=SessionState.FINISHED, heartbeat_at_ms=NOW_MS + 9)
    )
    assert await other.unfinished(None, 10) == []
    assert await other.touched(NOW_MS + 9, None, 10) == [finished]
    buried = await other.write(finished, TOMBSTONE)
    assert await store.purgeable(NOW_MS, None, 10) == [buried]
    assert await store.owned(OWNER, None, 10) == []
    await store.forget(buried)
    assert await other.purgeable(NOW_MS, None, 10) == []
    assert await other.touched(0, None, 10) == []
