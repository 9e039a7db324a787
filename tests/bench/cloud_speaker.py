"""Dictations as a speech vendor would hear them: finals and ends of utterances at the pace of a person who speaks.

`scripted` settles an entry every 250 ms, ten times as often as any real engine, and what follows from an entry does not
grow with their number: commits take several, wake-ups share a handling. So a server that speaks Deepgram's protocol
says the finals here, and everything behind it is what it would be.
"""

import asyncio
import itertools
import uuid
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final as Constant

from client.addresses import parse_address
from client.api import open_api
from client.stream import Recorder, Tools
from client.wanted import Wanted, Watcher
from services.ingest.engines.base import Capabilities, Final, Hypothesis, Through
from shared.domain.entries import Word
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, SessionId, Span, TakeId, samples
from shared.wire.messages import EntrySent, ServerMessage
from tests.providers import deepgram
from tests.providers.session import Setting, start

SPEECH: Constant = Path(__file__).parent.parent / "data" / "speech" / "nat_librivox_sense.wav"
WORDS_PER_S: Constant = 2.3
SAYING: Constant = (
    "the patient reports mild chest pain since yesterday morning without shortness of breath new line"
    " blood pressure is one hundred thirty over eighty and the heart sounds are normal"
).split()


@dataclass(frozen=True, slots=True)
class Shape:
    """How often a final comes, and how many make an utterance."""

    entry_s: float
    entries_per_utterance: int


class Speaker:
    """`engines.base.Engine`: hears a final over every `entry_s` of audio, whatever the audio is."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    @property
    def capabilities(self) -> Capabilities:
        length_ms = round(self._shape.entry_s * 1_000)
        return Capabilities("speaker", True, length_ms, length_ms, 4)

    async def open(self, config: SessionConfig, start: int) -> "_Stream":
        return _Stream(self._shape, start)

    async def check(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to close."""


class _Stream:
    def __init__(self, shape: Shape, start: int) -> None:
        self._length = samples(shape.entry_s)
        self._numbers = itertools.count(1)
        self._per_utterance = shape.entries_per_utterance
        self._begun = self._until = start
        self._words = itertools.cycle(SAYING)
        self._said: asyncio.Queue[Hypothesis | None] = asyncio.Queue()
        """Bounded by the audio of a session that is fed at a microphone's pace."""

    async def feed(self, start: int, pcm: bytes) -> None:
        self._until = start + len(pcm) // BYTES_PER_SAMPLE
        while self._until - self._begun >= self._length:
            self._say(self._begun + self._length)

    async def flush(self, at: int) -> None:
        if at > self._begun:
            self._say(at)
        else:
            self._said.put_nowait(Through(at))

    def _say(self, until: int) -> None:
        span = Span(self._begun, until)
        count = max(1, round(span.length / SAMPLES_PER_SECOND * WORDS_PER_S))
        places = [span.start + span.length * each // count for each in range(count + 1)]
        words = tuple(Word(next(self._words), Span(*each)) for each in itertools.pairwise(places))
        text = " ".join(word.text for word in words)
        ends = next(self._numbers) % self._per_utterance == 0
        self._said.put_nowait(Final(span, text, words, confidence=99, utterance_end=ends))
        self._said.put_nowait(Through(until))
        self._begun = until

    async def heard(self) -> AsyncIterator[Hypothesis]:
        while (each := await self._said.get()) is not None:
            yield each

    async def close(self) -> None:
        self._said.put_nowait(None)


@asynccontextmanager
async def vendor(shape: Shape) -> AsyncIterator[str]:
    """The address of a server that speaks as Deepgram's does, and hears `shape`."""
    server = await start(deepgram.make, deepgram.admit, Setting(Speaker(shape)), 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


class Tally(Watcher):
    """The entries and ends of utterances that one recorder was sent."""

    def __init__(self) -> None:
        self.entries = 0
        self.utterances = 0
        self.began = asyncio.Event()

    def heard(self, message: ServerMessage) -> None:
        if isinstance(message, EntrySent):
            self.entries += 1
            self.utterances += message.utterance_end is True
            self.began.set()


class Dictations:
    """Recorders at a microphone's pace, all of one service, until told to finish."""

    def __init__(self, url: str, count: int) -> None:
        self.sessions = [SessionId(str(uuid.uuid4())) for _ in range(count)]
        self._address = parse_address(url)
        self._tallies = [Tally() for _ in range(count)]
        self._finish = asyncio.Event()

    @property
    def entries(self) -> int:
        return sum(each.entries for each in self._tallies)

    @property
    def utterances(self) -> int:
        return sum(each.utterances for each in self._tallies)

    async def begun(self) -> None:
        """Until each has its first words."""
        for each in self._tallies:
            await each.began.wait()

    def finish(self) -> None:
        self._finish.set()

    async def run(self) -> None:
        """Until all are finished, polished and saved. Raises AssertionError if one is not."""
        pcm = await asyncio.to_thread(_pcm)
        async with asyncio.TaskGroup() as group:
            for session, tally in zip(self.sessions, self._tallies, strict=True):
                group.create_task(self._record(session, tally, pcm))

    async def _record(self, session: SessionId, tally: Tally, pcm: Sequence[bytes]) -> None:
        wanted = Wanted((self._address,), session, speed=1)
        async with open_api() as api:
            recorder = Recorder(wanted, TakeId(str(uuid.uuid4())), Tools(api), tally)
            result = await recorder.run(self._audio(pcm))
        assert result.covered_samples == result.audio_samples, "audio is not covered"
        assert result.draft_state == "saved", "a draft is not saved"

    async def _audio(self, pcm: Sequence[bytes]) -> AsyncIterator[bytes]:
        for chunk in itertools.cycle(pcm):
            if self._finish.is_set():
                return
            yield chunk


def _pcm() -> list[bytes]:
    size = SAMPLES_PER_SECOND // 10
    with wave.open(str(SPEECH)) as file:
        return [file.readframes(size) for _ in range(file.getnframes() // size)]
