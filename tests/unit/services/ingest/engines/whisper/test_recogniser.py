"""Words from the weights themselves, and what is said of weights that are not as they should be."""

import wave
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from services.ingest.engines.whisper.recogniser import Effort, Task, WhisperModel
from services.ingest.engines.whisper.spectrum import FRAMES_PER_SECOND, Spectrum
from shared.checksums import write_sums
from shared.config import load_config
from shared.domain.values import BYTES_PER_SAMPLE, samples
from shared.errors import Refuse, SetupError
from shared.speech_detector import FULL_SCALE

SPEECH = Path(__file__).parents[5] / "data" / "speech"


@cache
def model() -> WhisperModel:
    return WhisperModel(load_config().model_dir, workers=1)


def speech(seconds: float) -> bytes:
    with wave.open(str(SPEECH / "nat_jfk.wav")) as file:
        pcm: bytes = file.readframes(samples(seconds))
    return pcm


@pytest.mark.parametrize("effort", Effort)
def test_words_are_recognised(effort: Effort) -> None:
    words = model().recognise(Task(speech(2.4), effort, "en"))
    assert "fellow americans" in words.text.lower()
    assert 50 < words.confidence <= 100


def test_the_same_audio_gives_the_same_words() -> None:
    task = Task(speech(2.4), Effort.FINAL, "en")
    first = model().recognise(task)
    model().recognise(Task(speech(1.0), Effort.HINT, "en"))
    assert model().recognise(task) == first


def test_silence_has_no_words() -> None:
    assert model().recognise(Task(bytes(samples(1) * BYTES_PER_SAMPLE), Effort.FINAL, "en")).text == ""


def test_even_a_single_sample_can_be_asked_about() -> None:
    model().recognise(Task(b"\1\1", Effort.HINT, "en"))


@pytest.mark.parametrize("language", ["en", "de", "EN-us", "pt-BR"])
def test_languages_the_model_knows_are_taken(language: str) -> None:
    model().check_language(language)


@pytest.mark.parametrize("language", ["tlh", "", "transcribe"])
def test_others_are_refused(language: str) -> None:
    with pytest.raises(Refuse, match="choose another"):
        model().check_language(language)


def test_words_do_not_show_in_a_repr() -> None:
    words = model().recognise(Task(speech(2.4), Effort.HINT, "en"))
    assert "ericans" not in repr(words)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no speech model in .*`make setup`"):
        WhisperModel(tmp_path / "nowhere", workers=1)


def test_weights_that_are_not_what_they_say_are_named(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    write_sums(tmp_path, {"config.json": "0" * 64})
    with pytest.raises(SetupError, match="config.json is damaged; run `make setup`"):
        WhisperModel(tmp_path, workers=1)


def test_other_weights_that_cannot_be_loaded_are_said_to_be_so(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(SetupError, match="cannot be loaded"):
        WhisperModel(tmp_path, workers=1)


def test_a_spectrum_is_as_long_as_asked_and_nothing_follows_the_audio() -> None:
    audio = np.frombuffer(speech(1.0), "<i2").astype(np.float32) * FULL_SCALE
    spectrum = Spectrum(80)(audio, 3 * FRAMES_PER_SECOND)
    assert spectrum.shape == (1, 80, 3 * FRAMES_PER_SECOND)
    assert np.any(spectrum[..., :FRAMES_PER_SECOND])
    assert not np.any(spectrum[..., FRAMES_PER_SECOND + 2 :])
