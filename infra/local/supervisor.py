"""What to start, restart and stop, decided from events and the time; `processes.py` does it.

A child that dies is started again on its port, at once the first time and more slowly the more often it dies young.
One that cannot be set up (exit 2) before everything serves ends the whole: the same would happen again. One that hangs
is killed: it may hold what all others need, such as the lock of the database, and nobody would ever let go of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SETUP_EXIT: Final = 2
FAILED_EXIT: Final = 1

DEATHS_BEFORE_READY_MAX: Final = 3
"""So often may a child crash before all serve; more is no accident."""

YOUNG_MS: Final = 10_000
"""A child that lived longer died of something new, and is started again at once."""

BACKOFF_FIRST_MS: Final = 250
BACKOFF_MS_MAX: Final = 5_000

DRAIN_MS: Final = 9_000
"""Ingest drains for up to 8 s and answers what is in flight; the whole has to be gone within 10."""

KILL_MS: Final = 500


class Phase(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Life(StrEnum):
    WAITING = "waiting"
    """To be launched once its time has come."""
    LAUNCHED = "launched"
    SERVING = "serving"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Launched:
    child: str
    pid: int


@dataclass(frozen=True, slots=True)
class Serves:
    child: str


@dataclass(frozen=True, slots=True)
class Exited:
    child: str
    code: int
    """Negative: the signal that killed it."""


@dataclass(frozen=True, slots=True)
class Hangs:
    """It takes connections and answers nothing."""

    child: str


@dataclass(frozen=True, slots=True)
class Says:
    """What it answers when it is asked how it is; asked again and again."""

    child: str
    trouble: str
    """Empty while it is well."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """By SIGTERM or SIGINT."""


Event = Launched | Serves | Exited | Hangs | Says | StopAsked


@dataclass(frozen=True, slots=True)
class Launch:
    child: str


@dataclass(frozen=True, slots=True)
class Terminate:
    child: str


@dataclass(frozen=True, slots=True)
class Kill:
    child: str


@dataclass(frozen=True, slots=True)
class Announce:
    """A line for programs, on stdout."""

    line: str


@dataclass(frozen=True, slots=True)
class Report:
    """A line for people, on stderr."""

    line: str


@dataclass(frozen=True, slots=True)
class Leave:
    code: int


Action = Launch | Terminate | Kill | Announce | Report | Leave


@dataclass(frozen=True, slots=True)
class Charge:
    """A child to look after. One with a `url` is an ingest process, which is announced and must serve there."""

    name: str
    url: str | None = None
    stops_last: bool = False
    """The others need it until they have stopped."""


@dataclass(slots=True)
class _Child:
    charge: Charge
    life: Life = Life.WAITING
    due_ms: int = 0
    launched_ms: int = 0
    deaths: int = 0
    """In a row, each at a young age."""
    trouble: str = ""
    """What it last said is wrong."""


class Supervisor:
    """Hands out actions in the order in which to do them."""

    def __init__(self, charges: Iterable[Charge], now_ms: int) -> None:
        self._children = {charge.name: _Child(charge, due_ms=now_ms) for charge in charges}
        self._deadline_ms: int | None = None
        self._exit_code = 0
        self._told_last = False
        self.phase = Phase.STARTING

    @property
    def deadline_ms(self) -> int | None:
        """When `wake` has something to do although nothing happens."""
        if self._deadline_ms is not None:
            return self._deadline_ms
        return min((child.due_ms for child in self._in(Life.WAITING)), default=None)

    def wake(self, now_ms: int) -> list[Action]:
        if self.phase is Phase.STOPPING:
            return self._force(now_ms)
        due = [child for child in self._in(Life.WAITING) if child.due_ms <= now_ms]
        for child in due:
            child.life, child.launched_ms = Life.LAUNCHED, now_ms
        return [Launch(child.charge.name) for child in due]

    def handle(self, event: Event, now_ms: int) -> list[Action]:
        match event:
            case Launched(name, pid):
                return self._launched(self._children[name], pid)
            case Serves(name):
                return self._serves(self._children[name])
            case Exited(name, code):
                return self._exited(self._children[name], code, now_ms)
            case Hangs(name):
                return self._hangs(self._children[name])
            case Says(name, trouble):
                return self._says(self._children[name], trouble)
            case StopAsked():
                return self._stop(now_ms, code=0)

    def _launched(self, child: _Child, pid: int) -> list[Action]:
        if child.charge.url is None:
            return [Report(f"{child.charge.name} pid={pid}")]
        return [Announce(f"ingest pid={pid} url={child.charge.url}")]

    def _serves(self, child: _Child) -> list[Action]:
        if child.life is Life.LAUNCHED:
            child.life = Life.SERVING
        if self.phase is not Phase.STARTING or len(list(self._in(Life.SERVING))) < len(self._children):
            return []
        self.phase = Phase.SERVING
        first = next(each.charge.url for each in self._children.values() if each.charge.url)
        return [Announce(f"ready {first}")]

    def _exited(self, child: _Child, code: int, now_ms: int) -> list[Action]:
        child.life, child.trouble = Life.GONE, ""
        if self.phase is Phase.STOPPING:
            return self._stop_the_last()
        child.deaths = child.deaths + 1 if now_ms - child.launched_ms < YOUNG_MS else 1
        name, how = child.charge.name, f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        if self.phase is Phase.STARTING and (code == SETUP_EXIT or child.deaths >= DEATHS_BEFORE_READY_MAX):
            sentence = f"{name} {how} while starting; what it said about it is above"
            return [Report(sentence), *self._stop(now_ms, SETUP_EXIT if code == SETUP_EXIT else FAILED_EXIT)]
        child.life, child.due_ms = Life.WAITING, now_ms + backoff_ms(child.deaths)
        return [Report(f"{name} {how}; it is started again"), *self.wake(now_ms)]

    def _hangs(self, child: _Child) -> list[Action]:
        # While stopping, whoever is late has a deadline already.
        if child.life is not Life.SERVING or self.phase is Phase.STOPPING:
            return []
        return [Report(f"{child.charge.name} does not answer and is killed"), Kill(child.charge.name)]

    def _says(self, child: _Child, trouble: str) -> list[Action]:
        """Told once, to whoever sits at this machine: the rest may be theirs to do, and a restart is no cure for a full
        disk, or for a database that was moved and had better be put back."""
        if child.life is not Life.SERVING or self.phase is Phase.STOPPING or trouble == child.trouble:
            return []
        child.trouble = trouble
        name = child.charge.name
        return [Report(f"{name} cannot serve: {trouble}" if trouble else f"{name} serves again")]

    def _stop(self, now_ms: int, code: int) -> list[Action]:
        if self.phase is Phase.STOPPING:
            # Asked twice: whoever asks does not want to wait for the drain.
            self._deadline_ms = now_ms
            return self._force(now_ms)
        self.phase, self._exit_code, self._deadline_ms = Phase.STOPPING, code, now_ms + DRAIN_MS
        for child in self._in(Life.WAITING):
            child.life = Life.GONE
        first: list[Action] = [
            Terminate(child.charge.name) for child in self._running() if not child.charge.stops_last
        ]
        return first or self._stop_the_last()

    def _stop_the_last(self) -> list[Action]:
        """Once nobody else runs: the last to stop, told once; and then it is over."""
        running = self._running()
        if not running:
            self.phase, self._deadline_ms = Phase.STOPPED, None
            return [Leave(self._exit_code)]
        if self._told_last or not all(child.charge.stops_last for child in running):
            return []
        self._told_last = True
        return [Terminate(child.charge.name) for child in running]

    def _force(self, now_ms: int) -> list[Action]:
        assert self._deadline_ms is not None
        if now_ms < self._deadline_ms:
            return []
        left = [child.charge.name for child in self._running()]
        self._deadline_ms = now_ms + KILL_MS
        killing: list[Action] = [Report(f"{name} did not stop in time and is killed") for name in left]
        return killing + [Kill(name) for name in left]

    def _in(self, life: Life) -> Iterable[_Child]:
        return [child for child in self._children.values() if child.life is life]

    def _running(self) -> list[_Child]:
        return [child for child in self._children.values() if child.life in (Life.LAUNCHED, Life.SERVING)]


def backoff_ms(deaths: int) -> int:
    """How long to wait before the start after this many deaths in a row: nothing the first time, then doubling."""
    assert deaths >= 1
    return 0 if deaths == 1 else min(BACKOFF_MS_MAX, BACKOFF_FIRST_MS * 2 ** min(deaths - 2, 20))
