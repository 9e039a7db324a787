"""Every blob storage: an object is written once, whole or not at all."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.errors import Broken, WriteConflict
from shared.ports import Blobs

KEY = "drafts/00000001-0000-4000-8000-000000000000/000001"


async def test_an_object_is_read_as_it_was_written(blobs: Blobs) -> None:
    assert await blobs.read(KEY) is None
    for number, body in enumerate([b"", b"\x00\xff sealed", bytes(range(256)) * 8_192]):
        await blobs.create(f"{KEY}-{number}", body)
        assert await blobs.read(f"{KEY}-{number}") == body


async def test_the_same_again_is_fine(blobs: Blobs) -> None:
    for _ in range(3):
        await blobs.create(KEY, b"sealed")
    assert await blobs.read(KEY) == b"sealed"
    assert await blobs.list("") == [KEY]


@pytest.mark.parametrize("other", [b"", b"sealed otherwise", b"seale"])
async def test_other_content_is_refused(blobs: Blobs, other: bytes) -> None:
    await blobs.create(KEY, b"sealed")
    with pytest.raises(WriteConflict):
        await blobs.create(KEY, other)
    assert await blobs.read(KEY) == b"sealed"


async def test_of_many_who_create_one_wins(open_blobs: Callable[[], Awaitable[Blobs]]) -> None:
    one, two = await open_blobs(), await open_blobs()
    outcomes = await asyncio.gather(
        *((one, two)[n % 2].create(KEY, b"%d" % n) for n in range(16)), return_exceptions=True
    )
    [winner] = [n for n, each in enumerate(outcomes) if each is None]
    assert {type(each) for each in outcomes} == {type(None), WriteConflict}
    assert await two.read(KEY) == b"%d" % winner


async def test_keys_are_listed_in_order_by_how_they_begin(blobs: Blobs) -> None:
    keys = ["drafts/b/000002", "drafts/a/key", "drafts/b/000010", "drafts/a/000001", "drafts/ab/key", "other"]
    for key in keys:
        await blobs.create(key, b"sealed")
    assert await blobs.list("") == sorted(keys)
    assert await blobs.list("drafts/") == sorted(keys[:5])
    assert await blobs.list("drafts/a/") == ["drafts/a/000001", "drafts/a/key"]
    assert await blobs.list("drafts/a") == ["drafts/a/000001", "drafts/a/key", "drafts/ab/key"]
    assert await blobs.list("drafts/b/0000") == ["drafts/b/000002", "drafts/b/000010"]
    assert await blobs.list("drafts/c/") == []
    assert await blobs.list("drafts/a/key") == ["drafts/a/key"]
    assert await blobs.list("drafts/a/key/") == []


async def test_what_is_deleted_is_gone_and_can_be_made_anew(blobs: Blobs) -> None:
    await blobs.create(KEY, b"sealed")
    await blobs.create(f"{KEY}-next", b"sealed")
    await blobs.delete(KEY)
    await blobs.delete(KEY)
    assert await blobs.read(KEY) is None
    assert await blobs.list("") == [f"{KEY}-next"]
    await blobs.create(KEY, b"otherwise")
    assert await blobs.read(KEY) == b"otherwise"


async def test_deleting_what_never_was_is_fine(blobs: Blobs) -> None:
    await blobs.delete("drafts/nobody/key")
    assert await blobs.list("") == []


async def test_making_and_deleting_beside_each_other(open_blobs: Callable[[], Awaitable[Blobs]]) -> None:
    """Whoever removes the last object of a place must not take the place of who makes the next one."""
    one, two = await open_blobs(), await open_blobs()

    async def make_and_delete(blobs: Blobs, name: str) -> None:
        for number in range(40):
            await blobs.create(f"drafts/a/b/{name}{number}", b"sealed")
            await blobs.list("drafts/")
            await blobs.delete(f"drafts/a/b/{name}{number}")

    await asyncio.gather(make_and_delete(one, "x"), make_and_delete(two, "y"), make_and_delete(one, "z"))
    assert await one.list("") == []


async def test_what_was_written_outlives_the_instance(open_blobs: Callable[[], Awaitable[Blobs]]) -> None:
    first = await open_blobs()
    await first.create(KEY, b"sealed")
    await first.close()
    second = await open_blobs()
    assert await second.list("") == [KEY]
    assert await second.read(KEY) == b"sealed"


LEAVING = [
    "",
    "/",
    "/etc/passwd",
    "../up",
    "a/../../up",
    "a/..",
    "a//b",
    "./a",
    ".hidden",
    "a/.hidden",
    "a/",
    "a\0b",
]


@pytest.mark.parametrize("key", [*LEAVING, "a b", "a\\b", "ä", "a\n", "a" * 513])
async def test_a_key_that_could_lead_elsewhere_is_refused(blobs: Blobs, key: str) -> None:
    with pytest.raises(Broken, match="malformed"):
        await blobs.create(key, b"sealed")
    with pytest.raises(Broken, match="malformed"):
        await blobs.read(key)
    with pytest.raises(Broken, match="malformed"):
        await blobs.delete(key)
    assert await blobs.list("") == []


@pytest.mark.parametrize("prefix", ["/", "../", "a/../../", ".", "a//"])
async def test_a_prefix_that_could_lead_elsewhere_is_refused(blobs: Blobs, prefix: str) -> None:
    with pytest.raises(Broken, match="malformed"):
        await blobs.list(prefix)


async def test_storage_in_order_says_so_and_leaves_no_trace(blobs: Blobs) -> None:
    await blobs.check()
    assert await blobs.list("") == []
