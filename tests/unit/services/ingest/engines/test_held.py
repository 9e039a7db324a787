"""What is held for the next stream: everything the present one has not settled, in order, and nothing twice."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.engines.held import Audio, Flush, Held
from tests.unit.services.ingest.connections import pcm


def holding(*fed: tuple[int, int] | int, start: int = 0) -> Held:
    """Spans of audio, and places of flushes."""
    held = Held(start)
    for each in fed:
        if isinstance(each, int):
            held.flush(each)
        else:
            held.audio(each[0], pcm(*each))
    return held


def rest(held: Held) -> list[Audio | Flush]:
    """All that the present stream has not been given yet."""
    given: list[Audio | Flush] = []
    while (item := held.next()) is not None:
        given.append(item)
    return given


def audio(start: int, until: int) -> Audio:
    return Audio(start, pcm(start, until))


def test_what_is_fed_is_given_once_in_the_order_it_came() -> None:
    held = holding((10, 20), (20, 25), 25, (40, 50), start=10)
    assert rest(held) == [audio(10, 20), audio(20, 25), Flush(25), audio(40, 50)]
    assert held.next() is None
    held.audio(50, pcm(50, 55))
    assert rest(held) == [audio(50, 55)]


def test_the_next_stream_hears_all_that_was_not_settled_from_its_first_sample() -> None:
    held = holding((0, 10), (10, 20), 20, (30, 40))
    rest(held)
    held.settle(13)
    assert held.begin_again() is None
    assert held.first == 13
    assert rest(held) == [audio(13, 20), Flush(20), audio(30, 40)]


def test_what_the_last_stream_was_never_given_goes_to_the_next() -> None:
    held = holding((0, 10), (10, 20))
    held.next()
    held.begin_again()
    held.audio(20, pcm(20, 30))
    assert rest(held) == [audio(0, 10), audio(10, 20), audio(20, 30)]


def test_audio_after_a_hole_begins_behind_it() -> None:
    held = holding((0, 10), 10, (30, 40))
    rest(held)
    held.settle(10)
    held.begin_again()
    assert held.first == 30
    assert rest(held) == [audio(30, 40)]


def test_only_what_is_new_is_news() -> None:
    held = holding((0, 10))
    rest(held)
    assert [(held.settle(until), held.settled) for until in (4, 4, 3, 5)] == [
        (True, 4),
        (False, 4),
        (False, 4),
        (True, 5),
    ]


def test_settled_audio_is_held_no_longer() -> None:
    held = holding((0, 10), (10, 20), 20, (30, 40))
    rest(held)
    assert held.samples == 30, "a hole is not held"
    held.settle(9)
    assert held.samples == 30, "a piece goes as a whole"
    held.settle(10)
    assert (held.samples, held.is_empty) == (20, False)
    held.settle(40)
    assert (held.samples, held.is_empty) == (0, True)


def test_how_far_the_present_stream_was_given_audio() -> None:
    held = holding((5, 10), (10, 20), 20, start=5)
    assert held.sent_until == 5
    held.next()
    assert held.sent_until == 10
    held.settle(7)
    held.begin_again()
    assert held.sent_until == 7
    rest(held)
    assert held.sent_until == 20


# --- flushes


def test_a_flush_is_due_from_when_it_is_given_until_it_is_answered() -> None:
    held = holding((0, 10), 10)
    held.next()
    assert not held.flush_is_due
    held.next()
    assert held.flush_is_due
    held.settle(9)
    assert held.flush_is_due
    held.settle(10)
    assert not held.flush_is_due


def test_a_flush_is_given_though_everything_before_it_is_settled() -> None:
    """Audio beyond a hole may only follow one."""
    held = holding((0, 10), 10, (30, 40))
    held.next()
    held.settle(10)
    assert rest(held) == [Flush(10), audio(30, 40)]


def test_a_flush_with_nothing_before_it_is_answered_instead_of_given_again() -> None:
    held = holding((0, 10), 10, (30, 40))
    held.next()
    held.settle(10)
    assert held.begin_again() == 10
    assert rest(held) == [audio(30, 40)]


def test_of_several_flushes_with_nothing_before_them_the_last_is_answered() -> None:
    held = holding(0, 20, 30, (30, 40))
    assert held.begin_again() == 30
    assert (held.settled, held.sent_until, held.first) == (30, 30, 30)
    assert rest(held) == [audio(30, 40)]
    assert held.begin_again() is None


def test_another_stream_begins_at_a_flush_where_no_audio_is_held() -> None:
    assert holding(7, start=3).first == 7


def test_it_rests_once_everything_up_to_a_flush_is_settled() -> None:
    held = holding((0, 10))
    rest(held)
    held.settle(10)
    assert not held.rests, "nobody paused"
    held.flush(10)
    assert not held.rests, "the flush is not answered"
    rest(held)
    held.settle(10)
    assert held.rests
    held.audio(10, pcm(10, 20))
    assert not held.rests


def test_empty_audio_holds_nothing_and_ends_a_rest() -> None:
    held = holding((0, 0))
    assert held.is_empty
    held = holding((0, 10), 10)
    rest(held)
    held.settle(10)
    held.audio(30, b"")
    assert (held.is_empty, held.rests) == (True, False)
    held.audio(30, pcm(30, 40))
    assert rest(held) == [audio(30, 40)]


# --- what nobody may feed


def test_a_hole_without_a_flush_before_it_is_a_mistake() -> None:
    for held in (holding(), holding((0, 10))):
        with pytest.raises(AssertionError):
            held.audio(11, pcm(11, 12))


def test_what_was_fed_already_is_not_fed_again() -> None:
    for held in (holding((0, 10)), holding((0, 10), 10), holding((0, 5), 10)):
        with pytest.raises(AssertionError):
            held.audio(9, pcm(9, 12))
    with pytest.raises(AssertionError):
        holding((0, 10)).flush(9)


def test_no_audio_is_shown() -> None:
    assert repr(pcm(0, 4)) not in repr(audio(0, 4))


# --- any order of all of it

Atom = tuple[str, int]
"""One sample, or one flush: all a stream can lose, repeat or confuse."""

STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("audio"), st.integers(0, 6)),
        st.tuples(st.just("flush"), st.integers(0, 3)),
        st.tuples(st.just("give"), st.just(1)),
        st.tuples(st.just("settle"), st.integers(0, 8)),
        st.tuples(st.just("again"), st.just(0)),
    ),
    max_size=40,
)


class Told:
    """One recorder and its streams: what is not settled of all that was fed, atom by atom, as one would write it down."""

    def __init__(self) -> None:
        self._held = Held(0)
        self._settled = 0
        self._position = 0
        self._hole = 0
        self._left: list[Atom] = []
        self._given = 0
        """So many of them, from the first, the present stream was given."""
        self._reached = 0

    def audio(self, length: int) -> None:
        start = self._position + self._hole
        self._hole = 0
        self._position = start + length
        self._held.audio(start, pcm(start, self._position))
        self._left += [("sample", at) for at in range(start, self._position)]

    def flush(self, hole: int) -> None:
        """`hole` samples after it will never come."""
        self._held.flush(self._position)
        self._hole = hole
        self._left.append(("flush", self._position))

    def give(self) -> bool:
        item = self._held.next()
        if item is None:
            return False
        if isinstance(item, Flush):
            atoms, self._reached = [("flush", item.at)], item.at
        else:
            assert item.pcm == pcm(item.start, item.until)
            atoms, self._reached = [("sample", at) for at in range(item.start, item.until)], item.until
        assert atoms == self._left[self._given : self._given + len(atoms)]
        self._given += len(atoms)
        return True

    def settle(self, further: int) -> None:
        """A stream settles nothing that it was not given."""
        until = min(self._settled + further, max(self._settled, self._reached))
        assert self._held.settle(until) == (until > self._settled)
        self._settled = until
        while self._given and _end(self._left[0]) <= until:
            self._left.pop(0)
            self._given -= 1
        assert self._held.settled == until
        assert self._held.is_empty == (not self._left)

    def again(self) -> None:
        self._given, answered = 0, None
        while self._left and self._left[0][0] == "flush":
            answered = self._left.pop(0)[1]
        assert self._held.begin_again() == answered
        self._settled = self._reached = max(self._settled, answered or 0)
        assert self._held.is_empty == (not self._left)
        assert not self._left or self._held.first == self._left[0][1]

    def end(self) -> None:
        """The present stream hears all there is."""
        while self.give():
            pass
        assert self._given == len(self._left), "something is lost"


def _end(atom: Atom) -> int:
    kind, at = atom
    return at + (kind == "sample")


@given(STEPS)
def test_every_stream_hears_what_the_one_before_left_unsettled_once_and_in_order(
    steps: list[tuple[str, int]],
) -> None:
    told = Told()
    for what, amount in steps:
        match what:
            case "audio":
                told.audio(amount)
            case "flush":
                told.flush(amount)
            case "give":
                told.give()
            case "settle":
                told.settle(amount)
            case _:
                told.again()
    told.end()
    told.again()
    told.end()
