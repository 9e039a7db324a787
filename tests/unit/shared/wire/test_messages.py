"""Control messages: what one end writes the other reads, and nothing malformed gets in, or comes back in a sentence."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from shared.domain.entries import GapCause
from shared.domain.values import NUMBER_MAX
from shared.errors import Refuse, TooMany
from shared.wire.messages import (
    MESSAGE_BYTES_MAX,
    Ack,
    Bye,
    ClientMessage,
    Config,
    Cursors,
    Draft,
    EntrySent,
    Finish,
    GapSent,
    Hello,
    HintSent,
    Pause,
    Ping,
    PolishedSent,
    Pong,
    ServerMessage,
    Ticket,
    Welcome,
    WrongVersion,
    decode_client_message,
    decode_server_message,
    encode_message,
)
from tests.unit.shared.wire.made import messages

CLIENT: list[type[Struct]] = list(get_args(ClientMessage))
SERVER: list[type[Struct]] = list(get_args(ServerMessage))
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
HELLO: dict[str, Any] = {
    "type": "hello",
    "version": 1,
    "session": ID,
    "ticket": "ticket",
    "take_id": ID,
    "dial": 1,
    "takeover": False,
    "captured_until": 0,
    "gap_no": 0,
    "recording": True,
}
GAP: dict[str, Any] = {
    "type": "gap",
    "gap_no": 1,
    "cause": "suspended",
    "start": 5,
    "until": 5,
    "wall_ms": 250,
}
VALID: list[dict[str, Any]] = [
    HELLO,
    GAP,
    {"type": "pause", "at": 1},
    {"type": "finish", "until": 1},
    {"type": "pong", "echo": 1, "captured_until": 1, "queued": 1},
]
SECRET = "Ada-Example-7"


def refusal(message: object) -> Refuse:
    text = message if isinstance(message, str) else json.dumps(message)
    with pytest.raises(Refuse) as refused:
        decode_client_message(text)
    assert SECRET not in str(refused.value)
    return refused.value


# --- both ends agree


@pytest.mark.parametrize("struct", CLIENT, ids=lambda each: each.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_what_a_client_writes_a_server_reads(struct: type[Struct], data: st.DataObject) -> None:
    message = data.draw(messages(struct))
    if isinstance(message, Hello):
        message = msgspec.structs.replace(message, version=1)
    assert decode_client_message(encode_message(message)) == message


@pytest.mark.parametrize("struct", SERVER, ids=lambda each: each.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_what_a_server_writes_a_client_reads(struct: type[Struct], data: st.DataObject) -> None:
    message = data.draw(messages(struct))
    assert decode_server_message(encode_message(message)) == message


@pytest.mark.parametrize("message", VALID, ids=lambda each: str(each["type"]))
def test_unknown_fields_are_ignored(message: dict[str, Any]) -> None:
    known = decode_client_message(json.dumps(message))
    assert decode_client_message(json.dumps({**message, "later": [SECRET, {"a": None}]})) == known


def test_what_is_optional_may_be_absent() -> None:
    hello = decode_client_message(json.dumps(HELLO))
    assert isinstance(hello, Hello)
    assert (hello.log_id, hello.cursors, hello.config) == (None, Cursors(0, 0), None)
    sparse = decode_client_message(json.dumps({**HELLO, "cursors": {"polished": 4}, "config": {}}))
    assert isinstance(sparse, Hello)
    assert (sparse.cursors, sparse.config) == (Cursors(0, 4), Config())


def written(message: ClientMessage | ServerMessage) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode_message(message))
    return decoded


def test_a_gap_is_what_has_a_cause_and_a_segment_what_has_a_text() -> None:
    gap = written(EntrySent(3, 1, 7, 7, cause=GapCause.SUSPENDED, wall_ms=9))
    assert gap == {
        "type": "entry",
        "index": 3,
        "take": 1,
        "start": 7,
        "until": 7,
        "cause": "suspended",
        "wall_ms": 9,
    }
    segment = written(EntrySent(3, 1, 7, 9, text="", utterance_end=False))
    assert segment["text"] == ""
    assert segment["utterance_end"] is False
    assert not {"cause", "wall_ms", "confidence"} & segment.keys()


def test_what_does_not_apply_is_not_said() -> None:
    assert written(Bye(4512, "moving", True)) == {
        "type": "bye",
        "code": 4512,
        "reason": "moving",
        "retry": True,
    }
    assert written(Bye(4509, "old", True, dial=0))["dial"] == 0
    assert "saved_at_ms" not in written(Draft("pending", 0))
    assert "flags" not in written(PolishedSent(0, 0, 0, "text"))


def test_every_field_of_an_ack_is_said() -> None:
    assert written(Ack(1, 0, 2, 0)) == {
        "type": "ack",
        "received": 1,
        "covered": 0,
        "send_until": 2,
        "gaps_through": 0,
    }


# --- nothing malformed gets in

FIELDS = [(message, field) for message in VALID for field in message if field != "type"]
WRONG: list[object] = [None, SECRET, [], {}, 1.0, 0.5, -1, True, NUMBER_MAX + 1, [SECRET], {SECRET: SECRET}]


@pytest.mark.parametrize(
    ("message", "field"), FIELDS, ids=lambda each: each if isinstance(each, str) else each["type"]
)
def test_a_field_that_is_missing_is_named(message: dict[str, Any], field: str) -> None:
    error = refusal({name: value for name, value in message.items() if name != field})
    assert error.close_code == 4400
    assert f"`{field}`" in str(error)


@pytest.mark.parametrize(
    ("message", "field"), FIELDS, ids=lambda each: each if isinstance(each, str) else each["type"]
)
def test_a_field_of_another_kind_is_named(message: dict[str, Any], field: str) -> None:
    right = type(message[field])
    for wrong in WRONG:
        if right is bool and wrong is True:
            continue
        if right is str and field == "ticket" and wrong == SECRET:
            continue
        error = refusal({**message, field: wrong})
        assert error.close_code == (4406 if (field, wrong) == ("version", NUMBER_MAX + 1) else 4400), wrong
        assert error.close_code == 4406 or f"`$.{field}" in str(error)


@pytest.mark.parametrize(
    "number",
    ["1.0", "1e3", "-1", "-0.0", "true", "null", '"1"', "9007199254740992", "1" + "0" * 400, "NaN", "01"],
)
def test_only_integers_that_every_json_carries_are_numbers(number: str) -> None:
    assert refusal(f'{{"type": "pause", "at": {number}}}').close_code == 4400


@pytest.mark.parametrize(
    "uuid",
    ["", ID.upper(), ID[:-1], ID + "0", f"{{{ID}}}", ID.replace("-", ""), f" {ID}", f"{ID}\n", "../" + ID],
)
def test_only_lower_case_uuids_are_ids(uuid: str) -> None:
    for field in ("session", "take_id"):
        assert refusal({**HELLO, field: uuid}).close_code == 4400


@pytest.mark.parametrize(
    "cause", ["abandoned", "unrecognised", "", "SUSPENDED", SECRET, f"{SECRET} - at `$.{SECRET}`"]
)
def test_a_client_sends_only_its_own_causes(cause: str) -> None:
    assert "`$.cause`" in str(refusal({**GAP, "cause": cause}))


@pytest.mark.parametrize(
    "config",
    [
        {"language": "x" * 36},
        {"vocabulary": [SECRET] * 501},
        {"vocabulary": [SECRET, "x" * 101]},
        {"vocabulary": [SECRET, 7]},
        {"vocabulary": {SECRET: 1}},
        {"macros": {f"{SECRET}{n}": "" for n in range(101)}},
        {"macros": {"x" * 101: SECRET}},
        {"macros": {SECRET: "x" * 2_001}},
        {"macros": {SECRET: 7}},
        {"macros": [SECRET]},
        {"style": "x" * 2_001},
        {"style": None},
        [],
        SECRET,
    ],
)
def test_a_configuration_is_bounded(config: object) -> None:
    error = refusal({**HELLO, "config": config})
    assert error.close_code == 4400
    assert "`$.config" in str(error)


NO_MESSAGE = [
    "",
    " ",
    "{",
    "[]",
    "1",
    "null",
    '"hello"',
    "{}",
    '{"type": 1}',
    '{"type": null}',
    f'{{"type": "{SECRET}"}}',
    '{"type": "Pause", "at": 1}',
    '{"type": "welcome"}',
    '{"type": "pause", "at": 1} {"type": "pause", "at": 1}',
    "{'type': 'pause'}",
    '{"type": "pause", "at": 1,}',
    '{"type": "pause", "at": "\\ud800"}',
    '{"type": "pause\ud800", "at": 1}',
    '{"type": "pause", "at": 1, "later": ' + "[" * 3_000 + "]" * 3_000 + "}",
    "[" * 3_000,
]


@pytest.mark.parametrize("text", NO_MESSAGE, ids=range(len(NO_MESSAGE)))
def test_what_is_no_message_is_malformed(text: str) -> None:
    assert refusal(text).close_code == 4400


def test_half_a_character_is_malformed() -> None:
    assert refusal(json.dumps(HELLO).replace(': "ticket"', ': "\ud800"')).close_code == 4400


@pytest.mark.parametrize("version", ["0", "2", str(NUMBER_MAX), "9" * 5_000])
def test_another_version_is_said_before_anything_else(version: str) -> None:
    for rest in ("", f', "session": "{SECRET}"', ', "dial": -1', ', "ticket": 7'):
        error = refusal(f'{{"type": "hello", "version": {version}{rest}}}')
        assert isinstance(error, WrongVersion)
        assert error.close_code == 4406


@pytest.mark.parametrize("version", ['"1"', "1.0", "null", "[1]", "-1", "true", "{}"])
def test_what_is_no_version_is_malformed(version: str) -> None:
    error = refusal(json.dumps(HELLO).replace('"version": 1', f'"version": {version}'))
    assert (type(error), error.close_code) == (Refuse, 4400)


def test_size_is_judged_first_and_in_bytes() -> None:
    exactly = f'{{"type": "{"x" * (MESSAGE_BYTES_MAX - 12)}"}}'
    assert len(exactly) == MESSAGE_BYTES_MAX
    assert refusal(exactly).close_code == 4400
    for beyond in (exactly + " ", "x" * (MESSAGE_BYTES_MAX + 1), "ä" * (MESSAGE_BYTES_MAX // 2 + 1)):
        error = refusal(beyond)
        assert isinstance(error, TooMany)
        assert error.close_code == 4413


# --- whatever comes

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.just(SECRET), inner, max_size=3)
    ),
    max_leaves=8,
)


def answer(text: str) -> tuple[int, str]:
    """The close code and sentence that `text` earns; none if it is a message."""
    try:
        decode_client_message(text)
    except Refuse as error:
        return error.close_code, str(error)
    return 0, ""


@given(st.text() | json_values.map(json.dumps))
def test_nothing_but_a_refusal_comes_of_it(text: str) -> None:
    code, sentence = answer(text)
    assert code in (4400, 4406, 4413)
    assert SECRET not in sentence


@given(st.sampled_from(VALID), st.data())
def test_a_message_altered_anywhere_is_read_or_refused_without_its_values(
    message: dict[str, Any], data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from([*message, "config", "cursors", "log_id"]))
    code, sentence = answer(json.dumps({**message, field: data.draw(json_values)}))
    assert code in (0, 4400, 4406)
    assert SECRET not in sentence


# --- the other end


@pytest.mark.parametrize(
    "text", ['{"type": "later"}', f'{{"type": "{SECRET}", "a": 1}}', '{"type": "hello"}']
)
def test_a_client_passes_over_types_it_does_not_know(text: str) -> None:
    assert decode_server_message(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type": "ping"}',
        '{"type": "ping", "echo": -1}',
        f'{{"type": "draft", "state": "{SECRET}", "through": 0}}',
        '{"type": "draft", "state": "x - at `$.type`", "through": 0}',
        f'{{"type": "entry", "index": 0, "take": 1, "start": 0, "until": 0, "cause": "{SECRET}"}}',
        '{"type": "ping", "echo": "\\ud800"}',
        '{"type": "ping", "echo": 1, "later": ' + "[" * 3_000 + "]" * 3_000 + "}",
    ],
)
def test_a_client_refuses_what_is_malformed(text: str) -> None:
    with pytest.raises(Refuse) as refused:
        decode_server_message(text)
    assert SECRET not in str(refused.value)


SPEAKING: list[Struct] = [
    msgspec.convert({**HELLO, "ticket": SECRET, "config": {"vocabulary": [SECRET], "style": SECRET}}, Hello),
    Config(vocabulary=[SECRET], macros={SECRET: SECRET}, language=SECRET),
    EntrySent(0, 1, 0, 9, text=SECRET),
    PolishedSent(0, 0, 0, SECRET, [SECRET]),
    HintSent(1, 0, 9, SECRET),
    Ticket(SECRET, 900_000),
]


@pytest.mark.parametrize("message", SPEAKING, ids=lambda each: type(each).__name__)
def test_no_message_shows_words_or_tickets(message: Struct) -> None:
    assert SECRET not in repr(message)
    assert SECRET not in str([message])
    assert type(message).__name__ in repr(message)


def test_numbers_are_shown() -> None:
    shown: list[Struct] = [Pause(1), Finish(2), Pong(1, 2, 3), Ping(4), GapSent(1, "suspended", 2, 2, 3)]
    assert [repr(each) for each in shown] == [
        "Pause(at=1)",
        "Finish(until=2)",
        "Pong(echo=1, captured_until=2, queued=3)",
        "Ping(echo=4)",
        "GapSent(gap_no=1, start=2, until=2, wall_ms=3)",
    ]
    assert Welcome.__name__ in {each.__name__ for each in SERVER}
