"""What Speechmatics is asked for, how its transcripts are read, and what its client would get wrong by itself."""

import asyncio
import logging
from dataclasses import replace
from itertools import pairwise

import pytest

from services.ingest.engines.base import Final
from services.ingest.engines.reconnecting import OPEN_MS_MAX
from services.ingest.engines.remote_failures import Kind
from services.ingest.engines.speechmatics import LIMITS, VOCABULARY_MAX, socket_url, transcription
from shared.adapters.clocks import SystemClock
from shared.domain.session import SessionConfig
from shared.domain.values import samples
from shared.tasks import stop
from tests.unit.services.ingest.engines.remotes import HURRIED, death, feed, heard_through, vendor

PATIENT = SessionConfig(language="en-GB", vocabulary=("tretinoin", "Mrs  Example"))


async def test_the_configuration_is_complete_before_the_first_byte() -> None:
    async with vendor("speechmatics", key="key") as given:
        stream = await given.engine.open(PATIENT, 0)
        asked = given.setting.texts[0]["transcription_config"]
        await feed(stream, 0.5)
        await heard_through(stream, 0.5)
        await stream.close()
    assert (asked["model"], asked["domain"], asked["language"]) == ("enhanced", "medical", "en")
    assert asked["output_locale"] == "en-GB"
    assert asked["additional_vocab"] == [{"content": "tretinoin"}, {"content": "Mrs Example"}]
    assert "tretinoin" not in given.setting.requests[0].path
    assert "Sec-WebSocket-Extensions" not in given.setting.requests[0].headers
    assert given.setting.violations == []


async def test_a_start_that_takes_longer_than_the_client_waits_by_itself() -> None:
    """The SDK gives up after 5 s; with a dictionary that is new to it the service may take 15."""
    patient = replace(HURRIED, start_ms=9_000, ping_ms=20_000)
    async with asyncio.timeout(9), vendor("speechmatics", "slow-start=5.2", limits=patient) as given:
        stream = await given.engine.open(PATIENT, 0)
        await stream.close()


def test_a_vocabulary_gets_the_time_to_be_read_and_nothing_else_does() -> None:
    assert LIMITS.opening_ms(brings_vocabulary=True) >= 15_000 > LIMITS.opening_ms(brings_vocabulary=False)
    assert LIMITS.opening_ms(brings_vocabulary=True) < OPEN_MS_MAX


async def test_the_end_counts_the_frames_that_were_sent_not_those_acknowledged() -> None:
    """The server, which is strict about it, acknowledges nothing here."""
    patient = replace(HURRIED, stall_ms=20_000)
    async with vendor("speechmatics", "never-ack", "no-finalise-reply", limits=patient) as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 1.1)
        said = await heard_through(stream, 1.1)
        await stream.close()
    assert [each for each in said if isinstance(each, Final)][-1].span.until == samples(1.1)
    assert given.setting.violations == []


async def test_silence_of_which_the_service_says_nothing_is_settled_all_the_same() -> None:
    async with asyncio.timeout(8), vendor("speechmatics", "no-transcripts") as given:
        stream = await given.engine.open(SessionConfig(), 0)
        began_ms = SystemClock().monotonic_ms()
        feeding = asyncio.create_task(feed(stream, 20.0, flush=False, pause_s=0.03))
        await heard_through(stream, 0.3)
        await stop(feeding)
        await stream.close()
    assert SystemClock().monotonic_ms() - began_ms >= HURRIED.quiet_ms


async def test_a_service_that_acknowledges_nothing_meanwhile_has_not_heard_silence() -> None:
    """Words may be stuck where acknowledgements are; when they come, nothing may have been settled over them."""
    hasty = replace(HURRIED, quiet_ms=200)
    async with asyncio.timeout(8), vendor("speechmatics", "no-transcripts", limits=hasty) as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 1.0, flush=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * hasty.quiet_ms / 1_000):
                await heard_through(stream, 0.1)
        await stream.close()


async def test_a_service_that_falls_silent_with_audio_to_hear_has_not_heard_silence() -> None:
    hasty = replace(HURRIED, quiet_ms=200, stall_ms=1_000)
    async with asyncio.timeout(8), vendor("speechmatics", "mute-at=1.1", limits=hasty) as given:
        ended = await death(given.engine, 6.0, pause_s=0.02, flush=False)
    assert ended.failure.kind is Kind.TIMEOUT
    assert ended.reached == [each for each in ended.said if isinstance(each, Final)][-1].span.until


async def test_a_mark_that_falls_short_of_what_was_sent_settles_nothing_beyond_itself() -> None:
    async with asyncio.timeout(8), vendor("speechmatics", "early-mark") as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 2.1)
        said = await heard_through(stream, 2.1)
        await stream.close()
    words = [each.span for each in said if isinstance(each, Final)]
    assert words[0].start == 0
    assert words[-1].until == samples(2.1)
    assert all(one.until == next_.start for one, next_ in pairwise(words))


def test_what_a_language_has() -> None:
    assert transcription(SessionConfig(language="pl")).domain is None
    assert transcription(SessionConfig(language="de")).domain == "medical"
    assert transcription(SessionConfig()).additional_vocab is None


def test_terms_that_the_service_would_drop_are_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    config = SessionConfig(vocabulary=("a b c d e f g", *(f"t{each}" for each in range(2_000))))
    terms = transcription(config).additional_vocab or []
    assert len(terms) == VOCABULARY_MAX
    assert "the vocabulary is too long" in capsys.readouterr().out
    assert terms[0] == {"content": "t0"}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("ws://127.0.0.1:9", "ws://127.0.0.1:9/v2"),
        ("http://127.0.0.1:9/v2", "ws://127.0.0.1:9/v2"),
        ("wss://us.rt.speechmatics.com/v2/", "wss://us.rt.speechmatics.com/v2"),
    ],
)
def test_an_address_may_be_written_in_many_ways(given: str, used: str) -> None:
    assert socket_url(given) == used


async def test_a_service_that_says_goodbye_to_nobody_is_cut_off_in_time() -> None:
    async with vendor("speechmatics", "freeze-at=0.1") as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 0.3, flush=False)
        began_ms = SystemClock().monotonic_ms()
        await stream.close()
        assert SystemClock().monotonic_ms() - began_ms < 1_500


async def test_the_sdk_s_loggers_keep_nothing_of_a_connection() -> None:
    async with vendor("speechmatics") as given:
        for _ in range(3):
            await (await given.engine.open(SessionConfig(), 0)).close()
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if "speechmatics" in name]
    assert all(len(each.handlers) <= 1 for each in loggers)
