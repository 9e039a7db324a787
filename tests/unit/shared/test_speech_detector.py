"""The speech detector: what it says depends on the frames since its last reset, and silence never reaches the network."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shared.domain.values import DETECTOR_FRAME, SAMPLES_PER_SECOND
from shared.errors import SetupError
from shared.speech_detector import CONTEXT, SILENT_PEAK, Samples, SpeechDetector, VoiceNetwork, is_silent

Floats = npt.NDArray[np.float32]


class Remembering:
    """A network that keeps what it was given, and whose state counts its calls."""

    def __init__(self) -> None:
        self.heard: list[Floats] = []

    def __call__(self, audio: Floats, hidden: Floats, cell: Floats) -> tuple[float, Floats, Floats]:
        self.heard.append(audio)
        return float(hidden[0, 0, 0]), hidden + 1, cell + 2


def frame(level: int) -> Samples:
    return np.full(DETECTOR_FRAME, level, np.int16)


def tone(number: int, hertz: float = 220.0) -> Samples:
    at = np.arange(DETECTOR_FRAME) + number * DETECTOR_FRAME
    return (8_000 * np.sin(2 * math.pi * hertz * at / SAMPLES_PER_SECOND)).astype(np.int16)


@pytest.fixture(scope="module")
def network() -> VoiceNetwork:
    return VoiceNetwork()


@pytest.mark.parametrize(
    ("level", "silent"),
    [
        (0, True),
        (SILENT_PEAK - 1, True),
        (SILENT_PEAK, False),
        (1 - SILENT_PEAK, True),
        (-SILENT_PEAK, False),
    ],
)
def test_silence_is_what_is_nowhere_loud(level: int, silent: bool) -> None:
    assert is_silent(frame(level)) is silent
    one = frame(0)
    one[100] = level
    assert is_silent(one) is silent


@pytest.mark.parametrize("level", [32_767, -32_768])
def test_the_loudest_samples_are_not_taken_for_silence(level: int) -> None:
    assert not is_silent(frame(level))


def test_silence_never_reaches_the_network() -> None:
    network = Remembering()
    detector = SpeechDetector(network)
    assert [detector.probability(frame(0)) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert network.heard == []


def test_each_frame_is_heard_with_the_end_of_the_one_before() -> None:
    network = Remembering()
    detector = SpeechDetector(network)
    detector.probability(frame(16_384))
    detector.probability(frame(0))
    detector.probability(frame(-32_768))
    detector.probability(frame(16_384))
    assert [len(each) for each in network.heard] == [CONTEXT + DETECTOR_FRAME] * 3
    assert [(each[0], each[CONTEXT - 1], each[CONTEXT], each[-1]) for each in network.heard] == [
        (0.0, 0.0, 0.5, 0.5),
        (0.0, 0.0, -1.0, -1.0),
        (-1.0, -1.0, 0.5, 0.5),
    ]


def test_the_state_goes_from_frame_to_frame_until_a_reset() -> None:
    detector = SpeechDetector(Remembering())
    assert [detector.probability(frame(1_000)) for _ in range(3)] == [0.0, 1.0, 2.0]
    detector.reset()
    assert detector.probability(frame(1_000)) == 0.0


@pytest.mark.parametrize("length", [0, DETECTOR_FRAME - 1, DETECTOR_FRAME + 1])
def test_only_whole_frames_are_heard(length: int) -> None:
    with pytest.raises(AssertionError):
        SpeechDetector(Remembering()).probability(np.zeros(length, np.int16))


def test_the_real_network_says_the_same_of_the_same_audio(network: VoiceNetwork) -> None:
    one, two = SpeechDetector(network), SpeechDetector(network)
    first = [one.probability(tone(number)) for number in range(20)]
    assert [two.probability(tone(number)) for number in range(20)] == first
    one.reset()
    assert [one.probability(tone(number)) for number in range(20)] == first
    assert all(0.0 <= each <= 1.0 for each in first)


def test_detectors_that_share_a_network_do_not_disturb_each_other(network: VoiceNetwork) -> None:
    alone = SpeechDetector(network)
    expected = [alone.probability(tone(number)) for number in range(10)]
    one, other = SpeechDetector(network), SpeechDetector(network)
    heard = []
    for number in range(10):
        other.probability(tone(number, hertz=900.0))
        heard.append(one.probability(tone(number)))
    assert heard == expected


def test_the_real_network_takes_noise_for_no_speech(network: VoiceNetwork) -> None:
    noise = np.random.default_rng(1).integers(-300, 300, (30, DETECTOR_FRAME), np.int16)
    detector = SpeechDetector(network)
    assert max(detector.probability(each) for each in noise) < 0.5


def test_a_network_that_is_not_there_is_a_mistake_of_the_set_up(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="make setup"):
        VoiceNetwork(tmp_path / "missing.onnx")
