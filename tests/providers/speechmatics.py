"""Speechmatics' real-time transcription as its clients see it: `/v2`, every message, limit and failure."""

import asyncio
import json
import uuid
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from shared.domain.entries import Word
from shared.domain.values import SAMPLES_PER_SECOND
from tests.providers.recogniser import Heard, Quiet
from tests.providers.session import Session, Setting, Violation, refusal

CONFIG: Final = frozenset(
    "language model output_locale additional_vocab domain max_delay max_delay_mode enable_partials conversation_config"
    " enable_entities diarization punctuation_overrides audio_filtering_config transcript_filtering_config".split()
)
MEDICAL: Final = frozenset("en es fr de nl da fi no sv".split())
CLOSES: Final = {
    "not_authorised": 4001,
    "not_allowed": 4003,
    "invalid_model": 4004,
    "invalid_config": 4004,
    "quota_exceeded": 4005,
    "timelimit_exceeded": 4006,
    "job_error": 4013,
    "internal_error": 1011,
    "protocol_error": 1003,
    "idle_timeout": 1008,
}


def admit(connection: ServerConnection, request: Request, setting: Setting) -> Response | None:
    status = setting.faults.status or _status(request, setting)
    return None if status is None else refusal(connection, status, {}, {"code": status, "error": "refused"})


def _status(request: Request, setting: Setting) -> int | None:
    parts = urlsplit(request.path)
    given = parse_qs(parts.query)
    if parts.path not in ("/v2", "/v2/"):
        setting.violations.append(f"path {parts.path}")
        return 404
    if unknown := given.keys() - {"sm-sdk", "jwt"}:
        setting.violations.append(f"unknown parameter {sorted(unknown)[0]}")
        return 400
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = given.get("jwt", [key])[0]
    bad = scheme != "Bearer" or key in ("", "None") or (setting.key and key != setting.key)
    return 401 if bad else None


class SpeechmaticsSession(Session):
    idle_s_max = 3_600.0

    def __init__(self, connection: ServerConnection, setting: Setting) -> None:
        super().__init__(connection, setting)
        self.started = False
        self.frames = 0
        self.final_until = 0
        self.partial_at = 0
        self.partials = False
        self.forced = False

    async def text(self, message: str) -> bool:
        try:
            asked = json.loads(message)
            kind = asked["message"]
        except (ValueError, TypeError, KeyError):
            return await self.fail("protocol_error")
        self.setting.texts.append(asked)
        match kind:
            case "StartRecognition" if not self.started:
                return await self._start(asked)
            case "ForceEndOfUtterance" if self.started:
                await self._force()
            case "EndOfStream" if self.started:
                return await self._end(asked)
            case _:
                await self.fail("protocol_error")
                raise Violation("a text message that may not come now")
        return True

    async def _start(self, asked: dict[str, Any]) -> bool:
        for fault, kind in (("quota-at-start", "quota_exceeded"), ("auth-at-start", "not_authorised"),
                            ("config-at-start", "invalid_config")):  # fmt: skip
            if fault in self.faults:
                return await self.fail(kind)
        if problem := _problem(asked):
            self.setting.violations.append(problem)
            return await self.fail("invalid_config")
        if "slow-start" in self.faults:
            # Not luck: the service takes this long to read a dictionary it has not seen.
            await asyncio.wait([asyncio.create_task(self.connection.wait_closed())],
                               timeout=self.faults.seconds("slow-start"))  # fmt: skip
        self.partials = bool(asked["transcription_config"].get("enable_partials"))
        self.started = True
        self.tell({
            "message": "Info", "type": "concurrent_session_usage", "usage": 1, "quota": 2,
            "reason": "1 concurrent sessions active out of quota 2", "last_updated": "2026-11-25T08:45:31Z",
        })  # fmt: skip
        self.tell({
            "message": "RecognitionStarted", "id": str(uuid.uuid4()), "orchestrator_version": "2026.11.07+14.7.0",
            "language_pack_info": {
                "adapted": False, "itn": True, "language_description": "English", "word_delimiter": " ",
                "writing_direction": "left-to-right",
            },
        })  # fmt: skip
        self.tell(
            {"message": "Info", "type": "recognition_quality", "reason": "good", "quality": "broadcast"}
        )
        return True

    async def audio(self, pcm: bytes) -> bool:
        if not self.started:
            await self.fail("protocol_error")
            raise Violation("audio before StartRecognition")
        if not pcm:
            raise Violation("an empty frame")
        self.alive_at = self.loop.time()
        self.frames += 1
        await self.recogniser.hear(pcm)
        if "never-ack" not in self.faults:
            self.tell({"message": "AudioAdded", "seq_no": self.frames})
        if self.faults.happens("error-at", self.heard_s):
            return await self.fail("job_error")
        return True

    async def _force(self) -> None:
        if "no-finalise-reply" in self.faults:
            return
        self.forced = True
        if "early-mark" in self.faults:
            self._utterance_end(self.heard_s - 0.5)
        await self.recogniser.finalise()
        self._utterance_end(self.heard_s)
        self.forced = False

    async def _end(self, asked: dict[str, Any]) -> bool:
        if asked.get("last_seq_no") != self.frames:
            raise Violation(f"EndOfStream after {asked.get('last_seq_no')} frames of {self.frames}")
        await self.end()
        return False

    async def end(self) -> None:
        await self.recogniser.finalise()
        self.tell({"message": "EndOfTranscript"})

    def said(self, heard: Heard | Quiet) -> None:
        if "no-transcripts" in self.faults:
            return
        match heard:
            case Heard(final=False, words=words):
                self._partial(words)
            case Heard(words=words):
                if self.faults.happens("bad-message-at", self.heard_s):
                    self.tell({"message": "AddTranscript", "results": 7})
                    return
                forced = self.forced and heard.utterance_end
                said = () if "deaf" in self.faults else words
                self._transcript("AddTranscript", said, heard.span.until, forced=forced)
                if heard.utterance_end and not self.forced:
                    self._utterance_end(heard.span.until / SAMPLES_PER_SECOND)
            case Quiet():
                # The service says nothing about silence.
                pass

    def _partial(self, words: tuple[Word, ...]) -> None:
        due_at = self.partial_at + self.setting.interim_every_s * SAMPLES_PER_SECOND / 2
        if self.partials and "no-partials" not in self.faults and self.recogniser.heard_until >= due_at:
            self.partial_at = self.recogniser.heard_until
            self._transcript("AddPartialTranscript", words, self.recogniser.heard_until)

    def _transcript(self, kind: str, words: tuple[Word, ...], until: int, *, forced: bool = False) -> None:
        start = words[0].span.start if words else self.final_until
        if kind == "AddTranscript":
            # What is heard after it is worth saying at once, however much audio has come meanwhile.
            self.final_until = self.partial_at = until
        message: dict[str, Any] = {
            "message": kind, "format": "2.9",
            "metadata": {
                "start_time": start / SAMPLES_PER_SECOND, "end_time": until / SAMPLES_PER_SECOND,
                "transcript": "".join(f"{word.text} " for word in words),
            },
            "results": [result for word in words for result in _results(word)],
        }  # fmt: skip
        if forced:
            message["forced"] = True
        self.tell(message)

    def _utterance_end(self, at_s: float) -> None:
        forced = {"forced": True} if self.forced else {}
        self.tell({"message": "EndOfUtterance", "metadata": {"start_time": at_s, "end_time": at_s}, **forced})

    async def fail(self, kind: str) -> bool:
        """An error, which ends the session."""
        code = CLOSES[kind]
        self.tell({"message": "Error", "type": kind, "reason": kind.replace("_", " "), "code": code})
        await self.flushed()
        await self.connection.close(code, kind)
        return False

    async def idle(self) -> None:
        await self.fail("idle_timeout")


def _problem(asked: dict[str, Any]) -> str:
    if unknown := asked.keys() - {"message", "audio_format", "transcription_config"}:
        return f"unknown field {sorted(unknown)[0]}"
    if asked.get("audio_format") != {"type": "raw", "encoding": "pcm_s16le", "sample_rate": 16_000}:
        return "only 16 kHz pcm_s16le is understood here"
    config = asked.get("transcription_config", {})
    if unknown := config.keys() - CONFIG:
        return f"unknown option {sorted(unknown)[0]}"
    if config.get("domain") == "medical" and not (
        config.get("model") == "enhanced" and config["language"] in MEDICAL
    ):
        return "no medical domain for this language and model"
    if not 0.7 <= config.get("max_delay", 4) <= 4:
        return "max_delay out of range"
    terms = config.get("additional_vocab", [])
    if len(terms) > 1_000 or any(len(term["content"].split()) > 6 for term in terms):
        return "a vocabulary that is too long"
    return ""


def _results(word: Word) -> list[dict[str, Any]]:
    """The word, and the mark that hangs on it."""
    bare = word.text.rstrip(".,;:?!") or word.text
    start, until = word.span.start / SAMPLES_PER_SECOND, word.span.until / SAMPLES_PER_SECOND
    found: list[dict[str, Any]] = [{
        "type": "word", "start_time": start, "end_time": until,
        "alternatives": [{"content": bare, "confidence": 0.98, "language": "en"}],
    }]  # fmt: skip
    if mark := word.text[len(bare) :]:
        found.append({
            "type": "punctuation", "start_time": until, "end_time": until, "attaches_to": "previous", "is_eos": True,
            "alternatives": [{"content": mark, "confidence": 1.0}],
        })  # fmt: skip
    return found


make = SpeechmaticsSession
