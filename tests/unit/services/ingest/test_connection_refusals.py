"""Every wrong input has its close code and sentence, and of two wrongs the protocol says which is named."""

import json
import struct
from typing import Any

import pytest

from services.ingest.connection import WINDOW_LIVE, Connection
from services.ingest.upstream import GAPS_WAITING_MAX
from shared.domain.values import NUMBER_MAX
from shared.wire.frames import FRAME_BYTES_MAX, HEADER, encode_frame
from shared.wire.messages import MESSAGE_BYTES_MAX, Finish, GapSent, Hello, Pause, encode_message
from tests.unit.services.ingest.connections import a_gap, frame, hello, lost, pcm, say, welcomed

TOO_LONG = "x" * MESSAGE_BYTES_MAX


def with_fields(message: Hello, **changes: Any) -> str:
    return json.dumps(json.loads(encode_message(message)) | changes)


def without(message: Hello, field: str) -> str:
    fields = json.loads(encode_message(message))
    del fields[field]
    return json.dumps(fields)


HELLOS: dict[str, tuple[str, int, str]] = {
    "size before all else": (
        f'{{"version": 9, {TOO_LONG}',
        4413,
        f"a message may have 65536 bytes, this one has {MESSAGE_BYTES_MAX + 15}",
    ),
    "size in bytes, not characters": (
        '"' + "é" * (MESSAGE_BYTES_MAX // 2) + '"',
        4413,
        f"a message may have 65536 bytes, this one has {MESSAGE_BYTES_MAX + 2}",
    ),
    "JSON before version": ('{"type": "hello", "version": 9', 4400, "the message is not JSON"),
    "no text": ("", 4400, "the message is not JSON"),
    "too deep": ('{"a":' * 10_000, 4400, "the message is not JSON"),
    "no object": ("[1]", 4400, "a message is a JSON object with a type"),
    "version before fields": (
        '{"type": "hello", "version": 2}',
        4406,
        "this server speaks version 1 of the protocol",
    ),
    "version 0": (with_fields(hello(), version=0), 4406, "this server speaks version 1 of the protocol"),
    "a version that is no number": (
        with_fields(hello(), version="1"),
        4400,
        "the message is malformed: Expected `int`, got `str` - at `$.version`",
    ),
    "no version": (
        without(hello(), "version"),
        4400,
        "the message is malformed: Object missing required field `version`",
    ),
    "a field missing": (
        without(hello(), "dial"),
        4400,
        "the message is malformed: Object missing required field `dial`",
    ),
    "a fraction": (
        with_fields(hello(), dial=1.5),
        4400,
        "the message is malformed: Expected `int`, got `float` - at `$.dial`",
    ),
    "a boolean for a number": (
        with_fields(hello(), dial=True),
        4400,
        "the message is malformed: Expected `int`, got `bool` - at `$.dial`",
    ),
    "null for a number": (
        with_fields(hello(), dial=None),
        4400,
        "the message is malformed: Expected `int`, got `null` - at `$.dial`",
    ),
    "a number below 0": (
        with_fields(hello(), dial=-1),
        4400,
        "the message is malformed: Expected `int` >= 0 - at `$.dial`",
    ),
    "a number JSON cannot carry": (
        with_fields(hello(), dial=NUMBER_MAX + 1),
        4400,
        f"the message is malformed: Expected `int` <= {NUMBER_MAX} - at `$.dial`",
    ),
    "NaN": (with_fields(hello(), dial=float("nan")), 4400, "the message is not JSON"),
    "no type": ("{}", 4400, "the message is malformed: Object missing required field `type`"),
    "a type not known": (
        '{"type": "mystery"}',
        4400,
        "the message is malformed: value not known - at `$.type`",
    ),
    "a server's type": (
        '{"type": "welcome"}',
        4400,
        "the message is malformed: value not known - at `$.type`",
    ),
}


@pytest.mark.parametrize(("text", "code", "reason"), HELLOS.values(), ids=HELLOS)
def test_a_wrong_hello(text: str, code: int, reason: str) -> None:
    connection = Connection(0)
    assert connection.receive_text(text, 1) == []
    assert connection.closing is not None
    assert (connection.closing.code, connection.closing.reason) == (code, reason)


@pytest.mark.parametrize("field", ["session", "take_id"])
def test_an_id_is_a_lower_case_uuid_and_nothing_of_a_wrong_one_is_said(field: str) -> None:
    for wrong in ("Jane Doe", hello().session.upper(), hello().session + "\n", ""):
        connection = Connection(0)
        connection.receive_text(with_fields(hello(), **{field: wrong}), 1)
        assert connection.closing is not None
        assert connection.closing.code == 4400
        assert f"$.{field}" in connection.closing.reason
        assert "Jane" not in connection.closing.reason


def test_unknown_fields_are_ignored() -> None:
    connection = Connection(0)
    assert len(connection.receive_text(with_fields(hello(), colour="blue"), 1)) == 1
    assert connection.closing is None


def header(kind: int = 1, flags: int = 0, reserved: int = 0, start: int = 0) -> bytes:
    return struct.pack(">BBHQ", kind, flags, reserved, start)


def gap_text(**changes: Any) -> str:
    return json.dumps(json.loads(encode_message(a_gap())) | changes)


LAST = WINDOW_LIVE
TOO_BIG = FRAME_BYTES_MAX + 2

FRAMES: dict[str, tuple[bytes, int, str]] = {
    "size before kind": (
        header(kind=9) + bytes(TOO_BIG - HEADER.size),
        4413,
        f"a frame may have 65536 bytes, this one has {TOO_BIG}",
    ),
    "no header": (
        header()[:-1],
        4400,
        "a frame begins with a header of 12 bytes, this one has 11",
    ),
    "nothing at all": (b"", 4400, "a frame begins with a header of 12 bytes, this one has 0"),
    "kind before order": (
        header(kind=2, start=9_999) + bytes(2),
        4400,
        "frame kind 2 is not known; 1 is PCM",
    ),
    "flags": (header(flags=1) + bytes(2), 4400, "the flags and reserved bits of a frame must be 0"),
    "reserved": (header(reserved=1) + bytes(2), 4400, "the flags and reserved bits of a frame must be 0"),
    "no audio": (header(), 4400, "the frame carries no audio"),
    "half a sample": (
        header() + bytes(3),
        4400,
        "the frame carries an odd number of bytes; samples have two each",
    ),
    "order before credit": (
        header(start=LAST + 5) + bytes(2),
        4509,
        f"audio from sample {LAST + 5}, but 0 is next",
    ),
    "the farthest sample": (
        header(start=2**64 - 1) + bytes(2),
        4509,
        f"audio from sample {2**64 - 1}, but 0 is next",
    ),
}


@pytest.mark.parametrize(("message", "code", "reason"), FRAMES.values(), ids=FRAMES)
def test_a_wrong_frame(message: bytes, code: int, reason: str) -> None:
    connection = welcomed()
    assert connection.receive_bytes(message, 1) == []
    assert connection.closing is not None
    assert (connection.closing.code, connection.closing.reason) == (code, reason)


def test_a_frame_one_sample_beyond_credit_is_refused_whole() -> None:
    connection = welcomed(covered=1_000, window=100)
    assert say(connection, frame(1_000, 1_101)) == []
    assert connection.frontier == 1_000
    assert connection.closing is not None
    assert (connection.closing.code, connection.closing.reason) == (
        4416,
        "audio until sample 1101, but credit ends at 1100",
    )


def test_a_frame_to_the_last_sample_of_credit_is_taken() -> None:
    connection = welcomed(covered=1_000, window=100)
    assert len(say(connection, frame(1_000, 1_100))) == 1
    assert connection.closing is None


def test_the_largest_frame_and_message_are_taken() -> None:
    connection = welcomed()
    whole = encode_frame(0, pcm(0, (FRAME_BYTES_MAX - HEADER.size) // 2))
    assert len(whole) == FRAME_BYTES_MAX
    assert len(say(connection, whole)) == 1
    padded = encode_message(Finish(connection.frontier)).ljust(MESSAGE_BYTES_MAX)
    assert len(connection.receive_text(padded, 1)) == 1


OTHERS: dict[str, tuple[str, int, str]] = {
    "a pause ahead": (encode_message(Pause(1_601)), 4509, "a mark at sample 1601, but 1600 is next"),
    "a finish ahead": (encode_message(Finish(1_601)), 4509, "a mark at sample 1601, but 1600 is next"),
    "a gap ahead": (encode_message(a_gap(1, 1_601)), 4509, "a gap at sample 1601, but 1600 is next"),
    "a gap number left out": (encode_message(a_gap(2, 1_600)), 4509, "gap 2, but 1 is next"),
    "a cause only we may state": (
        gap_text(cause="abandoned"),
        4400,
        "the message is malformed: value not known - at `$.cause`",
    ),
    "a cause nobody knows": (
        gap_text(cause="hiccups of Jane Doe"),
        4400,
        "the message is malformed: value not known - at `$.cause`",
    ),
    "a loss of nothing": (
        encode_message(lost(1, 1_600, 1_600)),
        4400,
        "a gap of cause lost_after_ack cannot be from 1600 until 1600",
    ),
    "a loss backwards": (
        encode_message(lost(1, 1_600, 1_500)),
        4400,
        "a gap of cause lost_after_ack cannot be from 1600 until 1500",
    ),
    "audio that was captured and not lost": (
        gap_text(cause="suspended", start=0, until=1_600),
        4400,
        "a gap of cause suspended cannot be from 0 until 1600",
    ),
    "a fraction of a gap": (
        gap_text(wall_ms=0.5),
        4400,
        "the message is malformed: Expected `int`, got `float` - at `$.wall_ms`",
    ),
    "size": (
        gap_text(padding=TOO_LONG),
        4413,
        f"a message may have 65536 bytes, this one has {len(gap_text(padding=TOO_LONG))}",
    ),
}


@pytest.mark.parametrize(("text", "code", "reason"), OTHERS.values(), ids=OTHERS)
def test_a_wrong_message_between_the_audio(text: str, code: int, reason: str) -> None:
    connection = welcomed()
    say(connection, frame(0, 1_600))
    assert connection.receive_text(text, 1) == []
    assert connection.closing is not None
    assert (connection.closing.code, connection.closing.reason) == (code, reason)


def test_gaps_without_end_are_too_many() -> None:
    connection = welcomed()
    for gap_no in range(1, GAPS_WAITING_MAX + 1):
        assert len(say(connection, a_gap(gap_no))) == 1
    assert say(connection, a_gap(GAPS_WAITING_MAX + 1)) == []
    assert connection.closing is not None
    assert (connection.closing.code, connection.closing.reason) == (
        4413,
        "more than 1024 gaps wait to be stored",
    )


def test_gaps_that_are_stored_make_room_for_others() -> None:
    connection = welcomed()
    for gap_no in range(1, 3 * GAPS_WAITING_MAX):
        say(connection, GapSent(gap_no, "device_lost", 0, 0, 1))
        connection.progress(0, gap_no, WINDOW_LIVE)
    assert connection.closing is None
