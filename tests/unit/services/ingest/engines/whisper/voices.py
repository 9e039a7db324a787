"""Stand-ins for what the engine loads: a detector that hears loud frames as speech, and a recogniser told by hand."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.ingest.engines.whisper.ear import Ear
from services.ingest.engines.whisper.recogniser import DISBELIEVED, Effort, Task, Words
from shared.domain.values import DETECTOR_FRAME
from shared.errors import Refuse
from shared.speech_detector import SpeechDetector

Floats = npt.NDArray[np.float32]

LOUD = 0.05
NOTHING = Words("", 0)
WAIT_S = 10


class LoudIsSpeech:
    """`speech_detector.Network`: it counts the frames it is asked about in its state, as the real one remembers."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, audio: Floats, hidden: Floats, cell: Floats) -> tuple[float, Floats, Floats]:
        self.asked += 1
        return float(np.abs(audio).max() > LOUD), hidden, cell


def ear(start: int = 0, network: LoudIsSpeech | None = None) -> Ear:
    return Ear(SpeechDetector(network or LoudIsSpeech()), start)


def voice(frames: int, level: int = 8_000) -> bytes:
    """Every sample differs from its neighbours, so that audio out of place is seen."""
    samples = np.arange(frames * DETECTOR_FRAME) % 97 * 20 + level
    return samples.astype("<i2").tobytes()


def quiet(frames: int) -> bytes:
    return bytes(2 * frames * DETECTOR_FRAME)


def hum(frames: int) -> bytes:
    """Not silent, and not speech."""
    return np.full(frames * DETECTOR_FRAME, 200, "<i2").tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A recognition that has begun on a worker's thread, and ends when the test says."""

    task: Task
    _answer: "Future[Words]"

    def answer(self, text: str) -> None:
        self._answer.set_result(Words(text, 90))

    def disbelieve(self) -> None:
        self._answer.set_result(DISBELIEVED)

    def fail(self, error: Exception) -> None:
        self._answer.set_exception(error)


class ByHand:
    """`Recogniser` whose answers the test gives; `begun` waits for the next question."""

    def __init__(self) -> None:
        self._questions: deque[Asked] = deque()
        self._open: list[Future[Words]] = []
        self._news = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._released = False

    def check_language(self, language: str) -> None:
        if language != "en":
            raise Refuse("only English")

    def recognise(self, task: Task) -> Words:
        answer: Future[Words] = Future()
        with self._lock:
            if self._released:
                return NOTHING
            self._open.append(answer)
            self._questions.append(Asked(task, answer))
        self._news.release()
        return answer.result(WAIT_S)

    def release(self) -> None:
        """The test is over: nobody waits for an answer any more."""
        with self._lock:
            self._released = True
            for answer in self._open:
                if not answer.done():
                    answer.set_result(NOTHING)

    def begun(self) -> Asked:
        assert self._news.acquire(timeout=WAIT_S)
        return self._questions.popleft()

    @property
    def is_idle(self) -> bool:
        return not self._questions


class AtOnce:
    """`Recogniser` that answers with the length of what it was given, in frames."""

    def __init__(self) -> None:
        self.asked: list[Task] = []

    def check_language(self, language: str) -> None:
        """Every language will do."""

    def recognise(self, task: Task) -> Words:
        self.asked.append(task)
        return Words(f"{len(task.pcm) // 2 // DETECTOR_FRAME} frames", 90)


def task(name: str, effort: Effort = Effort.FINAL) -> Task:
    return Task(name.encode(), effort, "en")
