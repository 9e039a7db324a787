"""A vendor's stream over its life: flushes with and without an answer, pauses, old age, slow readers, and its end."""

import asyncio
import os
import random
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.ingest.engines.base import Engine, EngineStream, Final, Hypothesis, Through
from services.ingest.engines.remote_failures import Kind, VendorFailure
from shared.adapters.clocks import SystemClock
from shared.domain.session import SessionConfig
from shared.domain.values import samples
from shared.errors import EngineUnavailable
from shared.tasks import stop
from tests.unit.services.ingest.engines.remotes import (
    CHUNK,
    HURRIED,
    VENDORS,
    death,
    feed,
    heard_through,
    pcm,
    vendor,
)

ENDINGS = ("closed", "flushed", "cancelled", "not awaited", "at once")

pytestmark = pytest.mark.parametrize("name", VENDORS)


async def test_an_unanswered_flush_ends_the_connection_and_says_every_word(name: str) -> None:
    async with asyncio.timeout(8), vendor(name, "no-finalise-reply") as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 1.1)
        said = await heard_through(stream, 1.1)
        last = [each for each in said if isinstance(each, Final)][-1]
        assert (last.span.until, last.utterance_end) == (samples(1.1), True)
        # Nothing was left unsaid, and a second flush knows that; but who feeds it again needs another stream.
        await stream.flush(samples(1.1))
        await heard_through(stream, 1.1)
        with pytest.raises(VendorFailure) as spent:
            await _go_on(stream)
        await stream.close()
    assert (spent.value.kind, spent.value.retry_after_ms) == (Kind.ROTATE, 0)
    assert given.setting.violations == []


async def _go_on(stream: EngineStream) -> None:
    await stream.feed(samples(1.1), pcm(samples(1.1), samples(1.2)))
    await heard_through(stream, 1.2)


async def test_a_flush_that_nothing_answers_is_not_taken_for_silence(name: str) -> None:
    async with (
        asyncio.timeout(8),
        vendor(name, "mute-at=0.2", limits=replace(HURRIED, stall_ms=60_000)) as given,
    ):
        ending = await death(given.engine, 1.0)
    assert ending.failure.kind == Kind.TIMEOUT
    assert ending.reached < samples(1.0)


async def test_a_pause_is_survived_by_a_paused_stream(name: str) -> None:
    """Ten times the vendor's limit, at a scale of a hundred, before any audio and after some."""
    async with (
        asyncio.timeout(8),
        vendor(name, time_scale=100.0, limits=replace(HURRIED, keep_alive_ms=40)) as given,
    ):
        stream = await given.engine.open(SessionConfig(), 800)
        await SystemClock().sleep_ms(500)
        await stream.feed(800, pcm(0, samples(1.1)))
        await stream.flush(800 + samples(1.1))
        said = [each async for each in _until(stream.heard(), 800 + samples(1.1))]
        await SystemClock().sleep_ms(500)
        beyond = samples(3) + 5
        await stream.feed(beyond, pcm(0, samples(0.5)))
        await stream.flush(beyond + samples(0.5))
        await heard_through(stream, 3.5)
        await stream.close()
    finals = [each for each in said if isinstance(each, Final)]
    # The silence that kept it alive belongs to no take: the first cell begins where the take does.
    assert finals[0].span.start == 800
    assert finals[-1].span.until == 800 + samples(1.1)
    assert given.setting.violations == []


async def _until(heard: AsyncIterator[Hypothesis], until: int) -> AsyncIterator[Hypothesis]:
    async for each in heard:
        yield each
        if each == Through(until):
            return


async def test_a_long_pause_gives_the_connection_back(name: str) -> None:
    async with asyncio.timeout(8), vendor(name, limits=replace(HURRIED, idle_ms_max=150)) as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 0.5)
        await heard_through(stream, 0.5)
        await SystemClock().sleep_ms(500)
        with pytest.raises(VendorFailure) as spent:
            await stream.feed(samples(0.5), bytes(320))
        await stream.close()
    assert spent.value.kind == Kind.ROTATE


async def test_an_old_stream_asks_to_be_replaced(name: str) -> None:
    async with asyncio.timeout(8), vendor(name, limits=replace(HURRIED, age_ms_max=200)) as given:
        ending = await death(given.engine, 4.0, pause_s=0.05)
    assert (ending.failure.kind, ending.failure.retryable) == (Kind.ROTATE, True)


async def test_audio_goes_no_faster_than_the_vendor_takes_it(name: str) -> None:
    """The server, whose limit is 1.25 times real time, closes on whoever is faster."""
    pace = replace(HURRIED, rate_max=25.0, burst_ms=1_000)
    async with asyncio.timeout(8), vendor(name, paced=True, time_scale=20.0, limits=pace) as given:
        stream = await given.engine.open(SessionConfig(), 0)
        began_ms = SystemClock().monotonic_ms()
        feeding = asyncio.create_task(feed(stream, 8.0))
        await heard_through(stream, 8.0)
        await feeding
        await stream.close()
    assert SystemClock().monotonic_ms() - began_ms > 0.9 * 7_000 / 25
    assert given.setting.violations == []


async def test_whoever_feeds_waits_while_the_vendor_does_not_read(name: str) -> None:
    slow = replace(HURRIED, send_ms=60_000, stall_ms=60_000, ping_ms=60_000)
    async with asyncio.timeout(8), vendor(name, "freeze-at=0.5", limits=slow) as given:
        stream = await given.engine.open(SessionConfig(), 0)
        feeding = asyncio.create_task(_feed_for_ever(stream))
        await asyncio.wait([feeding], timeout=0.5)
        assert not feeding.done()
        began_ms = SystemClock().monotonic_ms()
        await stream.close()
        assert SystemClock().monotonic_ms() - began_ms < 1_500
        await stop(feeding)


async def _feed_for_ever(stream: EngineStream) -> None:
    at = 0
    while True:
        await stream.feed(at, bytes(CHUNK * 2))
        at += CHUNK


async def test_a_reader_who_comes_late_finds_every_final(name: str) -> None:
    async with asyncio.timeout(8), vendor(name, "flood" if name == "deepgram" else "unknown") as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 4.0)
        await SystemClock().sleep_ms(200)
        said = await heard_through(stream, 4.0)
        await stream.close()
    assert [each.span.start for each in said if isinstance(each, Final)] == list(range(0, samples(4), 4_000))


async def test_a_hundred_streams_with_any_ending_leave_nothing(name: str) -> None:
    drawn = random.Random(5)
    async with asyncio.timeout(50), vendor(name) as given:
        await given.engine.check()
        await _one_stream(given.engine, "closed")
        for _ in range(10):
            faults = given.setting.faults
            faults.given = {drawn.choice(["abort-every", "no-finalise-reply", "unknown"]): 0.7}
            await asyncio.gather(*(_one_stream(given.engine, drawn.choice(ENDINGS)) for _ in range(10)))
        await SystemClock().sleep_ms(100)
        ours = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
        assert not any("RemoteStream" in each or "AsyncClient" in each for each in ours), ours
        sockets = [each for each in _open_files() if each.startswith("socket:")]
    # The server's own, its listener, and what the loop itself needs.
    assert len(sockets) <= 6, sockets
    assert threading.active_count() < 20


def _open_files() -> list[str]:
    found = []
    for each in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{each}"))
        except FileNotFoundError:
            pass
    return found


async def _one_stream(engine: Engine, ending: str) -> None:
    opening = asyncio.create_task(engine.open(SessionConfig(), 0))
    if ending == "not awaited":
        await asyncio.wait([opening], timeout=0.002)
        await stop(opening)
        if opening.cancelled():
            return
    stream = await opening
    if ending == "at once":
        await stream.close()
        return
    work = asyncio.create_task(feed(stream, 1.0, flush=ending == "flushed"))
    listening = asyncio.create_task(heard_through(stream, 1.0))
    await asyncio.wait([work, listening], timeout=0.0 if ending == "cancelled" else 0.4)
    await stream.close()
    await stop(work, listening)
    with pytest.raises(EngineUnavailable):
        await stream.feed(samples(1.0), b"\0\0")
