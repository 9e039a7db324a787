"""Turns the audio of one utterance into words, with Whisper weights in CTranslate2. Blocks; called on worker threads.

The same audio gives the same words, whatever runs beside it: no sampling, one thread per call, no words carried over.
"""

import json
import zlib
from dataclasses import dataclass, field
from enum import Enum
from math import exp
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from services.ingest.engines.whisper.spectrum import FRAMES_PER_SECOND, Floats, Spectrum
from shared.checksums import first_wrong, read_sums
from shared.domain.values import SAMPLES_PER_SECOND
from shared.errors import Refuse, SetupError
from shared.speech_detector import FULL_SCALE

NEEDED: Final = ("model.bin", "config.json", "tokenizer.json")

FULL_WINDOW_S: Final = 30.0
"""What Whisper was trained on. Encoding it all costs 20 times what 5 s cost, so it is kept for doubtful cases."""

TOKENS_PER_SECOND: Final = 8
"""Nobody speaks faster; more is the model repeating itself."""

TOKENS_MAX: Final = 224

REPETITIVE: Final = 2.4
"""Text that compresses better than this says the same thing over and over."""

DOUBTFUL_LOGPROB: Final = -1.0
NO_SPEECH: Final = 0.6


class Effort(Enum):
    """How hard to try. `beam` is the width of the search, `spare_s` the silence the encoder sees after the audio:
    too little of it makes the model invent an ending, which does no harm in a hint. `spare_tokens` may be said beyond
    TOKENS_PER_SECOND; in a hint that is mostly half a word, said again and again."""

    HINT = (1, 2.0, 3)
    FINAL = (5, 5.0, 10)

    def __init__(self, beam: int, spare_s: float, spare_tokens: int) -> None:
        self.beam = beam
        self.spare_s = spare_s
        self.spare_tokens = spare_tokens


@dataclass(frozen=True, slots=True)
class Task:
    pcm: bytes = field(repr=False)
    effort: Effort
    language: str


@dataclass(frozen=True, slots=True)
class Words:
    """What was recognised; `text` is empty when the model holds that nobody spoke."""

    text: str = field(repr=False)
    confidence: int
    disbelieved: bool = False
    """Something was made out, too unlikely to be shown."""


DISBELIEVED: Final = Words("", 0, disbelieved=True)


class Recogniser(Protocol):
    def check_language(self, language: str) -> None:
        """Raises Refuse when the model does not know the language."""

    def recognise(self, task: Task) -> Words: ...


@dataclass(frozen=True, slots=True)
class _Attempt:
    text: str = field(repr=False)
    logprob: float
    no_speech: float
    cut_short: bool

    @property
    def doubtful(self) -> bool:
        raw = self.text.encode()
        ratio = len(raw) / len(zlib.compress(raw))
        return ratio > REPETITIVE or self.logprob < DOUBTFUL_LOGPROB or self.cut_short

    @property
    def words(self) -> Words:
        if self.no_speech > NO_SPEECH and self.logprob < DOUBTFUL_LOGPROB:
            return DISBELIEVED
        return Words(self.text, min(100, round(100 * exp(self.logprob))))


class WhisperModel:
    """A Recogniser over a directory as `python -m infra.models` makes it, or any other CTranslate2 Whisper model."""

    def __init__(self, directory: Path, workers: int) -> None:
        """Load it; `workers` calls may then run at once. Takes a second. Raises SetupError."""
        import ctranslate2  # with faster-whisper 0.5 s and 100 MB, which only this engine's users should pay
        import tokenizers

        _check(directory)
        try:
            self._model: Any = ctranslate2.models.Whisper(
                str(directory), device="cpu", compute_type="int8", inter_threads=workers, intra_threads=1
            )
            self._tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
            self._language_ids = set(json.loads((directory / "config.json").read_text()).get("lang_ids", ()))
        except (RuntimeError, ValueError, OSError) as error:
            raise SetupError(f"the speech model in {directory} cannot be loaded: {error}") from error
        self._spectrum = Spectrum(self._model.n_mels)
        self._storage: Any = ctranslate2.StorageView

    def check_language(self, language: str) -> None:
        if self._model.is_multilingual:
            known = self._tokenizer.token_to_id(f"<|{_primary(language)}|>") in self._language_ids
        else:
            known = _primary(language) == "en"
        if not known:
            raise Refuse(f"the local speech engine does not know the language {language!r}; choose another")

    def recognise(self, task: Task) -> Words:
        audio = np.frombuffer(task.pcm, "<i2").astype(np.float32) * FULL_SCALE
        length_s = len(audio) / SAMPLES_PER_SECOND
        window_s = min(FULL_WINDOW_S, length_s + task.effort.spare_s)
        attempt = self._attempt(audio, window_s, task)
        if task.effort is Effort.FINAL and attempt.doubtful and window_s < FULL_WINDOW_S:
            attempt = self._attempt(audio, FULL_WINDOW_S, task)
        return attempt.words

    def _attempt(self, audio: Floats, window_s: float, task: Task) -> _Attempt:
        prompt = self._prompt(task.language)
        # The encoder halves the frames, so their number must be even.
        spectrum = self._spectrum(audio, int(window_s * FRAMES_PER_SECOND) // 2 * 2)
        said_max = int(len(audio) / SAMPLES_PER_SECOND * TOKENS_PER_SECOND) + task.effort.spare_tokens
        tokens_max = min(TOKENS_MAX, said_max)
        result = self._model.generate(
            self._model.encode(self._storage.from_array(spectrum)),
            [prompt],
            beam_size=task.effort.beam,
            max_length=len(prompt) + tokens_max,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens: list[int] = result.sequences_ids[0]
        return _Attempt(
            text=self._tokenizer.decode(tokens, skip_special_tokens=True).strip(),
            # The score is the mean over the words alone; the end of the text is a choice of the model, too.
            logprob=result.scores[0] * len(tokens) / (len(tokens) + 1),
            no_speech=result.no_speech_prob,
            cut_short=len(tokens) >= tokens_max - 1,
        )

    def _prompt(self, language: str) -> list[int]:
        names = ["startoftranscript"]
        if self._model.is_multilingual:
            names += [_primary(language), "transcribe"]
        return [self._token(name) for name in [*names, "notimestamps"]]

    def _token(self, name: str) -> int:
        token: int | None = self._tokenizer.token_to_id(f"<|{name}|>")
        assert token is not None
        return token


def _primary(language: str) -> str:
    """The model knows languages, not countries: `pt` of `pt-BR`."""
    return language.partition("-")[0].lower()


def _check(directory: Path) -> None:
    """Weights that are half there load half-way, or not at all with a riddle; this says which file to mend."""
    if not all((directory / name).is_file() for name in NEEDED):
        raise SetupError(f"there is no speech model in {directory}; run `make setup` to fetch it")
    wrong = first_wrong(directory, read_sums(directory))
    if wrong is not None:
        raise SetupError(f"{directory / wrong} is damaged; run `make setup` to fetch it again")
