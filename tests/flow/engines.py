"""The engines of the simulated service: bare, where a failure ends the connection, or mending themselves."""

from collections.abc import Callable
from random import Random

from services.ingest.engines.base import Engine
from services.ingest.engines.fallback import Fallback
from services.ingest.engines.parallel import Parallel
from services.ingest.engines.reconnecting import Deadlines, Reconnecting
from services.ingest.engines.scripted import NO_FAULTS, Faults, ScriptedEngine
from shared.ports import Clock

MakeEngine = Callable[[Clock], Engine]
PATIENT = Deadlines()


def bare(faults: Faults = NO_FAULTS) -> MakeEngine:
    return lambda clock: ScriptedEngine(clock, faults)


def mended(faults: Faults, deadlines: Deadlines = PATIENT) -> MakeEngine:
    return lambda clock: Reconnecting(ScriptedEngine(clock, faults), clock, Random(1).random, deadlines)


def catching_up(make_engine: MakeEngine) -> MakeEngine:
    """A backlog goes to several streams. What is spoken here has no pauses; the scripted engine needs none."""
    return lambda clock: Parallel(make_engine(clock), lambda cell: True)


def in_turn(*every: Faults, give_up_ms: int = 2_000) -> MakeEngine:
    """An engine with each of these faults, in the order in which to fall back."""

    def make(clock: Clock) -> Engine:
        engines = [mended(faults, Deadlines(give_up_ms=give_up_ms))(clock) for faults in every]
        return Fallback(engines, clock, Random(1).random)

    return make
