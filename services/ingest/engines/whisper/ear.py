"""Listens to one stream: audio goes in, utterances come out with their audio, always the same for the same audio.

Frames lie on a fixed grid of the take. At every settled point detector and endpointer start afresh, and the audio after
it is listened to again; so a new stream opened there hears exactly what an undisturbed one does.
"""

from dataclasses import dataclass, field

import numpy as np

from services.ingest.engines.whisper.endpointer import (
    RULES,
    Ended,
    Endpointer,
    Frame,
    Pause,
    Quiet,
    Rules,
    Why,
)
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, Span
from shared.speech_detector import Samples, SpeechDetector


@dataclass(frozen=True, slots=True)
class Speech:
    """Audio that somebody speaks in."""

    span: Span
    pcm: bytes = field(repr=False)

    def since(self, start: int) -> "Speech":
        """The part of it from `start` on."""
        assert self.span.start <= start <= self.span.until
        return Speech(Span(start, self.span.until), self.pcm[(start - self.span.start) * BYTES_PER_SAMPLE :])


@dataclass(frozen=True, slots=True)
class Paused:
    """Perhaps the end of the utterance: then Spoken follows with the same speech."""

    speech: Speech


@dataclass(frozen=True, slots=True)
class Spoken:
    speech: Speech
    heard: int
    """Samples of it that sounded like speech."""
    why: Why


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything before `until` was given in Spoken, or is silence."""

    until: int


Heard = Paused | Spoken | Settled


class Ear:
    def __init__(self, detector: SpeechDetector, start: int, rules: Rules = RULES) -> None:
        self._detector = detector
        self._rules = rules
        self._pcm = bytearray()
        """From the settled point on: never more than the longest utterance and what decides its end."""
        self._begin(start)

    def _begin(self, start: int) -> Settled:
        """Listen afresh from `start`."""
        self._settled = start
        self._position = start
        self._detector.reset()
        self._endpointer = Endpointer(start, self._rules)
        return Settled(start)

    @property
    def speech(self) -> Speech | None:
        """The open utterance so far, to the last frame listened to."""
        spoken = self._endpointer.spoken
        return None if spoken is None else self._cut(Span(spoken.start, self._position))

    @property
    def last_speech(self) -> int:
        """Where speech was heard last, or the settled point."""
        spoken = self._endpointer.spoken
        return self._settled if spoken is None else spoken.until

    def hear(self, pcm: bytes) -> list[Heard]:
        """More audio, right after what was heard before."""
        self._pcm += pcm
        return self._listen(whole_frames=True)

    def flush(self, at: int) -> list[Heard]:
        """Nothing follows what was heard; the next audio begins at `at` or later."""
        heard = self._listen(whole_frames=False)
        ended = self._endpointer.flush(self._end)
        if ended is not None:
            heard.append(Spoken(self._cut(ended.span), ended.speech, ended.why))
        self._pcm.clear()
        return [*heard, self._begin(at)]

    def begin(self, start: int) -> None:
        """After a flush: the next audio is at `start`, beyond a hole."""
        assert not self._pcm
        assert start >= self._settled
        self._begin(start)

    @property
    def _end(self) -> int:
        return self._settled + len(self._pcm) // BYTES_PER_SAMPLE

    def _listen(self, *, whole_frames: bool) -> list[Heard]:
        heard: list[Heard] = []
        while self._position < self._end:
            until = (self._position // DETECTOR_FRAME + 1) * DETECTOR_FRAME
            if until > self._end:
                if whole_frames:
                    break
                until = self._end
            match self._endpointer.hear(self._frame(Span(self._position, until))):
                case Quiet(until=settled):
                    heard.append(self._settle(settled))
                    continue
                case Ended(span=span, speech=speech, why=why):
                    heard += [Spoken(self._cut(span), speech, why), self._settle(span.until)]
                    continue
                case Pause(span=span):
                    heard.append(Paused(self._cut(span)))
                case None:
                    pass
            self._position = until
        return heard

    def _settle(self, until: int) -> Settled:
        """Forget what is settled, and listen again to what follows it."""
        del self._pcm[: (until - self._settled) * BYTES_PER_SAMPLE]
        return self._begin(until)

    def _cut(self, span: Span) -> Speech:
        at, until = ((each - self._settled) * BYTES_PER_SAMPLE for each in (span.start, span.until))
        return Speech(span, bytes(self._pcm[at:until]))

    def _frame(self, span: Span) -> Frame:
        samples = np.zeros(DETECTOR_FRAME, np.int16)
        # Each sample at its place on the grid: a stream that starts or ends within a frame lacks the rest of it.
        at = span.start % DETECTOR_FRAME
        samples[at : at + span.length] = np.frombuffer(self._cut(span).pcm, "<i2")
        return Frame(span, self._detector.probability(samples), loudness(samples))


def loudness(samples: Samples) -> int:
    return int(np.abs(samples.astype(np.int32)).sum())
