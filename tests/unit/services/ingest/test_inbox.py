"""Audio and flushes for the engine: in order, in pieces of a fair size, and never without bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.inbox import FLUSHES_MAX, PIECE_BYTES_MAX, Flush, Inbox, Piece
from shared.errors import TooMany
from tests.unit.services.ingest.connections import pcm


def taken(inbox: Inbox) -> list[Piece | Flush]:
    items = []
    while (item := inbox.take()) is not None:
        items.append(item)
    return items


def piece(start: int, until: int) -> Piece:
    return Piece(start, bytearray(pcm(start, until)))


def test_an_empty_one_has_nothing() -> None:
    assert Inbox().take() is None


def test_small_frames_are_joined() -> None:
    inbox = Inbox()
    for start in range(100, 200, 10):
        inbox.audio(start, pcm(start, start + 10))
    assert taken(inbox) == [piece(100, 200)]
    assert piece(100, 200).until == 200


def test_a_piece_is_at_most_half_a_second() -> None:
    inbox = Inbox()
    most = PIECE_BYTES_MAX // 2
    inbox.audio(0, pcm(0, most - 5))
    inbox.audio(most - 5, pcm(most - 5, most))
    inbox.audio(most, pcm(most, most + 1))
    assert taken(inbox) == [piece(0, most), piece(most, most + 1)]


def test_a_large_frame_stays_whole() -> None:
    inbox = Inbox()
    inbox.audio(0, pcm(0, 32_000))
    assert taken(inbox) == [piece(0, 32_000)]


def test_audio_is_not_joined_over_a_hole_or_a_flush() -> None:
    inbox = Inbox()
    inbox.audio(0, pcm(0, 10))
    inbox.flush(10)
    inbox.audio(10, pcm(10, 20))
    inbox.audio(50, pcm(50, 60))
    assert taken(inbox) == [piece(0, 10), Flush(10), piece(10, 20), piece(50, 60)]


def test_a_flush_without_audio_since_the_last_has_nothing_to_do() -> None:
    inbox = Inbox()
    inbox.audio(0, pcm(0, 10))
    inbox.flush(10)
    inbox.flush(10)
    assert taken(inbox) == [piece(0, 10), Flush(10)]
    inbox.flush(10)
    assert taken(inbox) == []
    inbox.audio(10, pcm(10, 20))
    inbox.flush(20)
    assert taken(inbox) == [piece(10, 20), Flush(20)]


def test_a_hole_at_the_very_beginning_is_flushed_before() -> None:
    """An engine takes audio from beyond what it was fed, or opened at, only after a flush."""
    inbox = Inbox()
    inbox.flush(0)
    inbox.audio(50, pcm(50, 60))
    assert taken(inbox) == [Flush(0), piece(50, 60)]


def test_too_many_flushes_end_the_connection_and_what_was_received_is_still_flushed() -> None:
    inbox = Inbox()
    for at in range(1, FLUSHES_MAX + 1):
        inbox.audio(at - 1, pcm(at - 1, at))
        inbox.flush(at)
    inbox.audio(FLUSHES_MAX, pcm(FLUSHES_MAX, FLUSHES_MAX + 1))
    with pytest.raises(TooMany):
        inbox.flush(FLUSHES_MAX + 1)
    inbox.flush(FLUSHES_MAX + 1)
    items = taken(inbox)
    assert items[-1] == Flush(FLUSHES_MAX + 1)
    assert sum(isinstance(item, Flush) for item in items) == FLUSHES_MAX + 1


def test_flushes_that_were_taken_make_room_for_others() -> None:
    inbox = Inbox()
    for at in range(1, 3 * FLUSHES_MAX):
        inbox.audio(at - 1, pcm(at - 1, at))
        inbox.flush(at)
        assert len(taken(inbox)) == 2


@given(st.lists(st.tuples(st.integers(1, 9_000), st.booleans(), st.integers(0, 3)), max_size=30))
def test_the_engine_gets_every_sample_once_and_a_flush_at_the_end_of_what_it_got(
    steps: list[tuple[int, bool, int]],
) -> None:
    inbox = Inbox()
    items: list[Piece | Flush] = []
    until = 0
    flushes = set()
    for length, flushed, takes in steps:
        inbox.audio(until, pcm(until, until + length))
        until += length
        if flushed:
            inbox.flush(until)
            flushes.add(until)
        items += [item for item in (inbox.take() for _ in range(takes)) if item is not None]
    items += taken(inbox)
    assert b"".join(item.pcm for item in items if isinstance(item, Piece)) == pcm(0, until)
    fed = 0
    for item in items:
        if isinstance(item, Piece):
            assert item.start == fed
            fed = item.until
        else:
            assert item.at == fed
            flushes.remove(item.at)
    assert flushes == set()
