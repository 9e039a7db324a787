"""Recordings of any kind, read as 16 kHz mono PCM or refused with a sentence."""

import os
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from client.audio import BLOCK_BYTES, BadAudio, measure, pcm_as_measured, pcm_blocks
from shared.errors import SetupError
from tests.unit.client.recordings import cut_short, tone, write_as, write_silent_film, write_wav

FORMATS = [
    ("a.flac", "flac"),
    ("a.mp3", "libmp3lame"),
    ("a.m4a", "aac"),
    ("a.opus", "libopus"),
    ("a.webm", "libopus"),
    ("a.mkv", "flac"),
    ("a.aiff", "pcm_s16be"),
]


def heard(path: Path) -> bytes:
    return b"".join(pcm_blocks(path))


def test_what_is_16_khz_mono_already_is_taken_as_it_is(tmp_path: Path) -> None:
    assert heard(write_wav(tmp_path / "a.wav", 2.3)) == tone(2.3).tobytes()


def test_blocks_are_of_one_second_and_the_last_is_shorter(tmp_path: Path) -> None:
    sizes = [len(block) for block in pcm_blocks(write_wav(tmp_path / "a.wav", 2.25))]
    assert sizes == [BLOCK_BYTES, BLOCK_BYTES, BLOCK_BYTES // 4]


@pytest.mark.parametrize(("name", "codec"), FORMATS)
def test_other_formats_are_resampled(tmp_path: Path, name: str, codec: str) -> None:
    samples = array("h", heard(write_as(tmp_path / name, codec, 2)))
    assert abs(len(samples) - 32_000) < 1_600
    middle = samples[8_000:24_000]
    crossings = sum((a < 0) != (b < 0) for a, b in pairwise(middle))
    assert abs(crossings - 880) < 20  # 440 Hz passes through nothing twice a wave


def test_two_channels_are_mixed(tmp_path: Path) -> None:
    assert heard(write_wav(tmp_path / "a.wav", 1, channels=2)) == tone(1).tobytes()


def test_a_name_with_a_colon_is_a_file_and_no_address(tmp_path: Path) -> None:
    assert heard(write_wav(tmp_path / "note: 9:30.wav", 0.5)) == tone(0.5).tobytes()


def test_measuring_hears_the_whole_and_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[int] = []
    measured = measure(write_wav(tmp_path / "a.wav", 2.5), told.append)
    assert measured.samples == 40_000
    assert told == [16_000, 32_000, 40_000]


def changed(path: Path, at_s: float) -> Path:
    """The last bit of one sample is another."""
    audio = bytearray(path.read_bytes())
    audio[44 + 2 * round(at_s * 16_000)] ^= 1
    path.write_bytes(audio)
    return path


def test_what_was_measured_is_given_again(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 2.5)
    assert list(pcm_as_measured(path, measure(path))) == list(pcm_blocks(path))


def test_a_file_that_breaks_off_and_is_gone_is_said_as_any_other(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 60)
    (tmp_path / "same.wav").hardlink_to(path)
    blocks = pcm_blocks(path)
    next(blocks)
    os.truncate(tmp_path / "same.wav", 1_000_001)
    path.unlink()
    with pytest.raises(BadAudio, match=r"a\.wav"):
        list(blocks)


@pytest.mark.parametrize(("at_s", "given"), [(0, 0), (1.9, 1), (2.4, 2)])
def test_of_a_file_that_changed_nothing_is_given_from_there_on(
    tmp_path: Path, at_s: float, given: int
) -> None:
    path = write_wav(tmp_path / "a.wav", 2.5)
    blocks = pcm_as_measured(path, measure(path))
    changed(path, at_s)
    for _ in range(given):
        next(blocks)
    with pytest.raises(BadAudio, match="changed while it was streamed"):
        next(blocks)


@pytest.mark.parametrize(
    ("seconds", "why"), [(3, "changed"), (2.6, "changed"), (2.4, "changed"), (2, "shorter")]
)
def test_a_file_that_grew_or_shrank_is_not_what_was_measured(
    tmp_path: Path, seconds: float, why: str
) -> None:
    path = write_wav(tmp_path / "a.wav", 2.5)
    measured = measure(path)
    blocks = pcm_as_measured(write_wav(path, seconds), measured)
    assert len([next(blocks), next(blocks)]) == 2
    with pytest.raises(BadAudio, match=f"{why}.* while it was streamed"):
        next(blocks)


def test_the_digest_is_that_of_the_audio_not_of_the_file(tmp_path: Path) -> None:
    wav, flac = write_wav(tmp_path / "a.wav", 1, 48_000, 2), write_as(tmp_path / "a.flac", "flac", 1)
    assert measure(wav).digest == measure(flac).digest
    assert measure(wav).digest != measure(write_wav(tmp_path / "b.wav", 1.1, 48_000, 2)).digest


@pytest.mark.parametrize(("name", "codec"), [each for each in FORMATS if each[0] not in ("a.mp3", "a.opus")])
def test_what_was_cut_short_is_refused(tmp_path: Path, name: str, codec: str) -> None:
    """Of MPEG and Ogg streams nobody can tell: they say nowhere how long they are."""
    path = cut_short(write_as(tmp_path / name, codec, 5), 0.6)
    with pytest.raises(BadAudio, match="ends too early|is damaged"):
        measure(path)


def test_a_wav_file_that_holds_less_than_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="ends too early, after 3 s; copy it again, or try: ffmpeg"):
        measure(cut_short(write_wav(tmp_path / "a.wav", 5), 0.6))


@pytest.mark.parametrize("length", [0xFFFF_FFFF, 0x7FFF_FFFF, 0])
def test_a_wav_file_that_was_written_to_a_pipe_is_whole(tmp_path: Path, length: int) -> None:
    path = write_wav(tmp_path / "a.wav", 1)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = length.to_bytes(4, "little")
    path.write_bytes(content)
    assert measure(path).samples == 16_000


def test_a_wav_file_may_have_other_chunks_before_its_audio(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 2)
    content = path.read_bytes()
    at = content.index(b"data")
    path.write_bytes(cut(content[:at] + b"JUNK\x03\x00\x00\x00abc\x00" + content[at:]))
    with pytest.raises(BadAudio, match="ends too early"):
        measure(path)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="has no sound track; choose a recording"):
        measure(write_silent_film(tmp_path / "a.mp4"))


def test_audio_of_no_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="holds no audio"):
        measure(write_wav(tmp_path / "a.wav", 0))


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("not audio at all\n" * 100)
    with pytest.raises(BadAudio, match="is no audio that can be read"):
        measure(tmp_path / "a.wav")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(BadAudio, match="is empty"):
        measure(tmp_path / "a.wav")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="there is no file"):
        measure(tmp_path / "a.wav")


def test_a_directory_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(BadAudio, match="is not a file; save the audio as one first"):
            measure(path)


def test_a_path_that_leads_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(BadAudio, match="cannot read"):
        measure(tmp_path / "a" / "b.wav")


def test_all_of_these_are_for_the_person_to_put_right() -> None:
    assert issubclass(BadAudio, SetupError)


def test_letting_go_half_way_closes_the_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 3)
    before = len(os.listdir("/proc/self/fd"))
    audio = pcm_blocks(path)
    next(audio)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    audio.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_read_further_than_asked(tmp_path: Path) -> None:
    audio = pcm_blocks(write_wav(tmp_path / "a.wav", 30))
    assert next(audio) + next(audio) == tone(2).tobytes()
    audio.close()
