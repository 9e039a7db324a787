"""An engine's silence, checked by a detector: what is let go, what is tried again, and what becomes a gap."""

import wave
from collections.abc import AsyncIterator

import numpy as np
import pytest

from services.ingest.engines.base import Engine, Final, Health, Hypothesis, Through, Trouble, Wordless
from services.ingest.engines.checked import Checked, DetectSpeech
from services.ingest.engines.scripted import ScriptedEngine
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, Span, samples
from shared.errors import EngineUnavailable
from shared.speech_detector import Network, VoiceNetwork
from tests.contract.engines import SPEECH
from tests.doubles.clock import ManualClock


class DeafStream:
    """Settles all it is given, without a word."""

    def __init__(self) -> None:
        self._said: list[Hypothesis] = []

    async def feed(self, start: int, pcm: bytes) -> None:
        self._said.append(Through(start + len(pcm) // BYTES_PER_SAMPLE))

    async def flush(self, at: int) -> None:
        self._said.append(Through(at))

    async def heard(self) -> AsyncIterator[Hypothesis]:
        for each in self._said:
            yield each

    async def close(self) -> None:
        self._said.clear()


class Deaf:
    capabilities = ScriptedEngine(ManualClock()).capabilities

    async def open(self, config: SessionConfig, start: int) -> DeafStream:
        return DeafStream()

    async def check(self) -> None: ...

    async def close(self) -> None: ...


def loud(pcm: bytes) -> list[bool]:
    heard = np.frombuffer(pcm, "<i2")
    return [bool(heard[at : at + DETECTOR_FRAME].any()) for at in range(0, len(heard), DETECTOR_FRAME)]


def speech(seconds: float) -> bytes:
    return b"\x01\x10" * samples(seconds)


def silence(seconds: float) -> bytes:
    return bytes(samples(seconds) * BYTES_PER_SAMPLE)


async def said(second: Engine, *pieces: bytes, flush: bool = True) -> list[Hypothesis]:
    stream = await Checked(Deaf(), second, loud).open(SessionConfig(), 0)
    at = 0
    for piece in pieces:
        await stream.feed(at, piece)
        at += len(piece) // BYTES_PER_SAMPLE
    if flush:
        await stream.flush(at)
    told: list[Hypothesis] = [each async for each in stream.heard() if not isinstance(each, Health)]
    await stream.close()
    return told


async def test_silence_is_let_go_as_it_is_said() -> None:
    assert await said(Deaf(), silence(1), silence(1), flush=False) == [
        Through(samples(1)),
        Through(samples(2)),
    ]


async def test_speech_without_words_is_heard_by_another_stream() -> None:
    told = await said(ScriptedEngine(ManualClock()), speech(2), speech(2))
    finals = [each for each in told if isinstance(each, Final)]
    assert [finals[0].span.start, finals[-1].span.until] == [0, samples(4)]
    assert {each.engine for each in finals} == {"scripted"}
    assert told[-1] == Through(samples(4))


async def test_what_stays_wordless_is_said_to_be() -> None:
    told = await said(Deaf(), silence(0.512), speech(4.096), silence(0.512))
    assert [each for each in told if isinstance(each, Wordless)] == [Wordless(Span(8_192, 73_728))]


async def test_a_cough_is_let_go_once_quiet_follows() -> None:
    told = await said(Deaf(), speech(0.5), silence(0.5), silence(1), flush=False)
    assert told == [Through(samples(2))]


async def test_a_flush_waits_for_nothing_more() -> None:
    assert set(await said(Deaf(), speech(1))) == {Through(samples(1))}


class Dead(Deaf):
    async def open(self, config: SessionConfig, start: int) -> DeafStream:
        raise EngineUnavailable("dead")


@pytest.mark.parametrize("length_s", [3.008, 10])
async def test_where_no_other_stream_is_to_be_had_speech_is_a_gap(length_s: float) -> None:
    told = await said(Dead(), speech(length_s))
    assert any(isinstance(each, Wordless) for each in told)


def test_true_silence_costs_no_network() -> None:
    assert DetectSpeech(_none)(silence(0.512)) == [False] * 16


def _none() -> Network:
    raise AssertionError("nothing is to be asked")


def test_real_speech_is_detected() -> None:
    with wave.open(str(SPEECH / "nat_jfk.wav")) as file:
        frames = DetectSpeech(VoiceNetwork)(file.readframes(samples(6)))
    assert sum(frames) * DETECTOR_FRAME > samples(2.5)


async def told_by(second: Engine, *pieces: bytes) -> list[Hypothesis]:
    """All that is said to these pieces, a flush after each and a second without audio between them."""
    stream = await Checked(Deaf(), second, loud).open(SessionConfig(), 0)
    at = 0
    for piece in pieces:
        await stream.feed(at, piece)
        at += len(piece) // BYTES_PER_SAMPLE
        await stream.flush(at)
        at += samples(1)
    told = [each async for each in stream.heard()]
    await stream.close()
    return told


async def test_who_waits_for_words_is_told_before_they_are_looked_for_elsewhere() -> None:
    told = await told_by(ScriptedEngine(ManualClock()), speech(4))
    at = next(at for at, each in enumerate(told) if isinstance(each, Final))
    assert told[0] == Health(Trouble.UNHEARD)
    assert Health(None) in told[at:]


async def test_sentences_let_go_one_by_one_add_up() -> None:
    told = await told_by(ScriptedEngine(ManualClock()), speech(1.6), speech(1.6), speech(1.6))
    finals = [each.span for each in told if isinstance(each, Final)]
    assert finals[0].start == samples(2.6), "the first was short enough for a cough"
    assert finals[-1].until == samples(6.8)


async def test_what_lies_on_both_sides_of_a_hole_is_not_one() -> None:
    told = await told_by(Deaf(), speech(3.2), speech(3.2))
    assert [each for each in told if isinstance(each, Wordless)] == [
        Wordless(Span(0, samples(3.2))),
        Wordless(Span(samples(4.2), samples(7.4))),
    ]


class Mumbling(Deaf):
    """Says one word, of the first quarter of a second."""

    async def open(self, config: SessionConfig, start: int) -> DeafStream:
        return MumblingStream()


class MumblingStream(DeafStream):
    async def feed(self, start: int, pcm: bytes) -> None:
        self._said.append(Final(Span(start, start + samples(0.25)), "um"))
        await super().feed(start, pcm)


async def test_a_word_does_not_speak_for_all_that_surrounds_it() -> None:
    told = await told_by(Mumbling(), speech(12))
    words, gaps = (
        [each for each in told if isinstance(each, Final)],
        [each for each in told if isinstance(each, Wordless)],
    )
    assert [each.text for each in words] == ["um"]
    assert [each.span.until for each in gaps] == [samples(12)]
    assert gaps[0].span.length >= samples(11.7)


async def test_a_detector_that_cannot_be_loaded_is_found_out_before_anybody_speaks() -> None:
    with pytest.raises(AssertionError, match="nothing is to be asked"):
        await Checked(Deaf(), Deaf(), DetectSpeech(_none)).check()
