"""Audio files as 16 kHz mono PCM: whatever ffmpeg's libraries read, resampled in this process, a second at a time."""

import hashlib
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND
from shared.errors import SetupError

BLOCK_BYTES: Final = SAMPLES_PER_SECOND * BYTES_PER_SAMPLE
"""What is decoded at a time: a file of any length needs this much memory, and its decoder's own."""

CHECK_BYTES: Final = 8

MISSING_SECONDS_MAX: Final = 1.0
"""Encoders pad, and headers round. What lacks more than this of its own declared length was cut off."""

# MPEG streams declare no length; what ffmpeg says about theirs is an estimate, and proves nothing.
_DECLARING: Final = frozenset({"aiff", "flac", "matroska", "mov", "wav"})

_WAV_LENGTH_UNKNOWN: Final = 0x7FFF_0000
"""Programs that write a WAV file to a pipe cannot know its length, and put a number this high, or 0."""


class BadAudio(SetupError):
    """The file cannot be streamed as it is: the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A whole file, heard once: how long it is, and what tells it from every other."""

    samples: int
    digest: bytes
    checks: bytes = field(repr=False)
    """Of each block, `CHECK_BYTES`: some 30 kB for an hour."""


def measure(path: Path, progress: Callable[[int], None] = lambda samples: None) -> Measured:
    """Decode the whole file and keep none of it. `progress` is told the samples so far. Blocks.

    Raises BadAudio, so that a file which cannot be read to its end is refused before its first word is streamed.
    """
    hashed, samples, checks = hashlib.sha256(), 0, bytearray()
    for block in pcm_blocks(path):
        hashed.update(block)
        checks += _check_of(block)
        samples += len(block) // BYTES_PER_SAMPLE
        progress(samples)
    if samples == 0:
        raise BadAudio(f"{path} holds no audio: its sound track is empty")
    return Measured(samples, hashed.digest(), bytes(checks))


def pcm_as_measured(path: Path, measured: Measured) -> Generator[bytes, None, None]:
    """As `pcm_blocks`, for as long as the file holds what was measured. Blocks between blocks.

    A take is named after its audio: once the file is another, its words must not go where those of the first are.

    Raises BadAudio in the place of the first block that is not as it was. Close the generator to let go of the file.
    """
    given = 0
    with closing(pcm_blocks(path)) as blocks:
        for block in blocks:
            if _check_of(block) != measured.checks[given : given + CHECK_BYTES]:
                raise BadAudio(f"{path} changed while it was streamed")
            given += CHECK_BYTES
            yield block
    if given < len(measured.checks):
        raise BadAudio(f"{path} became shorter while it was streamed")


def _check_of(block: bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=CHECK_BYTES).digest()


def pcm_blocks(path: Path) -> Generator[bytes, None, None]:
    """The file's audio as s16le blocks of one second, the last one shorter. Blocks between blocks.

    Raises BadAudio, at the place where the file turns out to be unusable. Close the generator to let go of the file.
    """
    _check_file(path)
    try:
        # Without the protocol a name with a colon in it would be taken for an address.
        with av.open(f"file:{path}") as container:
            yield from _blocks(_decoded(container, path))
    except (av.error.FFmpegError, OSError) as error:
        raise BadAudio(_why_not(path, error)) from None
    except ValueError:
        # The resampler, about a file whose sound changes its shape half-way.
        raise BadAudio(f"the sound of {path} changes its format half-way; {_convert(path)}") from None


def _check_file(path: Path) -> None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise BadAudio(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise BadAudio(f"cannot read {path}: {reason}") from None
    if not stat.S_ISREG(found.st_mode):
        # A pipe could be heard only once, and the first time goes into telling what it is.
        raise BadAudio(f"{path} is not a file; save the audio as one first")
    if found.st_size == 0:
        raise BadAudio(f"{path} is empty")


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= BLOCK_BYTES:
            yield bytes(waiting[:BLOCK_BYTES])
            del waiting[:BLOCK_BYTES]
    if waiting:
        yield bytes(waiting)


def _decoded(container: InputContainer, path: Path) -> Iterator[bytes]:
    if not container.streams.audio:
        raise BadAudio(f"{path} has no sound track; choose a recording")
    stream = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLES_PER_SECOND)
    samples = 0
    is_cut = False
    for packet in container.demux(stream):
        is_cut = is_cut or packet.is_corrupt
        for frame in packet.decode():
            for resampled in resampler.resample(frame):
                samples += resampled.samples
                yield _pcm(resampled)
    for resampled in resampler.resample(None):
        samples += resampled.samples
        yield _pcm(resampled)
    _check_whole(path, container, stream, samples / SAMPLES_PER_SECOND, is_cut)


def _pcm(frame: av.AudioFrame) -> bytes:
    # A plane is padded to what processors like; the samples are its beginning.
    return bytes(memoryview(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE])


def _check_whole(
    path: Path, container: InputContainer, stream: AudioStream, seconds: float, is_cut: bool
) -> None:
    kind = container.format.name.partition(",")[0]
    if kind == "wav":
        # ffmpeg believes the end of the file, not the header: it has to be looked at here.
        is_cut = is_cut and _wav_says_more(path)
    declared = _declared_seconds(container, stream) if kind in _DECLARING else None
    if is_cut or (declared is not None and declared - seconds > MISSING_SECONDS_MAX):
        told = f" of the {declared:.0f} s it should have" if declared and declared - seconds > 1 else ""
        raise BadAudio(
            f"{path} ends too early, after {seconds:.0f} s{told}; copy it again, or {_convert(path)}"
        )


def _declared_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # The container's length may be that of a picture that goes on in silence.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / 1_000_000
    return None


def _wav_says_more(path: Path) -> bool:
    """Whether the header of a WAV file declares more audio than follows."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(4) != b"RIFF":
            return False
        file.seek(12)
        while (header := _chunk(file)) is not None:
            name, length = header
            if name == b"data":
                return 0 < length < _WAV_LENGTH_UNKNOWN and file.tell() + length > size
            file.seek(length + length % 2, os.SEEK_CUR)
    return False


def _chunk(file: IO[bytes]) -> tuple[bytes, int] | None:
    head = file.read(8)
    return (head[:4], int.from_bytes(head[4:], "little")) if len(head) == 8 else None


def _why_not(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"cannot read {path}: others may, you may not; make it yours to read"
    return f"{path} is no audio that can be read, or it is damaged; {_convert(path)}"


def _convert(path: Path) -> str:
    return f'try: ffmpeg -i "{path}" whole.wav'
