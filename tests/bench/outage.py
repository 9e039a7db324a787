"""How long an engine's outage is felt: `python -m tests.bench.outage`.

In virtual time, with the scripted engine: it dies after 30 s of dictation and opens no stream for 60 s, then for 300 s.
Prints when words are live again and when all that was spoken meanwhile is covered, counted from the engine's return, and
holds every word to the audio. `--speed` is how many seconds of audio the engine takes in a second.
"""

import argparse
import sys
from random import Random
from typing import Final

from services.ingest.engines.base import Capabilities, Engine, EngineStream
from services.ingest.engines.parallel import Parallel
from services.ingest.engines.reconnecting import Reconnecting
from services.ingest.engines.scripted import Faults, ScriptedEngine
from shared.domain.session import SessionConfig
from shared.domain.values import SAMPLES_PER_SECOND, samples
from shared.errors import EngineUnavailable
from shared.ports import Clock
from tests.flow.stage import Stage, on_stage, recorded

BEFORE_S: Final = 30
LIVE: Final = samples(2)
"""Words are live where no more than this is uncovered."""


class _Away:
    """An engine that cannot be reached between two times of its clock."""

    def __init__(self, engine: ScriptedEngine, clock: Clock, away_ms: tuple[int, int]) -> None:
        self._engine = engine
        self._clock = clock
        self._away_ms = away_ms

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    async def open(self, config: SessionConfig, start: int) -> EngineStream:
        if self._away_ms[0] <= self._clock.monotonic_ms() < self._away_ms[1]:
            raise EngineUnavailable("an outage")
        return await self._engine.open(config, start)

    async def check(self) -> None:
        await self._engine.check()

    async def close(self) -> None:
        await self._engine.close()


def measure(outage_s: int, speed: float, *, parallel: bool) -> str:
    told: list[str] = []
    back_ms = (BEFORE_S + outage_s) * 1_000

    def make(clock: Clock) -> Engine:
        faults = Faults(dies_at=(samples(BEFORE_S - 1),), slow=1 / speed)
        away = _Away(ScriptedEngine(clock, faults), clock, ((BEFORE_S - 5) * 1_000, back_ms))
        engine = Reconnecting(away, clock, Random(1).random)
        return Parallel(engine, lambda cell: True) if parallel else engine

    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        clock = stage.world.clock
        await stage.until(lambda: clock.monotonic_ms() >= back_ms, what="the engine is back")
        backlog, delivery = recorder.tape.until - recorder.link.delivery.covered, recorder.link.delivery
        covered = delivery.covered
        await stage.until(lambda: recorder.link.delivery.covered > covered, what="words again")
        words_s = (clock.monotonic_ms() - back_ms) / 1_000
        await stage.until(lambda: recorder.tape.until - recorder.link.delivery.covered < LIVE, what="live")
        live_s = (clock.monotonic_ms() - back_ms) / 1_000
        await recorded(stage, recorder, 5)
        await stage.done(recorder)
        told.append(
            f"{outage_s:4} s away, {backlog / SAMPLES_PER_SECOND:5.0f} s behind: first words after"
            f" {words_s:5.1f} s, all covered after {live_s:6.1f} s"
        )

    on_stage(act, make_engine=make)
    return told[0]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.outage", description=__doc__)
    parser.add_argument("--speed", type=float, nargs="+", default=[2.0, 10.0], help="times real time")
    for speed in parser.parse_args().speed:
        for parallel in (False, True):
            print(f"{'up to four streams' if parallel else 'one stream'} at {speed:g} times real time")
            for outage_s in (60, 300):
                print(measure(outage_s, speed, parallel=parallel))
    return 0


if __name__ == "__main__":
    sys.exit(main())
