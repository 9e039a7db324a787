"""Stage 6 of 13. One connection to Speechmatics, through the SDK's client: what its messages, errors and closes mean."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from speechmatics.rt import (
    AudioEncoding,
    AudioFormat,
    ServerMessageType,
    TranscriptionConfig,
    TranscriptionError,
    TransportError,
)
from speechmatics.rt import ConnectionError as RefusedError
from speechmatics.rt import TimeoutError as SlowError
from websockets.exceptions import InvalidStatus

from services.ingest.engines.remote_failures import Kind, VendorFailure, Verdict
from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.remote_wire import (
    WHOLE,
    Ended,
    Fact,
    Finalised,
    Finished,
    Interim,
    Said,
    close_within,
)
from services.ingest.engines.speechmatics_client import Client, Connection
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, samples
from shared.observe import get_logger

VENDOR: Final = "Speechmatics"

UNACKNOWLEDGED_MAX: Final = 100
"""Frames, so 10 s: the vendor reads slowly what comes faster than it was spoken."""

UTTERANCE_S_AFTER: Final = 0.15
"""The mark of an utterance's end follows its last words at once."""

MESSAGES_MAX: Final = 1_000
"""Finals that nobody took: at one a second, more than a quarter of an hour."""

MARKS: Final = 12
"""How finely it is remembered when audio was taken."""

HTTP: Final[dict[int, Verdict]] = {
    400: Verdict(Kind.CONFIG, None),
    401: Verdict(Kind.AUTH, None),
    403: Verdict(Kind.AUTH, None),
    404: Verdict(Kind.CONFIG, None),
    405: Verdict(Kind.CONFIG, None),
    429: Verdict(Kind.QUOTA, 5_000),
}
ERRORS: Final[dict[str, Verdict]] = {
    "not_authorised": Verdict(Kind.AUTH, None),
    "not_allowed": Verdict(Kind.AUTH, None),
    "invalid_model": Verdict(Kind.CONFIG, None),
    "invalid_config": Verdict(Kind.CONFIG, None),
    "invalid_language": Verdict(Kind.CONFIG, None),
    "invalid_audio_type": Verdict(Kind.CONFIG, None),
    "quota_exceeded": Verdict(Kind.QUOTA, 5_000),
    "timelimit_exceeded": Verdict(Kind.QUOTA, None),
    "job_error": Verdict(Kind.SERVER, 5_000),
    "internal_error": Verdict(Kind.SERVER, 5_000),
    "protocol_error": Verdict(Kind.PROTOCOL, None),
    "invalid_message": Verdict(Kind.PROTOCOL, None),
    "idle_timeout": Verdict(Kind.IDLE),
    "session_timeout": Verdict(Kind.ROTATE),
    "unknown_error": Verdict(Kind.SERVER),
}
CLOSED: Final[dict[int, Verdict]] = {
    1003: ERRORS["protocol_error"],
    1008: ERRORS["idle_timeout"],
    1011: Verdict(Kind.SERVER, 5_000),
    4001: ERRORS["not_authorised"],
    4003: ERRORS["not_allowed"],
    4004: ERRORS["invalid_model"],
    4005: ERRORS["quota_exceeded"],
    4006: ERRORS["timelimit_exceeded"],
    4013: ERRORS["job_error"],
}
"""Where no error was said before the close; every other close is a cut connection."""

log = get_logger("speechmatics")


class _Alternative(msgspec.Struct):
    content: str
    confidence: float = 0.0


class _Result(msgspec.Struct):
    type: str
    start_time: float
    end_time: float
    alternatives: list[_Alternative] = []
    attaches_to: str = ""


class _Metadata(msgspec.Struct):
    start_time: float
    end_time: float
    transcript: str = ""


class _Transcript(msgspec.Struct):
    metadata: _Metadata
    results: list[_Result] = []
    forced: bool = False


@dataclass(slots=True)
class _Progress:
    sent: int = 0
    frames: int = 0
    processed: int = 0
    """What was acknowledged."""
    partial: bool = False
    """Words are known that are not final."""


class SpeechmaticsWire:
    lead_in = 0

    def __init__(self, url: str, key: str, limits: Limits) -> None:
        self._settings = Connection(url, limits)
        self._news = asyncio.Event()
        self._client = Client(url, key, self._settings, self._news)
        self._progress = _Progress()
        self._unacknowledged: deque[int] = deque()
        self._messages: deque[dict[str, Any]] = deque()
        """The client goes on reading whether these are taken or not, so at MESSAGES_MAX the stream fails."""
        self._quiet_s = limits.quiet_ms / 1_000
        self._taken: deque[tuple[float, int]] = deque()
        """When, in lively seconds, how much had been taken."""
        self._quiet_until = 0
        self._now_s = asyncio.get_running_loop().time
        self._acknowledged_s = self._now_s()
        """When it last acknowledged anything."""
        self._lively_s = 0.0
        """How long it has been acknowledging: a time that stands still while the service, or the way to it, does."""
        self._error: VendorFailure | None = None
        self._acknowledged = asyncio.Event()

    async def open(self, config: TranscriptionConfig) -> None:
        for kind in (
            ServerMessageType.ADD_TRANSCRIPT,
            ServerMessageType.ADD_PARTIAL_TRANSCRIPT,
            ServerMessageType.END_OF_UTTERANCE,
            ServerMessageType.END_OF_TRANSCRIPT,
        ):
            self._client.on(kind, self._keep)
        self._client.on(ServerMessageType.AUDIO_ADDED, self._on_added)
        self._client.on(ServerMessageType.ERROR, self._on_error)
        try:
            await self._client.start_session(
                transcription_config=config,
                audio_format=AudioFormat(encoding=AudioEncoding.PCM_S16LE, sample_rate=SAMPLES_PER_SECOND),
            )
        except (RefusedError, SlowError, TranscriptionError, TransportError) as error:
            raise self._error or self._not_opened(error) from None
        log.info("connected", request=self._client.request_id)

    def _not_opened(self, error: Exception) -> VendorFailure:
        cause = error.__context__
        if isinstance(cause, InvalidStatus):
            status = cause.response.status_code
            verdict = HTTP.get(status, Verdict(Kind.SERVER if status >= 500 else Kind.PROTOCOL))
            return VendorFailure(VENDOR, verdict, f"HTTP {status}")
        if isinstance(error, SlowError):
            return VendorFailure(VENDOR, Verdict(Kind.TIMEOUT), "handshake")
        if isinstance(error, RefusedError):
            return VendorFailure(VENDOR, Verdict(Kind.CONNECT), type(cause).__name__)
        return self._lost()

    # --- what the SDK's client hands over; it swallows what is raised here

    def _keep(self, message: dict[str, Any]) -> None:
        last = self._messages[-1] if self._messages else None
        if last is not None and last["message"] == "AddPartialTranscript":
            # Whatever comes after a partial takes its place.
            self._messages.pop()
        self._messages.append(message)
        if len(self._messages) > MESSAGES_MAX:
            self._messages.clear()
            self._error = VendorFailure(VENDOR, Verdict(Kind.TRANSPORT), "not taken")
        self._news.set()

    def _on_added(self, message: dict[str, Any]) -> None:
        if self._unacknowledged:
            self._progress.processed += self._unacknowledged.popleft()
        now_s = self._now_s()
        self._lively_s += min(now_s - self._acknowledged_s, self._quiet_s / MARKS)
        self._acknowledged_s = now_s
        if not self._taken or self._lively_s - self._taken[-1][0] >= self._quiet_s / MARKS:
            self._taken.append((self._lively_s, self._progress.processed))
        self._acknowledged.set()

    def _on_error(self, message: dict[str, Any]) -> None:
        kind = str(message.get("type", ""))
        verdict = ERRORS.get(kind, ERRORS["unknown_error"])
        self._error = VendorFailure(VENDOR, verdict, kind if kind in ERRORS else "unknown")
        self._news.set()

    # --- what it is asked

    @property
    def processed(self) -> int:
        return self._progress.processed

    @property
    def quiet_until(self) -> int:
        # Partial words come within half a second of their audio and finals within `max_delay`. It is the time since then
        # that counts: audio that was taken faster than it was spoken may be heard much later. And only time in which
        # acknowledgements came: what was said before them has come too, while words may be stuck on a way that is.
        while self._taken and self._lively_s - self._taken[0][0] >= self._quiet_s:
            self._quiet_until = self._taken.popleft()[1]
        # Words that nobody has taken yet are words all the same.
        return 0 if self._progress.partial or self._messages else self._quiet_until

    async def ready(self) -> None:
        while len(self._unacknowledged) >= UNACKNOWLEDGED_MAX:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def audio(self, pcm: bytes) -> None:
        length = len(pcm) // BYTES_PER_SAMPLE
        self._unacknowledged.append(length)
        self._progress.sent += length
        self._progress.frames += 1
        with self._lost_if_closed():
            await self._client.send_audio(pcm)

    async def finalise(self) -> None:
        with self._lost_if_closed():
            await self._client.force_end_of_utterance()

    async def end(self) -> None:
        # The SDK's own way counts acknowledged frames for sent ones, and waits for ever.
        with self._lost_if_closed():
            await self._client.send_message({"message": "EndOfStream", "last_seq_no": self._progress.frames})

    async def keep_alive(self) -> None:
        """The socket's own pings do."""

    # --- what it says

    async def facts(self) -> AsyncIterator[Fact]:
        held: Finished | None = None
        while True:
            message = await self._next(UTTERANCE_S_AFTER if held else None)
            try:
                facts = self._read(message) if message is not None else []
            except (msgspec.ValidationError, KeyError, TypeError):
                raise VendorFailure(VENDOR, Verdict(Kind.PROTOCOL), "transcript") from None
            if held is not None:
                if (
                    message is not None
                    and message["message"] == "EndOfUtterance"
                    and not message.get("forced")
                ):
                    held = _ending(held)
                yield held
                held = None
            for fact in facts:
                if isinstance(fact, Finished) and fact.text and not fact.utterance_end:
                    held = fact
                else:
                    yield fact
                if isinstance(fact, Ended):
                    return

    async def _next(self, wait_s: float | None) -> dict[str, Any] | None:
        """The next message; None when none came in time."""
        try:
            async with asyncio.timeout(wait_s):
                while not self._messages:
                    if self._error is not None:
                        raise self._error
                    if self._client.is_deaf:
                        raise self._lost()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        return self._messages.popleft()

    def _read(self, message: dict[str, Any]) -> list[Fact]:
        progress = self._progress
        match message["message"]:
            case "EndOfTranscript":
                return [Ended()]
            case "EndOfUtterance":
                until = samples(message["metadata"]["end_time"])
                if not message.get("forced"):
                    return [Finished(until)]
                # A mark that falls short leaves words unsaid, and who knows from where on: then the stream is ended,
                # which says them.
                return [Finished(until), Finalised()] if until >= progress.sent - WHOLE else []
            case "AddPartialTranscript":
                transcript = msgspec.convert(message, _Transcript)
                text = transcript.metadata.transcript.strip()
                progress.partial = bool(text)
                return [_interim(transcript, text)]
        transcript = msgspec.convert(message, _Transcript)
        progress.partial = False
        return [_finished(transcript)]

    # --- how it ends

    @contextmanager
    def _lost_if_closed(self) -> Iterator[None]:
        try:
            yield
        except TransportError:
            raise self._lost() from None

    def _lost(self) -> VendorFailure:
        if self._error is not None:
            return self._error
        code = self._settings.made.close_code if self._settings.made is not None else None
        return VendorFailure(VENDOR, CLOSED.get(code or 0, Verdict(Kind.TRANSPORT)), str(code))

    async def close(self) -> None:
        await close_within(self._client.close(), self._settings.made)


def _interim(transcript: _Transcript, text: str) -> Interim:
    return Interim(samples(transcript.metadata.start_time), samples(transcript.metadata.end_time), text)


def _ending(finished: Finished) -> Finished:
    return Finished(finished.until, finished.text, finished.words, finished.confidence, utterance_end=True)


def _finished(transcript: _Transcript) -> Finished:
    words: list[Said] = []
    sure: list[float] = []
    for result in transcript.results:
        if not result.alternatives:
            continue
        best = result.alternatives[0]
        if result.type == "punctuation" and words:
            words[-1] = Said(words[-1].text + best.content, words[-1].start, words[-1].until)
        elif result.type != "punctuation":
            words.append(Said(best.content, samples(result.start_time), samples(result.end_time)))
            sure.append(best.confidence)
    return Finished(
        samples(transcript.metadata.end_time),
        transcript.metadata.transcript.strip(" "),
        words,
        round(100 * sum(sure) / len(sure)) if sure else None,
        utterance_end=transcript.forced,
    )
