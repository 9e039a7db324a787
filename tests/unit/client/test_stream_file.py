"""The recorder as a library: a file, a server, and what came of it."""

from pathlib import Path

import pytest

from client.addresses import parse_address
from client.audio import BadAudio
from client.result import Outcome
from client.stream import stream_file
from client.take_ids import take_id_of
from client.wanted import Wanted
from tests.unit.client.cli.service import hear_words, serving
from tests.unit.client.doubles import SESSION, Seen
from tests.unit.client.recordings import write_wav


async def test_a_file_is_streamed_and_told(tmp_path: Path) -> None:
    seen = Seen()
    with serving(hear_words) as service:
        wanted = Wanted((parse_address(service.url),), SESSION)
        result = await stream_file(write_wav(tmp_path / "a.wav", 1), wanted, seen)
    assert (result.outcome, result.text, result.audio_samples) == (Outcome.FINISHED, "made up words", 16_000)
    assert seen.messages
    assert seen.troubles == []


async def test_the_same_file_is_the_same_take(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", 1)
    with serving(hear_words) as service:
        wanted = Wanted((parse_address(service.url),), SESSION)
        takes = {(await stream_file(path, wanted)).take_id for _ in range(2)}
    assert len(takes) == 1
    assert takes != {take_id_of(SESSION, b"")}


async def test_a_bad_file_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    with serving() as service:
        with pytest.raises(BadAudio):
            await stream_file(tmp_path / "none.wav", Wanted((parse_address(service.url),), SESSION))
    assert service.requests == []
