"""Binary frames of `steno.v1`: a header of twelve bytes, big-endian, then s16le PCM.

u8 kind = 1 | u8 flags = 0 | u16 reserved = 0 | u64 start_sample | PCM
"""

import struct
from dataclasses import dataclass, field

from shared.domain.values import BYTES_PER_SAMPLE
from shared.errors import Refuse, TooMany

FRAME_BYTES_MAX = 65_536
"""Header and PCM together: 2 s of audio. A recorder sends 100 ms at a time."""

HEADER = struct.Struct(">BBHQ")
KIND_PCM = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """Audio from sample `start` of the connection's take."""

    start: int
    pcm: bytes = field(repr=False)

    @property
    def until(self) -> int:
        return self.start + len(self.pcm) // BYTES_PER_SAMPLE


def encode_frame(start: int, pcm: bytes) -> bytes:
    return HEADER.pack(KIND_PCM, 0, 0, start) + pcm


def decode_frame(message: bytes) -> Frame:
    """Raises TooMany (4413) for a frame over FRAME_BYTES_MAX, Refuse (4400) for one that is malformed."""
    if len(message) > FRAME_BYTES_MAX:
        raise TooMany(f"a frame may have {FRAME_BYTES_MAX} bytes, this one has {len(message)}")
    if len(message) < HEADER.size:
        raise Refuse(f"a frame begins with a header of {HEADER.size} bytes, this one has {len(message)}")
    kind, flags, reserved, start = HEADER.unpack_from(message)
    if kind != KIND_PCM:
        raise Refuse(f"frame kind {kind} is not known; 1 is PCM")
    if flags or reserved:
        raise Refuse("the flags and reserved bits of a frame must be 0")
    pcm = message[HEADER.size :]
    if not pcm:
        raise Refuse("the frame carries no audio")
    if len(pcm) % BYTES_PER_SAMPLE:
        raise Refuse("the frame carries an odd number of bytes; samples have two each")
    return Frame(start, pcm)
