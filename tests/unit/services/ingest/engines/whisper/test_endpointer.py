"""Where utterances begin and end, frame by frame."""

import pytest

from services.ingest.engines.whisper.endpointer import (
    MOVES,
    RULES,
    Ended,
    Endpointer,
    Frame,
    Pause,
    Quiet,
    Sound,
    State,
    Verdict,
    Why,
)
from shared.domain.values import DETECTOR_FRAME, Span

VOICE, FADING, QUIET = 0.9, 0.4, 0.0


def frames(start: int, *probabilities: float, loudness: int = 1_000) -> list[Frame]:
    return [
        Frame(Span(start + n * DETECTOR_FRAME, start + (n + 1) * DETECTOR_FRAME), each, loudness)
        for n, each in enumerate(probabilities)
    ]


def verdicts(endpointer: Endpointer, heard: list[Frame]) -> list[tuple[int, Verdict]]:
    """What was decided after how many frames; the first that settles something is the last."""
    given: list[tuple[int, Verdict]] = []
    for n, frame in enumerate(heard, start=1):
        verdict = endpointer.hear(frame)
        if verdict is not None:
            given.append((n, verdict))
        if isinstance(verdict, Quiet | Ended):
            break
    return given


def at(frame_count: int) -> int:
    return frame_count * DETECTOR_FRAME


def test_every_state_knows_every_sound() -> None:
    assert set(MOVES) == set(State)
    assert all(set(moves) == set(Sound) for moves in MOVES.values())


def test_silence_is_settled_but_for_what_a_word_may_begin_in() -> None:
    given = verdicts(Endpointer(0), frames(0, *[QUIET] * 40))
    assert given == [(32, Quiet(at(16)))]


def test_one_frame_that_sounds_like_speech_is_a_click() -> None:
    given = verdicts(Endpointer(0), frames(0, *[QUIET] * 10, VOICE, *[QUIET] * 40))
    assert given == [(32, Quiet(at(16)))]


def test_an_utterance_keeps_what_led_into_it_and_what_faded_after_it() -> None:
    heard = frames(0, *[QUIET] * 20, *[VOICE] * 10, *[QUIET] * 25)
    span = Span(at(10), at(36))
    assert verdicts(Endpointer(0), heard) == [
        (38, Pause(span)),
        (55, Ended(span, speech=at(10), why=Why.PAUSE)),
    ]


def test_an_utterance_begins_no_earlier_than_what_is_settled() -> None:
    endpointer = Endpointer(at(17))
    verdicts(endpointer, frames(at(17), QUIET, VOICE, VOICE))
    assert endpointer.spoken == Span(at(17), at(20))


def test_a_voice_that_fades_still_speaks_but_does_not_begin() -> None:
    assert verdicts(Endpointer(0), frames(0, *[FADING] * 32)) == [(32, Quiet(at(16)))]
    endpointer = Endpointer(0)
    verdicts(endpointer, frames(0, VOICE, VOICE, *[FADING] * 30))
    assert endpointer.spoken == Span(0, at(32))


def test_each_pause_is_worth_one_guess() -> None:
    heard = frames(0, *[VOICE] * 5, *[QUIET] * 20, *[VOICE] * 5, *[QUIET] * 25)
    given = verdicts(Endpointer(0), heard)
    assert [n for n, verdict in given if isinstance(verdict, Pause)] == [13, 38]
    assert given[-1] == (55, Ended(Span(0, at(36)), speech=at(10), why=Why.PAUSE))


def test_a_long_utterance_ends_at_a_shorter_pause() -> None:
    long = RULES.long // DETECTOR_FRAME
    given = verdicts(Endpointer(0), frames(0, *[VOICE] * long, *[QUIET] * 13))
    assert given[-1] == (long + 13, Ended(Span(0, at(long + 6)), speech=at(long), why=Why.PAUSE))


def test_an_endless_one_is_cut_where_it_is_quietest() -> None:
    most = RULES.longest // DETECTOR_FRAME
    heard = frames(0, *[VOICE] * most)
    quietest = most - 100
    heard[quietest - 2 : quietest + 2] = frames(at(quietest - 2), *[VOICE] * 4, loudness=10)
    given = verdicts(Endpointer(0), heard)
    assert given == [(most, Ended(Span(0, at(quietest)), speech=at(most), why=Why.TOO_LONG))]


@pytest.mark.parametrize("start", [0, 1, 511, 512, 7_777])
def test_no_utterance_is_longer_than_allowed(start: int) -> None:
    grid = (start // DETECTOR_FRAME + 1) * DETECTOR_FRAME
    first = Frame(Span(start, grid), VOICE, 1_000)
    [(_, verdict)] = verdicts(Endpointer(start), [first, *frames(grid, *[VOICE] * 600)])
    assert isinstance(verdict, Ended)
    assert verdict.span.length <= RULES.longest
    assert verdict.span.until % DETECTOR_FRAME == 0


def test_a_flush_ends_the_open_utterance_where_the_audio_ends() -> None:
    endpointer = Endpointer(0)
    verdicts(endpointer, frames(0, QUIET, VOICE, VOICE, QUIET))
    assert endpointer.flush(at(4)) == Ended(Span(0, at(4)), speech=at(2), why=Why.FLUSH)


@pytest.mark.parametrize("heard", [[], [QUIET, QUIET], [QUIET, VOICE]])
def test_a_flush_ends_nothing_where_nobody_has_begun_to_speak(heard: list[float]) -> None:
    endpointer = Endpointer(0)
    verdicts(endpointer, frames(0, *heard))
    assert endpointer.flush(at(len(heard))) is None
