"""From audio to utterances, on the grid of the take, the same however it arrives."""

import random

import pytest

from services.ingest.engines.whisper.ear import Ear, Heard, Paused, Settled, Speech, Spoken
from services.ingest.engines.whisper.endpointer import Why
from shared.domain.values import DETECTOR_FRAME, Span
from tests.unit.services.ingest.engines.whisper.voices import LoudIsSpeech, ear, hum, quiet, voice


def at(frames: int) -> int:
    return frames * DETECTOR_FRAME


def hear_all(given: Ear, pcm: bytes, size: int) -> list[Heard]:
    return [each for n in range(0, len(pcm), size) for each in given.hear(pcm[n : n + size])]


def settling(heard: list[Heard]) -> list[Heard]:
    return [each for each in heard if not isinstance(each, Paused)]


def test_an_utterance_comes_with_exactly_its_audio() -> None:
    pcm = quiet(20) + voice(10) + quiet(30)
    speech = Speech(Span(at(10), at(36)), pcm[2 * at(10) : 2 * at(36)])
    assert ear().hear(pcm) == [
        Paused(speech),
        Spoken(speech, heard=at(10), why=Why.PAUSE),
        Settled(at(36)),
    ]


def test_silence_settles_as_it_goes_and_costs_no_network() -> None:
    network = LoudIsSpeech()
    heard = ear(network=network).hear(quiet(100))
    assert heard == [Settled(at(16 * n)) for n in range(1, 6)]
    assert network.asked == 0


def test_noise_settles_too() -> None:
    network = LoudIsSpeech()
    assert ear(network=network).hear(hum(40)) == [Settled(at(16))]
    assert network.asked == 40 + 16


@pytest.mark.parametrize("size", [2, 1_022, 1_024, 3_200, 1_000_000])
def test_the_size_of_chunks_changes_nothing(size: int) -> None:
    pcm = quiet(40) + voice(12) + quiet(40) + voice(8) + quiet(9) + voice(3)
    whole = ear()
    expected = whole.hear(pcm) + whole.flush(len(pcm) // 2)
    parted = ear()
    assert hear_all(parted, pcm, size) + parted.flush(len(pcm) // 2) == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_new_ear_at_a_settled_place_hears_the_rest_of_it(seed: int) -> None:
    chance = random.Random(seed)
    pcm = b"".join(
        chance.choice((quiet, voice, voice, hum))(chance.choice((1, 3, 9, 14, 26, 70))) for _ in range(30)
    )
    start = chance.choice((0, 1, 5_000))
    undisturbed = ear(start)
    heard = settling(hear_all(undisturbed, pcm, 3_200)) + undisturbed.flush(start + len(pcm) // 2)
    for n, settled in enumerate(heard[:-1]):
        if isinstance(settled, Settled):
            again = ear(settled.until)
            rest = pcm[2 * (settled.until - start) :]
            assert settling(again.hear(rest)) + again.flush(start + len(pcm) // 2) == heard[n + 1 :]


def test_no_sample_is_given_twice_or_left_out_when_a_voice_never_rests() -> None:
    pcm = voice(1_300)
    given = ear()
    heard = settling(hear_all(given, pcm, 6_400)) + given.flush(at(1_300))
    spoken = [each for each in heard if isinstance(each, Spoken)]
    assert [each.why for each in spoken] == [Why.TOO_LONG, Why.TOO_LONG, Why.FLUSH]
    assert b"".join(each.speech.pcm for each in spoken) == pcm


def test_what_follows_a_flush_may_lie_beyond_a_hole() -> None:
    given = ear()
    given.hear(voice(3))
    assert given.flush(at(3))[-1] == Settled(at(3))
    beyond = at(50) + 100
    given.begin(beyond)
    [_, spoken, settled] = given.hear(voice(5) + quiet(30))
    assert isinstance(spoken, Spoken)
    assert spoken.speech.span.start == beyond
    # The utterance's end is back on the grid, wherever its beginning was.
    assert isinstance(settled, Settled)
    assert settled.until % DETECTOR_FRAME == 0


def test_a_flush_within_a_frame_keeps_the_part_of_it() -> None:
    given = ear()
    pcm = voice(4)[:-10]
    given.hear(pcm)
    [spoken, settled] = given.flush(len(pcm) // 2)
    assert isinstance(spoken, Spoken)
    assert spoken.speech == Speech(Span(0, len(pcm) // 2), pcm)
    assert settled == Settled(len(pcm) // 2)


def test_the_open_utterance_is_known_before_its_end() -> None:
    given = ear()
    assert (given.speech, given.last_speech) == (None, 0)
    given.hear(quiet(12) + voice(5) + quiet(2))
    assert given.last_speech == at(17)
    assert given.speech is not None
    assert given.speech.span == Span(at(2), at(19))


def test_the_newer_part_of_speech_comes_with_its_audio() -> None:
    pcm = voice(3)
    assert Speech(Span(100, 100 + at(3)), pcm).since(100 + at(1)) == Speech(
        Span(100 + at(1), 100 + at(3)), pcm[2 * at(1) :]
    )


def test_speech_is_not_shown_in_a_repr() -> None:
    assert "pcm" not in repr(Speech(Span(0, 1), b"ab"))
