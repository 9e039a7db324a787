"""Deepgram's live transcription as its clients see it: `/v1/listen`, every message, limit and failure."""

import json
import uuid
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from shared.domain.entries import Word
from shared.domain.values import SAMPLES_PER_SECOND, Span
from tests.providers.recogniser import Heard, Quiet
from tests.providers.session import Session, Setting, Violation, refusal

SILENT_FINAL_S: Final = 3.0
RATE_MAX: Final = 1.25
BURST_S: Final = 2.0
KEYTERM_TOKENS_MAX: Final = 500

MODELS: Final = frozenset({"nova-3", "nova-3-medical", "nova-3-pharma", "nova-2", "nova-2-medical"})
BOOLS: Final = frozenset(
    "interim_results punctuate smart_format dictation vad_events mip_opt_out numerals profanity_filter diarize multichannel"
    " no_delay filler_words measurements".split()
)
OTHERS: Final = frozenset(
    "model language encoding sample_rate channels endpointing utterance_end_ms keyterm redact tag extra version".split()
)
REFUSED: Final[dict[int, tuple[str, str]]] = {
    400: ("Bad Request", "Bad query parameters."),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: ("ASR_PAYMENT_REQUIRED", "Project does not have enough credits."),
    403: ("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
    429: ("TOO_MANY_REQUESTS", "Too many requests."),
    500: ("INTERNAL_SERVER_ERROR", "Internal error."),
    503: ("SERVICE_UNAVAILABLE", "Try again later."),
}
CLOSE_REASONS: Final = {"close-1008-at": "DATA-0000", "close-1011-at": "NET-0000"}


def admit(connection: ServerConnection, request: Request, setting: Setting) -> Response | None:
    status = setting.faults.status or _status(request, setting)
    if status is None:
        return None
    code, message = REFUSED.get(status, ("ERROR", "Refused."))
    request_id = str(uuid.uuid4())
    return refusal(
        connection,
        status,
        {"dg-error": message, "dg-request-id": request_id},
        {"err_code": code, "err_msg": message, "request_id": request_id},
    )


def _status(request: Request, setting: Setting) -> int | None:
    parts = urlsplit(request.path)
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if parts.path != "/v1/listen":
        setting.violations.append(f"path {parts.path}")
        return 400
    if scheme.lower() not in ("token", "bearer") or not key or (setting.key and key != setting.key):
        return 401
    if scheme.lower() == "bearer" and key.count(".") != 2:
        return 401
    given = parse_qs(parts.query, keep_blank_values=True)
    if problem := _problem(given):
        setting.violations.append(problem)
        return 400
    return None if given["model"][0] in MODELS else 403


def _problem(given: dict[str, list[str]]) -> str:
    one = {name: values[0] for name, values in given.items()}
    if unknown := given.keys() - BOOLS - OTHERS:
        return f"unknown parameter {sorted(unknown)[0]}"
    if wrong := [name for name in BOOLS & one.keys() if one[name] not in ("true", "false")]:
        return f"{wrong[0]} is no boolean"
    if (one.get("encoding"), one.get("sample_rate"), one.get("channels", "1")) != ("linear16", "16000", "1"):
        return "only 16 kHz mono linear16 is understood here"
    if one.get("dictation") == "true" and one.get("punctuate") != "true":
        return "dictation needs punctuate"
    if "utterance_end_ms" in one and one.get("interim_results") != "true":
        return "utterance_end_ms needs interim_results"
    return "" if "model" in one else "no model"


class DeepgramSession(Session):
    idle_s_max = 10.0

    def __init__(self, connection: ServerConnection, setting: Setting) -> None:
        super().__init__(connection, setting)
        assert connection.request is not None
        given = parse_qs(urlsplit(connection.request.path).query)
        self.request_id = str(uuid.uuid4())
        self.final_until = 0
        self.interim_at = self.worded_at = 0
        self.hint: tuple[Word, ...] = ()
        self.speaking = False
        self.interims = given.get("interim_results") == ["true"]
        self.events = given.get("vad_events") == ["true"]
        self.utterance_ends = "utterance_end_ms" in given
        self.model = given["model"][0]

    # --- what comes

    async def audio(self, pcm: bytes) -> bool:
        if not pcm:
            await self.end()
            return False
        if len(pcm) > SAMPLES_PER_SECOND // 4 * 2:
            raise Violation("a frame longer than 250 ms")
        self.alive_at = self.loop.time()
        await self.recogniser.hear(pcm)
        self.check_pace(RATE_MAX, BURST_S)
        if "flood" in self.faults:
            for _ in range(200):
                self._results(self.final_until, self.recogniser.heard_until, self.hint, final=False)
        if self._due(self.interim_at):
            self._interim()
        return True

    async def text(self, message: str) -> bool:
        try:
            asked = json.loads(message)
            kind = asked["type"]
        except (ValueError, TypeError, KeyError):
            kind, asked = "", {}
        self.setting.texts.append(asked)
        match kind:
            case "KeepAlive":
                # Without any audio it does not count.
                if self.recogniser.heard_until:
                    self.alive_at = self.loop.time()
            case "Finalize":
                await self._finalise()
            case "CloseStream":
                await self.end()
                return False
            case "Configure":
                self._configure(asked)
            case _:
                self.tell({
                    "type": "Error", "variant": "SchemaError", "description": "could not parse", "message": message,
                })  # fmt: skip
                raise Violation("a text message of no known type")
        return True

    async def _finalise(self) -> None:
        if "no-finalise-reply" in self.faults:
            return
        await self.recogniser.finalise()
        self._results(self.final_until, self.recogniser.heard_until, (), final=True, from_finalize=True)

    async def end(self) -> None:
        await self.recogniser.finalise()
        if self.final_until < self.recogniser.heard_until:
            self._results(self.final_until, self.recogniser.heard_until, (), final=True)
        self.tell({
            "type": "Metadata", "transaction_key": "deprecated", "request_id": self.request_id, "sha256": "0" * 64,
            "created": "2026-11-25T10:00:00.000Z", "duration": self.heard_s, "channels": 1,
        })  # fmt: skip

    def _configure(self, asked: dict[str, Any]) -> None:
        if unknown := asked.keys() - {"type", "keyterms", "features"}:
            raise Violation(f"Configure with {sorted(unknown)[0]}")
        terms = asked.get("keyterms") or []
        if "silent-vocabulary" in self.faults:
            return
        code = "CONFIGURE_KEYTERMS_NOT_SUPPORTED" if "no-vocabulary" in self.faults else ""
        if sum(1 + len(term) // 4 for term in terms) > KEYTERM_TOKENS_MAX:
            code = "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"
        if code:
            self.tell({
                "type": "ConfigureFailure", "request_id": self.request_id, "code": code, "description": "not taken",
            })  # fmt: skip
        else:
            self.tell({"type": "ConfigureSuccess", "request_id": self.request_id, "keyterms": terms})

    # --- what is said

    def said(self, heard: Heard | Quiet) -> None:
        match heard:
            case Quiet(until=until):
                if until - self.final_until >= SILENT_FINAL_S * SAMPLES_PER_SECOND:
                    self._results(self.final_until, until, (), final=True)
            case Heard(final=False):
                self._started(heard.span)
                self.hint = heard.words
                if self._due(self.worded_at):
                    self.worded_at = self._interim()
            case Heard():
                self._started(heard.span)
                deaf = "deaf" in self.faults
                self._results(
                    self.final_until,
                    heard.span.until,
                    () if deaf else heard.words,
                    final=True,
                    speech_final=heard.utterance_end,
                )
                if heard.utterance_end and self.utterance_ends:
                    last = heard.words[-1].span.until / SAMPLES_PER_SECOND
                    self.tell({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last})
                    self.speaking = False

    def _due(self, last_at: int) -> bool:
        return (
            self.interims
            and self.recogniser.heard_until - last_at >= self.setting.interim_every_s * SAMPLES_PER_SECOND
        )

    def _interim(self) -> int:
        self.interim_at = self.recogniser.heard_until
        self._results(self.final_until, self.interim_at, self.hint, final=False)
        return self.interim_at

    def _started(self, span: Span) -> None:
        if self.events and not self.speaking:
            self.tell({
                "type": "SpeechStarted", "channel": [0, 1], "timestamp": span.start / SAMPLES_PER_SECOND,
            })  # fmt: skip
        self.speaking = True

    def _results(self, start: int, until: int, words: tuple[Word, ...], **marks: bool) -> None:
        final = marks["final"]
        if final:
            self.final_until, self.hint = until, ()
        if self.faults.happens("bad-message-at", self.heard_s):
            self.tell({"type": "Results", "is_final": True})
            return
        self.tell({
            "type": "Results", "channel_index": [0, 1],
            "start": start / SAMPLES_PER_SECOND, "duration": (until - start) / SAMPLES_PER_SECOND,
            "is_final": final, "speech_final": marks.get("speech_final", False),
            "channel": {"alternatives": [{
                "transcript": " ".join(word.text for word in words), "confidence": 0.99 if words else 0.0,
                "words": [_word(word) for word in words],
            }]},
            "metadata": {
                "request_id": self.request_id, "model_uuid": "40bd",
                "model_info": {"name": self.model, "version": "2026-10-07.1", "arch": "nova-3"},
            },
            "from_finalize": marks.get("from_finalize", False),
        })  # fmt: skip

    async def idle(self) -> None:
        await self.connection.close(1011, "NET-0001")

    def reason(self, fault: str) -> str:
        return CLOSE_REASONS.get(fault, "")


def _word(word: Word) -> dict[str, Any]:
    return {
        "word": word.text.strip(".,;:?!").lower(),
        "start": word.span.start / SAMPLES_PER_SECOND,
        "end": word.span.until / SAMPLES_PER_SECOND,
        "confidence": 0.99,
        "punctuated_word": word.text,
    }


make = DeepgramSession
