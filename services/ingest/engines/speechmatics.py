"""Stage 6 of 13. The engine at Speechmatics, through its SDK, whose client says too little: we keep the socket in sight."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import urlsplit

from speechmatics.rt import (
    ConversationConfig,
    Model,
    TranscriptionConfig,
)

from services.ingest.engines.base import Capabilities
from services.ingest.engines.remote import RemoteStream
from services.ingest.engines.remote_failures import Kind, VendorFailure, Verdict
from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.remote_wire import (
    quieten,
    tls,
)
from services.ingest.engines.speechmatics_wire import VENDOR, SpeechmaticsWire
from shared.domain.session import SessionConfig
from shared.observe import get_logger
from shared.ports import Clock

DEFAULT_URL: Final = "wss://eu.rt.speechmatics.com/v2"
LIMITS: Final = Limits(rate_max=2.0, vocabulary_ms=9_000)

MEDICAL: Final = frozenset("en es fr de nl da fi no sv".split())
"""Languages with a medical domain."""

VOCABULARY_MAX: Final = 1_000
VOCABULARY_WORDS_MAX: Final = 6

log = get_logger("speechmatics")


class SpeechmaticsEngine:
    def __init__(self, url: str, key: str, clock: Clock, limits: Limits = LIMITS) -> None:
        self._url = socket_url(url)
        self._key = key
        self._clock = clock
        self._limits = limits
        self._closed = False
        quieten("speechmatics")

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="speechmatics",
            word_times=True,
            settles_in_ms=3_000,
            utterance_ms_max=18_000,
            streams_max=2,
            ingest_rate_max=self._limits.rate_max,
            age_ms_max=self._limits.age_ms_max,
        )

    async def check(self) -> None:
        """Make what all streams share; asks nothing of the vendor, which may be back later."""
        tls()

    async def open(self, config: SessionConfig, start: int) -> RemoteStream:
        if self._closed:
            raise VendorFailure(VENDOR, Verdict(Kind.CONNECT, None), "closed")
        async with AsyncExitStack() as opened:
            wire = SpeechmaticsWire(self._url, self._key, self._limits)
            opened.push_async_callback(wire.close)
            try:
                async with asyncio.timeout(self._limits.opening_ms(bool(config.vocabulary)) / 1_000):
                    await wire.open(transcription(config))
            except TimeoutError:
                raise VendorFailure(VENDOR, Verdict(Kind.TIMEOUT), "opening") from None
            except VendorFailure as error:
                log.warning("no stream was opened", kind=error.kind, code=error.code)
                raise
            opened.pop_all()
        return RemoteStream(VENDOR, wire, self._limits, self._clock, start)

    async def close(self) -> None:
        self._closed = True


def socket_url(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return parts._replace(scheme=scheme, path=parts.path or "/v2").geturl()


def transcription(config: SessionConfig) -> TranscriptionConfig:
    language, _, region = config.language.partition("-")
    return TranscriptionConfig(
        language=language,
        model=Model.ENHANCED,
        output_locale=f"{language}-{region.upper()}" if region else None,
        domain="medical" if language in MEDICAL else None,
        additional_vocab=_vocabulary(config.vocabulary),
        enable_partials=True,
        max_delay=1.0,
        max_delay_mode="flexible",
        conversation_config=ConversationConfig(end_of_utterance_silence_trigger=0.8),
    )


def _vocabulary(given: Iterable[str]) -> list[dict[str, Any]] | None:
    every = [term for term in dict.fromkeys(" ".join(each.split()) for each in given) if term]
    short = [term for term in every if term.count(" ") < VOCABULARY_WORDS_MAX][:VOCABULARY_MAX]
    if len(short) < len(every):
        log.warning("the vocabulary is too long", wanted=len(every), told=len(short))
    return [{"content": term} for term in short] or None
