"""Where utterances begin and end: what each frame sounded like goes in, verdicts come out. Pure.

An endpointer judges from one settled point up to its next verdict that settles something; then a new one starts there.
Nothing reaches past a settled point, and nothing here knows the time: whoever starts again at a settled point hears the
same verdicts.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from shared.domain.values import DETECTOR_FRAME, Span, samples


@dataclass(frozen=True, slots=True)
class Rules:
    """How long is long. Lengths are samples, and whole frames where a settled point follows from them, so that settled
    points keep to the grid of the take."""

    speaks: float = 0.5
    goes_on: float = 0.35
    """Lower than `speaks`: a voice fades before it ends."""
    lead_in: int = 10 * DETECTOR_FRAME
    """Kept before the first frame of speech: soft onsets are detected late."""
    fade_out: int = 6 * DETECTOR_FRAME
    """Kept after the last frame of speech."""
    guess_after: int = 8 * DETECTOR_FRAME
    """A pause of 256 ms is worth decoding ahead: two of three end the utterance."""
    end_after: int = 25 * DETECTOR_FRAME
    """A pause of 800 ms ends an utterance. Longer utterances are recognised better."""
    end_soon_after: int = 13 * DETECTOR_FRAME
    long: int = samples(8)
    """From this length on, a pause of `end_soon_after` is enough."""
    longest: int = samples(18)
    """No utterance is longer; it is cut where it was quietest."""
    cut_within: int = samples(6)
    cut_clear_of_end: int = 8 * DETECTOR_FRAME
    """A cut leaves this much for the next utterance to begin with."""
    cut_frames: int = 4
    quiet_for: int = 32 * DETECTOR_FRAME
    quiet_kept: int = 16 * DETECTOR_FRAME
    """Silence is settled after `quiet_for`, up to this long ago: more than `lead_in`, so that none is ever missing."""

    def __post_init__(self) -> None:
        assert self.lead_in <= self.quiet_kept < self.quiet_for
        assert self.fade_out <= self.guess_after <= self.end_soon_after <= self.end_after
        assert self.cut_within + self.cut_clear_of_end < self.longest


RULES: Final = Rules()


class State(Enum):
    WAITING = auto()
    RISING = auto()
    """One frame of speech: a click, or a beginning."""
    SPEAKING = auto()
    PAUSING = auto()


class Sound(Enum):
    VOICE = auto()
    QUIET = auto()


MOVES: Final[dict[State, dict[Sound, State]]] = {
    State.WAITING: {Sound.VOICE: State.RISING, Sound.QUIET: State.WAITING},
    State.RISING: {Sound.VOICE: State.SPEAKING, Sound.QUIET: State.WAITING},
    State.SPEAKING: {Sound.VOICE: State.SPEAKING, Sound.QUIET: State.PAUSING},
    State.PAUSING: {Sound.VOICE: State.SPEAKING, Sound.QUIET: State.PAUSING},
}

SPOKEN: Final = frozenset({State.SPEAKING, State.PAUSING})


class Why(Enum):
    PAUSE = auto()
    TOO_LONG = auto()
    FLUSH = auto()


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame sounded like. Frames follow each other; all but the first and last of a stream are whole."""

    span: Span
    probability: float
    loudness: int
    """Sum of the samples' magnitudes."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing was said before `until`: settled."""

    until: int


@dataclass(frozen=True, slots=True)
class Pause:
    """The utterance may have ended: if it did, it will be exactly this span."""

    span: Span


@dataclass(frozen=True, slots=True)
class Ended:
    """An utterance ended; everything before the end of its span is settled."""

    span: Span
    speech: int
    """Samples in frames that sounded like speech."""
    why: Why


Verdict = Quiet | Pause | Ended


class Endpointer:
    def __init__(self, settled: int, rules: Rules = RULES) -> None:
        self._rules = rules
        self._settled = settled
        self._state = State.WAITING
        self._start = settled
        self._last_speech = settled
        self._speech = 0
        self._recent: deque[Frame] = deque(
            maxlen=(rules.cut_within + rules.cut_clear_of_end) // DETECTOR_FRAME
        )

    @property
    def spoken(self) -> Span | None:
        """The open utterance from its start to its last frame of speech, if somebody has begun to speak."""
        return Span(self._start, self._last_speech) if self._state in SPOKEN else None

    def hear(self, frame: Frame) -> Verdict | None:
        """The verdict of one more frame. After Quiet or Ended this endpointer is spent."""
        before = self._state
        limit = self._rules.goes_on if before in SPOKEN else self._rules.speaks
        sound = Sound.VOICE if frame.probability >= limit else Sound.QUIET
        self._state = MOVES[before][sound]
        if self._state is State.WAITING:
            return self._waiting(frame.span.until)
        if self._state is State.RISING:
            self._start = max(self._settled, frame.span.start - self._rules.lead_in)
        if sound is Sound.VOICE:
            self._last_speech = frame.span.until
            self._speech = (
                self._speech + frame.span.length if before is not State.WAITING else frame.span.length
            )
        self._recent.append(frame)
        return self._spoken(frame.span.until) if self._state in SPOKEN else None

    def flush(self, at: int) -> Ended | None:
        """The end of what was heard: the open utterance, if somebody had begun to speak."""
        return self._ended(at, Why.FLUSH) if self._state in SPOKEN else None

    def _waiting(self, until: int) -> Quiet | None:
        self._recent.clear()
        if until - self._settled < self._rules.quiet_for:
            return None
        return Quiet(until - self._rules.quiet_kept)

    def _spoken(self, until: int) -> Pause | Ended | None:
        rules = self._rules
        length, pause = until - self._start, until - self._last_speech
        if pause >= (rules.end_soon_after if length >= rules.long else rules.end_after):
            return self._ended(until, Why.PAUSE)
        # The next frame would make it longer than allowed.
        if length + DETECTOR_FRAME > rules.longest:
            return Ended(Span(self._start, self._quietest(until)), self._speech, Why.TOO_LONG)
        if pause - DETECTOR_FRAME < rules.guess_after <= pause:
            return Pause(self._ended(until, Why.PAUSE).span)
        return None

    def _ended(self, until: int, why: Why) -> Ended:
        return Ended(
            Span(self._start, min(until, self._last_speech + self._rules.fade_out)), self._speech, why
        )

    def _quietest(self, until: int) -> int:
        """The middle of the quietest few frames of the last seconds: the likeliest place between two words."""
        rules = self._rules
        frames = [each for each in self._recent if each.span.until <= until - rules.cut_clear_of_end]
        width = rules.cut_frames
        runs = [frames[at : at + width] for at in range(len(frames) - width + 1)]
        quietest = min(runs, key=lambda run: sum(each.loudness for each in run))
        return quietest[width // 2].span.start
