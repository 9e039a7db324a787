"""Dictations to both speech vendors, through their SDKs and everything that wraps them, while the vendors fail.

    python -m tests.faults.vendors --seeds 100 [--first 0]

What is behind the vendors' servers says a hash of the audio they were sent, so a sample that is lost, repeated or moved
on the way shows; and every word must lie where its audio does. A seed decides the faults, how the audio is cut, where
the recorder pauses and where it has holes.
"""

import argparse
import asyncio
import hashlib
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

import numpy as np

from services.ingest.catch_up import CELL
from services.ingest.engines.base import Engine, EngineStream
from services.ingest.engines.build import compose
from services.ingest.engines.checked import SPEECH_MAX
from services.ingest.engines.scripted import ScriptedEngine
from services.ingest.events import GapCame
from services.ingest.segmenter import Segmenter, Settled
from shared.adapters.clocks import SystemClock
from shared.domain.entries import Gap, GapCause, Segment
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, DETECTOR_FRAME, Span, samples
from shared.errors import EngineUnavailable
from shared.tasks import together
from tests.providers.faults import parse
from tests.providers.hurried import VENDORS, HurriedClock, be_quiet, engine_at, limits_of, serving
from tests.providers.session import Setting

SPEED: Final = 6.0
LENGTH: Final = samples(40)
CREDIT: Final = samples(100)
HOLE_MAX: Final = samples(5)
LIMIT_S: Final = 40.0
CHUNKS: Final = (1, 7, 160, 320, 320, 1_600, 1_600, 1_600, 4_000, 8_000, 13_333)

MENDED: Final = ("abort-every=2", "abort-every=6.7", "no-finalise-reply", "unknown", "flood", "no-partials",
                 "never-close", "close-1000-at=8", "close-1011-at=3", "ends-at=5", "abort-at=1")  # fmt: skip
"""After these a vendor is as good as before."""

WORSE: Final = (*MENDED, "mute-at=4", "freeze-at=6", "bad-json-at=7", "bad-message-at=5", "close-1003-at=4",
                "close-1008-at=2", "http-401", "http-429", "http-503", "hang", "deaf")  # fmt: skip
THEIRS: Final = {
    "speechmatics": ("error-at=3", "early-mark", "never-ack", "slow-start=0.2", "quota-at-start")
}


@dataclass(frozen=True)
class Plan:
    """What a seed decides before anything happens."""

    seed: int
    order: tuple[str, ...]
    faults: dict[str, tuple[str, ...]]

    @property
    def has_deaf(self) -> bool:
        return any("deaf" in given for given in self.faults.values())


def plan(seed: int) -> Plan:
    """One of the two can always be worked with: where nobody hears, there is nothing to show."""
    draw = Random(seed)
    worse, other = draw.sample(VENDORS, 2)
    # Whoever is second is met only where the first fails.
    order = (worse, other) if draw.random() < 0.75 else (other, worse)
    every = (*WORSE, *THEIRS.get(worse, ()))
    faults = {
        worse: tuple(draw.sample(every, draw.choice([1, 1, 2, 3]))),
        other: tuple(draw.sample(MENDED, draw.choice([0, 1, 1, 2]))),
    }
    return Plan(seed, order, faults)


@dataclass
class Told:
    """What became of a dictation."""

    plan: Plan
    until: int = 0
    """Where its audio ended."""
    entries: list[Settled] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    connections: int = 0
    engines: set[str] = field(default_factory=set)
    """Those whose words were taken."""

    def __str__(self) -> str:
        problems = "; ".join(self.problems) or "every sample once"
        return (
            f"seed {self.plan.seed}: {self.plan.order} {self.plan.faults},"
            f" {self.connections} connections: {problems}"
        )


async def tell(seed: int) -> Told:
    """One dictation, from its first sample until all of it is settled; no problem is left out."""
    told = Told(plan(seed))
    pcm = _audio(seed)
    settings = {
        vendor: Setting(ScriptedEngine(SystemClock()), parse(told.plan.faults[vendor]), time_scale=SPEED,
                        interim_every_s=0.2)
        for vendor in VENDORS
    }  # fmt: skip
    async with _composed(told.plan, settings) as engine:
        stream = await engine.open(SessionConfig(), 0)
        try:
            async with asyncio.timeout(LIMIT_S):
                await _Dictation(stream, pcm, told).run()
        except (EngineUnavailable, TimeoutError) as error:
            told.problems.append(f"it ended early: {error!r}")
        finally:
            await stream.close()
    for vendor, setting in settings.items():
        told.problems += [f"{vendor}: {violation}" for violation in setting.violations]
        told.connections += len(setting.requests)
    told.problems += _wrong(told, pcm)
    return told


@asynccontextmanager
async def _composed(plan: Plan, settings: dict[str, Setting]) -> AsyncIterator[Engine]:
    async with AsyncExitStack() as opened:
        engines = []
        for vendor in plan.order:
            address = await opened.enter_async_context(serving(vendor, settings[vendor]))
            engines.append(engine_at(vendor, address, limits_of(vendor, SPEED)))
        engine = compose(engines, HurriedClock(SPEED), Random(plan.seed).random, _all_is_speech)
        opened.push_async_callback(engine.close)
        yield engine


def _all_is_speech(pcm: bytes) -> list[bool]:
    return [True] * (len(pcm) // BYTES_PER_SAMPLE // DETECTOR_FRAME)


def _audio(seed: int) -> bytes:
    """Noise, with a cell now and then that is quiet enough to split a backlog at."""
    draw = np.random.default_rng(seed)
    length = LENGTH + HOLE_MAX + samples(1)
    cells = draw.integers(-9_000, 9_000, (length // CELL, CELL)).astype("<i2")
    cells[draw.random(len(cells)) < 0.1] //= 200
    return cells.tobytes()


class _Dictation:
    """The recorder's side and the listener's, around one segmenter, as a recording has them."""

    def __init__(self, stream: EngineStream, pcm: bytes, told: Told) -> None:
        self._stream = stream
        self._pcm = pcm
        self._told = told
        self._draw = Random(told.plan.seed)
        self._clock = HurriedClock(SPEED)
        self._segmenter = Segmenter(1, 0, 0, "composed")
        self._progress = asyncio.Event()
        self._gap_no = 0
        self._ended = False

    async def run(self) -> None:
        await together(self._listen(), self._feed())

    async def _feed(self) -> None:
        at = 0
        # A recorder that redials brings a backlog; one that does not brings audio as it is spoken.
        haste = self._draw.choice([0.2, 0.9, 0.9])
        while at < LENGTH:
            while at - self._segmenter.settled > CREDIT:
                self._progress.clear()
                await self._progress.wait()
            length = self._draw.choice(CHUNKS)
            await self._stream.feed(at, cut(self._pcm, Span(at, at + length)))
            at = await self._interrupted(at + length)
            await self._clock.sleep_ms(round(haste * length / samples(0.001)))
        self._told.until = at
        await self._stream.flush(at)
        self._ended = True

    async def _interrupted(self, at: int) -> int:
        match self._draw.random():
            case chance if chance < 0.01:
                await self._stream.flush(at)
            case chance if chance < 0.02:
                await self._stream.flush(at)
                self._gap_no += 1
                hole = Span(at, at + self._draw.randrange(1, HOLE_MAX))
                self._take(self._segmenter.gap(GapCame(self._gap_no, GapCause.LOST_AFTER_ACK, hole, 0)))
                return hole.until
        return at

    async def _listen(self) -> None:
        async for hypothesis in self._stream.heard():
            self._take(self._segmenter.hear(hypothesis))
            self._progress.set()
            if self._ended and self._segmenter.settled >= self._told.until:
                return

    def _take(self, entries: list[Settled]) -> None:
        self._told.entries += entries


def cut(pcm: bytes, span: Span) -> bytes:
    return pcm[span.start * BYTES_PER_SAMPLE : span.until * BYTES_PER_SAMPLE]


def _wrong(told: Told, pcm: bytes) -> list[str]:
    """Words whose audio is another, and audio that no word, gap or silence accounts for, or two do."""
    problems: list[str] = []
    position = 0
    least = SPEECH_MAX if told.plan.has_deaf else 1
    """What a deaf engine let go for a cough, nobody is asked about again."""
    for span, word in _accounted(told.entries):
        if word is not None and hashlib.sha256(cut(pcm, span)).hexdigest()[:8] != word:
            problems.append(f"a wrong word over {span}")
        if span.start < position:
            problems.append(f"twice from {span.start} to {position}")
        if span.start - position >= least:
            problems.append(f"nothing from {position} to {span.start}")
        position = span.until
    if told.until - position >= least:
        problems.append(f"nothing from {position} to the end at {told.until}")
    told.engines = {each.entry.engine for each in told.entries if isinstance(each.entry, Segment)}
    return problems


def _accounted(entries: list[Settled]) -> list[tuple[Span, str | None]]:
    found: list[tuple[Span, str | None]] = []
    for each in entries:
        match each.entry:
            case Segment(words=words):
                found += [(word.span, word.text) for word in words]
            case Gap(span=span):
                found.append((span, None))
    return found


async def tell_many(first: int, count: int) -> list[Told]:
    """At once; what they waited for, they wait for together. Whatever is left afterwards is a problem of the first."""
    before = asyncio.all_tasks()
    told = list(await asyncio.gather(*(tell(seed) for seed in range(first, first + count))))
    left = [each.get_name() for each in asyncio.all_tasks() - before if not each.done()]
    told[0].problems += [f"task {name} is left" for name in left]
    return told


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.vendors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=5)
    given = parser.parse_args()
    be_quiet()
    logging.disable()
    failed = 0
    for first in range(given.first, given.first + given.seeds, given.at_once):
        for told in asyncio.run(tell_many(first, given.at_once)):
            failed += bool(told.problems)
            print(told, flush=True)
    print(f"{given.seeds} dictations, {failed} with problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
