"""What Deepgram is asked for, what of a session it is told and where, and how its text is read."""

import asyncio
import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from services.ingest.engines.base import Final, Hint
from services.ingest.engines.deepgram import KEYTERMS_MAX, base_url, keyterms, query
from services.ingest.engines.deepgram_wire import plain
from shared.domain.session import SessionConfig
from shared.domain.values import samples
from tests.unit.services.ingest.engines.remotes import HURRIED, feed, heard_through, vendor

PATIENT = SessionConfig(vocabulary=("tretinoin", "Mrs Example"))


async def test_the_configuration_is_complete_before_the_first_byte_and_holds_no_word() -> None:
    async with vendor("deepgram", key="key") as given:
        stream = await given.engine.open(PATIENT, 0)
        told = list(given.setting.texts)
        await feed(stream, 0.5)
        await heard_through(stream, 0.5)
        await stream.close()
    request = given.setting.requests[0]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
    assert (asked["model"], asked["mip_opt_out"], asked["language"]) == ("nova-3-medical", "true", "en")
    assert "tretinoin" not in request.path
    assert "Example" not in request.path
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert told == [{"type": "Configure", "keyterms": ["tretinoin", "Mrs Example"]}]
    assert given.setting.violations == []


@pytest.mark.parametrize("fault", ["no-vocabulary", "silent-vocabulary"])
async def test_a_vocabulary_that_is_not_taken_costs_no_stream_and_is_said_without_its_words(
    fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asyncio.timeout(5), vendor("deepgram", fault) as given:
        stream = await given.engine.open(PATIENT, 0)
        await feed(stream, 0.5)
        assert any(isinstance(each, Final) for each in await heard_through(stream, 0.5))
        await stream.close()
    said = capsys.readouterr().out
    assert "the vocabulary was not taken" in said
    assert "tretinoin" not in said
    assert "key" not in said.replace("keyterms", "")


async def test_a_key_that_is_not_the_servers_is_refused() -> None:
    async with vendor("deepgram", key="another") as given:
        with pytest.raises(Exception, match="does not accept this installation's key"):
            await given.engine.open(PATIENT, 0)


async def test_empty_finals_settle_what_was_not_speech_and_show_nothing() -> None:
    async with vendor("deepgram", "deaf") as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 2.0)
        said = await heard_through(stream, 2.0)
        await stream.close()
    assert not [each for each in said if isinstance(each, Final)]


async def test_without_an_answer_there_is_still_a_hint_before_the_final() -> None:
    async with vendor("deepgram", limits=replace(HURRIED, rate_max=4)) as given:
        stream = await given.engine.open(SessionConfig(), 0)
        await feed(stream, 1.1)
        said = await heard_through(stream, 1.1)
        await stream.close()
    hints = [each for each in said if isinstance(each, Hint)]
    assert all(each.span.until <= samples(1.1) for each in hints)


def test_a_language_without_a_medical_model_gets_the_general_one() -> None:
    assert query(SessionConfig(language="de"))["model"] == "nova-3"
    assert query(SessionConfig(language="en-GB"))["model"] == "nova-3-medical"


def test_marks_and_numbers_stay_as_they_were_said() -> None:
    asked = query(SessionConfig())
    assert (asked["punctuate"], asked["dictation"], asked["smart_format"]) == (True, False, False)


def test_no_more_terms_than_are_taken_for_certain() -> None:
    assert keyterms(["a b", "a b", " ", "c"]) == ["a b", "c"]
    assert len(keyterms(f"t{each}" for each in range(1_000))) <= KEYTERMS_MAX
    assert sum(len(term) for term in keyterms("x" * 40 for _ in range(99))) <= 2_000


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:9/", "ws://127.0.0.1:9"),
        ("wss://api.eu.deepgram.com", "wss://api.eu.deepgram.com"),
        ("wss://h/v1/listen", "wss://h"),
        ("https://h:1/p", "wss://h:1/p"),
    ],
)
def test_an_address_may_be_written_in_many_ways(given: str, used: str) -> None:
    assert base_url(given) == used


def test_dictated_layout_is_read() -> None:
    assert plain("one <\\n> two <\n\n> three ") == "one \n two \n\n three"


async def test_vendors_loggers_stay_at_warning() -> None:
    async with vendor("deepgram"), vendor("speechmatics"):
        for name in ("deepgram", "speechmatics", "websockets", "httpx"):
            assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING
