"""Binary frames: what is packed is unpacked, and every malformed one has its close code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refuse, TooMany
from shared.wire.frames import FRAME_BYTES_MAX, HEADER, Frame, decode_frame, encode_frame

PCM = b"\x01\x00\xff\x7f"


@given(st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=400).map(lambda half: half + half))
def test_what_is_packed_is_unpacked(start: int, pcm: bytes) -> None:
    frame = decode_frame(encode_frame(start, pcm))
    assert frame == Frame(start, pcm)
    assert frame.until == start + len(pcm) // 2


def test_the_header_is_spelt_as_the_protocol_says() -> None:
    assert encode_frame(0x0102, PCM) == bytes.fromhex("01 00 0000 0000000000000102") + PCM


MALFORMED = {
    "nothing": (b"", "header"),
    "half a header": (encode_frame(0, PCM)[:11], "header"),
    "no audio": (HEADER.pack(1, 0, 0, 0), "no audio"),
    "an odd number of bytes": (encode_frame(0, PCM + b"\0"), "odd"),
    "one byte": (encode_frame(0, b"\0"), "odd"),
    "kind 0": (HEADER.pack(0, 0, 0, 0) + PCM, "kind 0"),
    "the kind that is kept for Opus": (HEADER.pack(2, 0, 0, 0) + PCM, "kind 2"),
    "flags": (HEADER.pack(1, 1, 0, 0) + PCM, "flags"),
    "reserved bits": (HEADER.pack(1, 0, 1, 0) + PCM, "reserved"),
    "text": (b'{"type": "hello"}', "kind"),
}


@pytest.mark.parametrize(("message", "says"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_frame_is_refused(message: bytes, says: str) -> None:
    with pytest.raises(Refuse, match=says) as refused:
        decode_frame(message)
    assert refused.value.close_code == 4400


def test_size_is_judged_first() -> None:
    largest = encode_frame(0, b"\0" * (FRAME_BYTES_MAX - HEADER.size))
    assert decode_frame(largest).until == (FRAME_BYTES_MAX - HEADER.size) // 2
    for beyond in (largest + b"\0", b"\0" * (FRAME_BYTES_MAX + 1)):
        with pytest.raises(TooMany) as refused:
            decode_frame(beyond)
        assert refused.value.close_code == 4413


@given(st.binary(max_size=40))
def test_nothing_but_a_refusal_comes_of_anything_else(message: bytes) -> None:
    try:
        frame = decode_frame(message)
    except Refuse:
        return
    assert encode_frame(frame.start, frame.pcm) == message


def test_a_frame_shows_no_audio() -> None:
    assert repr(Frame(7, PCM)) == "Frame(start=7)"
