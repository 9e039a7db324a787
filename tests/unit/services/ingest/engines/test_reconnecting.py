"""One engine that dies: what is replayed, how long it is waited for, and when it is given up."""

import asyncio

import pytest

from services.ingest.engines.base import (
    Capabilities,
    EngineStream,
    Final,
    Health,
    Hypothesis,
    Through,
    Trouble,
)
from services.ingest.engines.fallback import Fallback
from services.ingest.engines.reconnecting import Deadlines, Reconnecting
from services.ingest.engines.remote_failures import Kind, VendorFailure, Verdict
from services.ingest.engines.scripted import NO_FAULTS, Faults, ScriptedEngine
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, samples
from shared.errors import EngineUnavailable
from tests.doubles.clock import ManualClock

SECOND = bytes(range(256)) * (samples(1) * BYTES_PER_SAMPLE // 256)


class Failing:
    """Opens nothing, and says why; counts how often it was asked."""

    def __init__(self, failure: EngineUnavailable, name: str = "failing") -> None:
        self.asked = 0
        self._failure = failure
        self._name = name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self._name, True, 500, 500, 1)

    async def open(self, config: SessionConfig, start: int) -> EngineStream:
        self.asked += 1
        raise self._failure

    async def check(self) -> None: ...

    async def close(self) -> None: ...


def failure(kind: Kind, retry_after_ms: int | None) -> VendorFailure:
    return VendorFailure("vendor", Verdict(kind, retry_after_ms))


async def said(engine: Reconnecting | Fallback, seconds: int = 3) -> list[Hypothesis]:
    stream = await engine.open(SessionConfig(), 0)
    for second in range(seconds):
        await stream.feed(samples(second), SECOND)
    await stream.flush(samples(seconds))
    told: list[Hypothesis] = []
    try:
        async for each in stream.heard():
            told.append(each)
            if each == Through(samples(seconds)):
                break
    finally:
        await stream.close()
    return told


def finals(told: list[Hypothesis]) -> list[Final]:
    return [each for each in told if isinstance(each, Final)]


async def test_a_death_changes_no_final_and_is_told() -> None:
    clock = ManualClock()
    whole = await said(Reconnecting(ScriptedEngine(clock), clock, lambda: 0.0))
    dying = ScriptedEngine(clock, Faults(dies_at=(samples(1.5), samples(2.9))))
    mended = await said(Reconnecting(dying, clock, lambda: 0.0))
    assert finals(mended) == finals(whole)
    assert Health(Trouble.RECONNECTING) in mended
    assert [each for each in mended if isinstance(each, Health)][-1] == Health(None)


async def test_a_stream_that_says_nothing_is_replaced_after_its_deadline() -> None:
    clock = ManualClock()
    mute = ScriptedEngine(clock, Faults(mute_at=samples(1.5), mute_ms=1_000_000))
    telling = asyncio.create_task(said(Reconnecting(mute, clock, lambda: 0.0, Deadlines(stall_ms=2_000))))
    await clock.until_somebody_sleeps()
    for _ in range(5):
        for _ in range(50):
            await asyncio.sleep(0)
        clock.advance(500)
    assert not telling.done(), "its answers may take half a second, and it is given two more"
    clock.advance(500)
    assert finals(await telling)[-1].span.until == samples(3)


@pytest.mark.parametrize("kind", [Kind.CONFIG, Kind.AUTH])
async def test_what_nobody_can_mend_by_waiting_is_given_up_at_once(kind: Kind) -> None:
    engine = Failing(failure(kind, None))
    with pytest.raises(VendorFailure):
        await said(Reconnecting(engine, ManualClock(), lambda: 0.5))
    assert engine.asked == 1


async def test_an_outage_is_waited_for_until_the_deadline() -> None:
    clock = ManualClock()
    engine = Failing(failure(Kind.SERVER, 0))
    deadlines = Deadlines(give_up_ms=4_000, backoff_ms=1_000, backoff_ms_max=2_000)
    telling = asyncio.create_task(said(Reconnecting(engine, clock, lambda: 0.5, deadlines)))
    for _ in range(40):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.advance(100)
    with pytest.raises(VendorFailure):
        await telling
    assert engine.asked == 6, "at 0, 0.5, 1.5, 2.5, 3.5 and 4 s"


async def test_the_next_engine_hears_what_the_first_had_not_settled() -> None:
    clock = ManualClock()
    dying = ScriptedEngine(clock, Faults(dies_at=(samples(1.5),)))
    at_once = Deadlines(give_up_ms=0)
    engines = [Reconnecting(each, clock, lambda: 0.0, at_once) for each in (dying, ScriptedEngine(clock))]
    told = await said(Fallback(engines, clock, lambda: 0.0))
    whole = await said(Reconnecting(ScriptedEngine(clock, NO_FAULTS), clock, lambda: 0.0))
    assert finals(told) == finals(whole)
    assert Health(Trouble.FAILING_OVER) in told


async def test_every_final_names_who_said_it() -> None:
    clock = ManualClock()
    first = Failing(failure(Kind.AUTH, None), "first")
    told = await said(Fallback([first, ScriptedEngine(clock)], clock, lambda: 0.0))
    assert {final.engine for final in finals(told)} == {"scripted"}


async def test_engines_that_can_never_work_are_given_up_after_one_round() -> None:
    every = [Failing(failure(Kind.AUTH, None)) for _ in range(3)]
    with pytest.raises(VendorFailure):
        await said(Fallback(every, ManualClock(), lambda: 0.0))
    assert [each.asked for each in every] == [1, 1, 1]


async def test_a_session_returns_to_the_first_engine_when_it_pauses_and_not_before() -> None:
    clock = ManualClock()
    first = Failing(failure(Kind.AUTH, None))
    stream = await Fallback([first, ScriptedEngine(clock)], clock, lambda: 0.0).open(SessionConfig(), 0)
    asked = []
    heard = aiter(stream.heard())
    for second in range(4):
        await stream.feed(samples(second), SECOND)
        if second % 2:
            await stream.flush(samples(second + 1))
        while await anext(heard) != Through(samples(second + 1)):
            pass
        asked.append(first.asked)
        for _ in range(10):
            await asyncio.sleep(0)
    await stream.close()
    assert asked == [1, 1, 2, 2]
