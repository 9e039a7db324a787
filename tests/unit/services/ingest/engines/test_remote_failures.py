"""Every way in which a vendor fails: what it comes to, who must act, within what time, and that no audio is lost by it."""

import asyncio
from collections.abc import Sequence

import pytest

from services.ingest.engines.base import Final, Hypothesis
from services.ingest.engines.deepgram import DeepgramEngine
from services.ingest.engines.remote_failures import MEANINGS, SAFE, Kind, VendorFailure, Verdict, Who
from services.ingest.engines.speechmatics import SpeechmaticsEngine
from shared.adapters.clocks import SystemClock
from shared.domain.session import SessionConfig
from shared.domain.values import Span
from tests.contract.engines import part, play
from tests.unit.services.ingest.engines.remotes import HURRIED, VENDORS, death, vendor

D, S = VENDORS

REFUSALS = [
    # What stands between us and the vendor wants a person to sign in somewhere.
    (D, "http-302", Kind.CONNECT, 0),
    (D, "http-400", Kind.CONFIG, None),
    (D, "http-401", Kind.AUTH, None),
    (D, "http-402", Kind.QUOTA, None),
    (D, "http-403", Kind.CONFIG, None),
    (D, "http-404", Kind.PROTOCOL, 0),
    (D, "http-429", Kind.QUOTA, 5_000),
    (D, "http-500", Kind.SERVER, 0),
    (D, "http-503", Kind.SERVER, 0),
    (D, "hang", Kind.TIMEOUT, 0),
    (S, "http-302", Kind.CONNECT, 0),
    (S, "http-400", Kind.CONFIG, None),
    (S, "http-401", Kind.AUTH, None),
    (S, "http-403", Kind.AUTH, None),
    (S, "http-405", Kind.CONFIG, None),
    (S, "http-429", Kind.QUOTA, 5_000),
    (S, "http-500", Kind.SERVER, 0),
    (S, "hang", Kind.TIMEOUT, 0),
    (S, "quota-at-start", Kind.QUOTA, 5_000),
    (S, "auth-at-start", Kind.AUTH, None),
    (S, "config-at-start", Kind.CONFIG, None),
    (S, "slow-start=3", Kind.TIMEOUT, 0),
]

DEATHS = [
    (D, "close-1000-at=1", Kind.TRANSPORT),
    (D, "close-1008-at=1", Kind.CONFIG),
    (D, "close-1011-at=1", Kind.SERVER),
    (D, "abort-at=1", Kind.TRANSPORT),
    (D, "mute-at=1", Kind.TIMEOUT),
    (D, "freeze-at=1", Kind.TIMEOUT),
    (D, "ends-at=1", Kind.TRANSPORT),
    (D, "bad-json-at=1", Kind.PROTOCOL),
    (D, "bad-message-at=1", Kind.PROTOCOL),
    (S, "close-1000-at=1", Kind.TRANSPORT),
    (S, "close-1003-at=1", Kind.PROTOCOL),
    (S, "close-1008-at=1", Kind.IDLE),
    (S, "close-1011-at=1", Kind.SERVER),
    (S, "abort-at=1", Kind.TRANSPORT),
    (S, "mute-at=1", Kind.TIMEOUT),
    (S, "freeze-at=1", Kind.TIMEOUT),
    (S, "ends-at=1", Kind.TRANSPORT),
    (S, "bad-json-at=1", Kind.TRANSPORT),
    (S, "bad-message-at=1", Kind.PROTOCOL),
    (S, "error-at=1", Kind.SERVER),
    (S, "never-ack", Kind.TIMEOUT),
]


@pytest.mark.parametrize(("name", "fault", "kind", "retry_after_ms"), REFUSALS)
async def test_a_stream_that_is_refused(
    name: str, fault: str, kind: Kind, retry_after_ms: int | None
) -> None:
    async with asyncio.timeout(4), vendor(name, fault) as given:
        failure = (await death(given.engine)).failure
    assert (failure.kind, failure.retry_after_ms) == (kind, retry_after_ms), failure.code
    assert failure.retryable == (retry_after_ms is not None)


@pytest.mark.parametrize(("name", "fault", "kind"), DEATHS)
async def test_a_stream_that_dies_is_replayed_without_a_word_lost_or_repeated(
    name: str, fault: str, kind: Kind
) -> None:
    async with asyncio.timeout(8), vendor(name, fault) as given:
        ending = await death(given.engine)
        assert ending.failure.kind == kind, ending.failure.code
        given.setting.faults.given.clear()
        again = await play(given.engine, [part(ending.reached, 4 * 16_000)])
        undisturbed = await play(given.engine, [part(0, 4 * 16_000)])
    assert _places([*ending.said, *again]) == _places(undisturbed)


def _places(said: Sequence[Hypothesis]) -> list[tuple[Span, str]]:
    return [(each.span, each.text) for each in said if isinstance(each, Final)]


@pytest.mark.parametrize("kind", [DeepgramEngine, SpeechmaticsEngine])
async def test_nobody_listens(kind: type[DeepgramEngine] | type[SpeechmaticsEngine]) -> None:
    engine = kind("ws://127.0.0.1:9", "key", SystemClock(), HURRIED)
    with pytest.raises(VendorFailure) as failed:
        await engine.open(SessionConfig(), 0)
    await engine.close()
    assert failed.value.kind == Kind.CONNECT
    assert failed.value.retryable


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("fault", ["unknown", "flood"])
async def test_what_it_does_not_know_and_too_much_of_what_it_knows_change_nothing(
    name: str, fault: str
) -> None:
    async with asyncio.timeout(20):
        async with vendor(name) as quiet:
            undisturbed = await play(quiet.engine, [part(0, 2 * 16_000)])
        async with vendor(name, fault) as loud:
            disturbed = await play(loud.engine, [part(0, 2 * 16_000)])
    assert _places(disturbed) == _places(undisturbed)


@pytest.mark.parametrize("kind", Kind)
def test_what_the_person_reads(kind: Kind) -> None:
    said = str(VendorFailure("Aurix", Verdict(kind), "NET-9"))
    assert said == f"the speech service Aurix {MEANINGS[kind].sentence}; {SAFE}"
    assert "NET-9" not in said


def test_who_must_act() -> None:
    waiting = {kind for kind in Kind if MEANINGS[kind].who is Who.NOBODY}
    assert waiting == {Kind.TIMEOUT, Kind.IDLE, Kind.CONNECT, Kind.SERVER, Kind.TRANSPORT, Kind.ROTATE}
    assert MEANINGS[Kind.PROTOCOL].who is Who.MAINTAINER
