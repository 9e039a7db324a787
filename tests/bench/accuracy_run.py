"""Runs for `accuracy.py`: one clip through an engine as a microphone would bring it, and through the bare weights whole."""

import asyncio
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.ingest.engines.base import Engine, EngineStream, Final, Hint, Hypothesis, Through, Wordless
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, SAMPLES_PER_SECOND, Span, samples
from shared.speech_detector import SpeechDetector, VoiceNetwork
from shared.tasks import together
from tests.bench.accuracy_words import fold

CHUNK = samples(0.1)
TAIL = samples(2)
"""Silence after each clip, so that its last utterance ends by a pause, as any other."""

SPEAKS = 0.5


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    pcm: bytes
    text: str

    @property
    def seconds(self) -> float:
        return len(self.pcm) / BYTES_PER_SAMPLE / SAMPLES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Utterance:
    """Seconds of the clip at which things happened; appearances are when they did at a microphone's pace."""

    text: str
    begins: float
    ends: float
    first_hint: float | None
    settled: float
    """From here on the words shown were those of the final."""
    final: float


@dataclass(frozen=True, slots=True)
class Heard:
    clip: Clip
    utterances: tuple[Utterance, ...]
    wordless: tuple[Span, ...]
    cpu_s: float

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.utterances)


def clips(directory: Path) -> list[Clip]:
    return [
        Clip(path.stem, read_wav(path), path.with_suffix(".txt").read_text().strip())
        for path in sorted(directory.glob("*.wav"))
        if path.with_suffix(".txt").exists()
    ]


def read_wav(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLES_PER_SECOND, 1, 2)
        pcm: bytes = file.readframes(file.getnframes())
    return pcm


async def listen(engine: Engine, clip: Clip, *, fast: bool) -> Heard:
    pcm = clip.pcm + bytes(TAIL * BYTES_PER_SAMPLE)
    stream = await engine.open(SessionConfig(), 0)
    said: list[tuple[float, Hypothesis]] = []
    began, cpu_began = time.monotonic(), time.process_time()
    try:
        await together(
            _hear(stream, said, began, len(pcm) // BYTES_PER_SAMPLE), _feed(stream, pcm, began, fast)
        )
    finally:
        await stream.close()
    cpu_s = time.process_time() - cpu_began
    wordless = tuple(each.span for _, each in said if isinstance(each, Wordless))
    return Heard(clip, tuple(_utterances(said, _voiced(pcm))), wordless, cpu_s)


async def _feed(stream: EngineStream, pcm: bytes, began: float, fast: bool) -> None:
    clock = asyncio.get_running_loop()
    for at in range(0, len(pcm), CHUNK * BYTES_PER_SAMPLE):
        chunk = pcm[at : at + CHUNK * BYTES_PER_SAMPLE]
        captured_s = (at + len(chunk)) / BYTES_PER_SAMPLE / SAMPLES_PER_SECOND
        if not fast:
            await _until(clock, captured_s - (time.monotonic() - began))
        await stream.feed(at // BYTES_PER_SAMPLE, chunk)
    await stream.flush(len(pcm) // BYTES_PER_SAMPLE)


async def _until(loop: asyncio.AbstractEventLoop, wait_s: float) -> None:
    """The pace of a microphone; nothing is waited for but time itself."""
    due = loop.create_future()
    timer = loop.call_later(max(0.0, wait_s), due.set_result, None)
    try:
        await due
    finally:
        timer.cancel()


async def _hear(stream: EngineStream, said: list[tuple[float, Hypothesis]], began: float, until: int) -> None:
    async for hypothesis in stream.heard():
        said.append((time.monotonic() - began, hypothesis))
        if isinstance(hypothesis, Through) and hypothesis.until >= until:
            return


def _voiced(pcm: bytes) -> list[int]:
    """Where the frames begin that sound like speech to a detector that is never reset."""
    audio = np.frombuffer(pcm, "<i2")
    detector = SpeechDetector(VoiceNetwork())
    starts = range(0, len(audio) - DETECTOR_FRAME + 1, DETECTOR_FRAME)
    return [at for at in starts if detector.probability(audio[at : at + DETECTOR_FRAME]) >= SPEAKS]


def _utterances(said: Sequence[tuple[float, Hypothesis]], voiced: Sequence[int]) -> list[Utterance]:
    found = []
    shown: list[tuple[float, str]] = []
    for at, hypothesis in said:
        if isinstance(hypothesis, Hint):
            shown.append((at, hypothesis.text))
        elif isinstance(hypothesis, Final):
            span = hypothesis.span
            inside = [each for each in voiced if span.start <= each < span.until] or [span.start]
            found.append(
                Utterance(
                    text=hypothesis.text,
                    begins=inside[0] / SAMPLES_PER_SECOND,
                    ends=(inside[-1] + DETECTOR_FRAME) / SAMPLES_PER_SECOND,
                    first_hint=shown[0][0] if shown else None,
                    settled=_settled([*shown, (at, hypothesis.text)]),
                    final=at,
                )
            )
            shown = []
    return found


def _settled(shown: Sequence[tuple[float, str]]) -> float:
    settled, text = shown[-1]
    for at, earlier in reversed(shown):
        # A comma or a capital that comes later moves no word.
        if fold(earlier) != fold(text):
            break
        settled = at
    return settled


def transcribe_whole(model_dir: Path, found: Sequence[Clip]) -> list[str]:
    """What the same weights hear of each whole file at once, as faster-whisper uses them."""
    from faster_whisper import WhisperModel

    model = WhisperModel(
        str(model_dir), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
    )
    texts = []
    for clip in found:
        audio = np.frombuffer(clip.pcm, "<i2").astype(np.float32) / 32_768
        segments, _ = model.transcribe(audio, language="en", beam_size=5)
        texts.append(" ".join(segment.text.strip() for segment in segments))
    return texts
