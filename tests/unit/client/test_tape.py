"""The tape against a plain list of samples: what was captured is read back, and what is covered takes no memory."""

import pickle
from array import array
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.tape import BLOCK_BYTES, BLOCK_SAMPLES, TAPE_SAMPLES_MAX, Tape


def pcm(start: int, until: int) -> bytes:
    """Audio in which every sample tells its position, modulo 65,536."""
    return array("H", (position & 0xFFFF for position in range(start, until))).tobytes()


def held_bytes(tape: Tape) -> int:
    """What the tape weighs, all that it refers to included."""
    return len(pickle.dumps(tape))


@dataclass
class Model:
    """The tape as a list: every sample captured, and where what is kept begins."""

    origin: int
    samples: list[bytes] = field(default_factory=list)
    start: int = 0

    def add(self, audio: bytes) -> None:
        self.samples += [audio[at : at + 2] for at in range(0, len(audio), 2)]

    @property
    def until(self) -> int:
        return self.origin + len(self.samples)

    def read(self, start: int, until: int) -> bytes:
        return b"".join(self.samples[start - self.origin : until - self.origin])


LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from([1_600, BLOCK_SAMPLES - 1, BLOCK_SAMPLES, 40_000]))
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "forget", "read"]), LENGTHS, st.floats(0, 1), st.floats(0, 1)),
    max_size=40,
)


@given(st.sampled_from([0, 7, 123_456]), STEPS)
def test_it_does_what_a_list_would(origin: int, steps: list[tuple[str, int, float, float]]) -> None:
    samples_max = 5 * BLOCK_SAMPLES
    tape, model = Tape(samples_max, origin), Model(origin, start=origin)
    for action, length, one, other in steps:
        if action == "add":
            audio = pcm(model.until, model.until + min(length, tape.room))
            tape.add(audio)
            model.add(audio)
        elif action == "forget":
            covered = origin + round(one * (model.until - origin + 100))
            tape.forget(covered)
            model.start = max(model.start, min(covered, model.until))
        else:
            low, high = sorted(model.start + round(at * (model.until - model.start)) for at in (one, other))
            assert tape.read(low, high) == model.read(low, high)
        assert (tape.start, tape.until) == (model.start, model.until)
        assert tape.room == samples_max - (model.until - model.start)
    assert tape.read(tape.start, tape.until) == model.read(model.start, model.until)


@given(st.lists(st.tuples(st.integers(1, 50_000), st.integers(0, 60_000)), min_size=1, max_size=30))
def test_what_is_covered_takes_no_memory(steps: list[tuple[int, int]]) -> None:
    tape = Tape(10 * BLOCK_SAMPLES)
    empty = held_bytes(tape)
    for captured, behind in steps:
        tape.add(bytes(2 * min(captured, tape.room)))
        tape.forget(max(0, tape.until - behind))
        kept = 2 * (tape.until - tape.start)
        # Whole blocks are dropped: at most one is held that begins before what is kept, and one that is not full.
        assert held_bytes(tape) <= empty + kept + 2 * BLOCK_BYTES + 1_000


def test_a_whole_hour_forgotten_leaves_nothing() -> None:
    tape = Tape()
    assert tape.room == TAPE_SAMPLES_MAX == 57_600_000
    minute = bytes(60 * BLOCK_BYTES)
    for number in range(60):
        assert tape.room == TAPE_SAMPLES_MAX
        tape.add(minute)
        tape.forget((number + 1) * 60 * BLOCK_SAMPLES)
    assert (tape.start, tape.until) == (TAPE_SAMPLES_MAX, TAPE_SAMPLES_MAX)
    assert held_bytes(tape) < 1_000


def test_a_full_tape_takes_no_sample_more_and_drops_none() -> None:
    tape = Tape(samples_max=100)
    tape.add(pcm(0, 100))
    assert tape.room == 0
    with pytest.raises(AssertionError):
        tape.add(pcm(100, 101))
    assert tape.read(0, 100) == pcm(0, 100)
    tape.forget(1)
    assert tape.room == 1
    tape.add(pcm(100, 101))
    assert tape.read(1, 101) == pcm(1, 101)


def test_half_a_sample_is_not_audio() -> None:
    with pytest.raises(AssertionError):
        Tape().add(b"\0\0\0")


@pytest.mark.parametrize(("start", "until"), [(9, 12), (10, 21), (15, 14)])
def test_only_what_is_on_the_tape_can_be_read(start: int, until: int) -> None:
    tape = Tape(start=10)
    tape.add(pcm(10, 20))
    with pytest.raises(AssertionError):
        tape.read(start, until)


def test_covered_never_goes_back() -> None:
    tape = Tape()
    tape.add(pcm(0, 100))
    tape.forget(60)
    tape.forget(50)
    assert tape.start == 60


def test_a_place_beyond_the_tape_forgets_all_of_it() -> None:
    """As where a gap after the last sample was stored."""
    tape = Tape()
    tape.add(pcm(0, 100))
    tape.forget(500)
    assert (tape.start, tape.until) == (100, 100)
    tape.add(pcm(100, 150))
    assert tape.read(100, 150) == pcm(100, 150)
