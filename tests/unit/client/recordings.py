"""Audio files made for tests: a tone in any format, so that nothing has to be kept in the repository."""

import math
import wave
from array import array
from pathlib import Path

import av

from shared.domain.values import SAMPLES_PER_SECOND

HERTZ = 440


def tone(seconds: float, rate: int = SAMPLES_PER_SECOND) -> "array[int]":
    return array(
        "h", (round(8_000 * math.sin(2 * math.pi * HERTZ * n / rate)) for n in range(round(seconds * rate)))
    )


def write_wav(path: Path, seconds: float, rate: int = SAMPLES_PER_SECOND, channels: int = 1) -> Path:
    mono = tone(seconds, rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array("h", (sample for sample in mono for _ in range(channels))).tobytes())
    return path


def write_as(path: Path, codec: str, seconds: float, rate: int = 48_000) -> Path:
    """The tone in the container that the name's ending says."""
    source = write_wav(path.with_name(f"{path.stem}-source.wav"), seconds, rate, channels=2)
    with av.open(str(source)) as taken, av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        for frame in taken.decode(audio=0):
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    source.unlink()
    return path


def write_silent_film(path: Path) -> Path:
    """A picture without a sound track."""
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(5):
            made.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        made.mux(stream.encode(None))
    return path


def cut_short(path: Path, share: float) -> Path:
    whole = path.read_bytes()
    path.write_bytes(whole[: round(len(whole) * share)])
    return path
