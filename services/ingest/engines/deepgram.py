"""Stage 6 of 13. The engine at Deepgram, through its SDK, whose messages we parse ourselves: a tenth of its cost."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.socket_client import AsyncV1SocketClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus, WebSocketException

from services.ingest.engines.base import Capabilities
from services.ingest.engines.deepgram_wire import VENDOR, DeepgramWire, refused
from services.ingest.engines.remote import RemoteStream
from services.ingest.engines.remote_failures import Kind, VendorFailure, Verdict
from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.remote_wire import (
    close_within,
    proxy_for,
    quieten,
    tls,
)
from shared.domain.session import SessionConfig
from shared.domain.values import SAMPLES_PER_SECOND
from shared.observe import get_logger
from shared.ports import Clock

DEFAULT_URL: Final = "wss://api.deepgram.com"
LIMITS: Final = Limits(rate_max=1.25)

KEYTERM_TOKENS_MAX: Final = 500
KEYTERMS_MAX: Final = 100

log = get_logger("deepgram")


class Transport:
    """The socket under the SDK: without compression, with our deadlines, and handing messages on unparsed."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = url
        self._headers = headers
        self.connection: ClientConnection | None = None
        _made.set(self)

    async def open(self, limits: Limits) -> ClientConnection:
        self.connection = await connect(
            self._url,
            additional_headers=self._headers,
            compression=None,
            proxy=proxy_for(self._url),
            open_timeout=limits.connect_ms / 1_000,
            close_timeout=1,
            ping_interval=limits.ping_ms / 1_000,
            ping_timeout=limits.ping_ms / 1_000,
            max_queue=64,
            ssl=tls() if self._url.startswith("wss:") else None,
        )
        return self.connection

    async def send(self, data: str | bytes) -> None:
        await self._open.send(data)

    async def recv(self) -> bytes:
        return await self._open.recv(decode=False)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield await self._open.recv(decode=False)
        except ConnectionClosedOK:
            return

    async def close(self) -> None:
        if self.connection is not None:
            await close_within(self.connection.close(), self.connection)

    @property
    def _open(self) -> ClientConnection:
        assert self.connection is not None
        return self.connection


_made: ContextVar[Transport] = ContextVar("made")
"""The SDK makes the transport and keeps it to itself; whoever connects finds it here."""


class DeepgramEngine:
    def __init__(self, url: str, key: str, clock: Clock, limits: Limits = LIMITS) -> None:
        self._base = base_url(url)
        self._key = key
        self._clock = clock
        self._limits = limits
        self._client: AsyncDeepgramClient | None = None
        self._http: httpx.AsyncClient | None = None
        self._closed = False
        quieten("deepgram", "httpx")

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="deepgram",
            word_times=True,
            settles_in_ms=3_000,
            utterance_ms_max=18_000,
            streams_max=4,
            ingest_rate_max=self._limits.rate_max,
            age_ms_max=self._limits.age_ms_max,
        )

    async def check(self) -> None:
        """Make what all streams share, before anybody waits for it. Asks nothing of the vendor: that it is away now
        is no reason not to serve when it is back."""
        self._shared()

    def _shared(self) -> AsyncDeepgramClient:
        if self._client is None:
            # The SDK insists on it, and never uses it: a proxy it could not speak to must not stop us.
            self._http = httpx.AsyncClient(verify=tls(), trust_env=False)
            self._client = AsyncDeepgramClient(
                api_key=self._key,
                environment=DeepgramClientEnvironment(
                    base=self._base, production=self._base, agent=self._base, agent_rest=self._base
                ),
                httpx_client=self._http,
                transport_factory=Transport,
            )
        return self._client

    async def open(self, config: SessionConfig, start: int) -> RemoteStream:
        if self._closed:
            raise VendorFailure(VENDOR, Verdict(Kind.CONNECT, None), "closed")
        connecting = self._shared().listen.v1.connect(**query(config))
        try:
            async with asyncio.timeout(self._limits.start_ms / 1_000):
                wire = await _connected(connecting, self._limits)
        except TimeoutError:
            raise VendorFailure(VENDOR, Verdict(Kind.TIMEOUT), "opening") from None
        except VendorFailure as failure:
            log.warning("no stream was opened", kind=failure.kind, code=failure.code)
            raise
        async with AsyncExitStack() as opened:
            opened.push_async_callback(wire.close)
            await _tell_vocabulary(wire, config, self._limits)
            opened.pop_all()
        return RemoteStream(VENDOR, wire, self._limits, self._clock, start)

    async def close(self) -> None:
        self._closed = True
        if self._http is not None:
            await self._http.aclose()


def base_url(url: str) -> str:
    """The address without the path, which the SDK adds; http is how people write ws."""
    parts = urlsplit(url.rstrip("/").removesuffix("/v1/listen"))
    return parts._replace(scheme={"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)).geturl()


def query(config: SessionConfig) -> dict[str, Any]:
    """What a connection is opened with. It is part of an address, so it holds no word that a session brings."""
    english = config.language.partition("-")[0] == "en"
    return {
        "model": "nova-3-medical" if english else "nova-3",
        "language": config.language,
        "encoding": "linear16",
        "sample_rate": SAMPLES_PER_SECOND,
        "channels": 1,
        "interim_results": True,
        "punctuate": True,
        "smart_format": False,
        "dictation": False,
        "endpointing": 300,
        "mip_opt_out": True,
    }


async def _connected(
    connecting: AbstractAsyncContextManager[AsyncV1SocketClient], limits: Limits
) -> DeepgramWire:
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(connecting)
        transport = _made.get()
        try:
            connection = await transport.open(limits)
        except InvalidStatus as error:
            raise refused(error) from None
        except TimeoutError:
            raise VendorFailure(VENDOR, Verdict(Kind.TIMEOUT), "handshake") from None
        except (OSError, WebSocketException, ImportError) as error:
            # The last one: a proxy of a kind that needs a package of its own.
            raise VendorFailure(VENDOR, Verdict(Kind.CONNECT), type(error).__name__) from None
        assert connection.response is not None
        log.info("connected", request=connection.response.headers.get("dg-request-id", ""))
        return DeepgramWire(client, connection, opened.pop_all())


async def _tell_vocabulary(wire: DeepgramWire, config: SessionConfig, limits: Limits) -> None:
    """Before any audio. A stream without it is better than none, and is said in the log."""
    terms = keyterms(config.vocabulary)
    if not terms:
        return
    wanted = len(config.vocabulary)
    if len(terms) < wanted:
        log.warning("the vocabulary is too long", wanted=wanted, told=len(terms))
    try:
        async with asyncio.timeout(limits.send_ms / 1_000):
            code = await wire.configure(terms)
    except TimeoutError:
        code = "no answer"
    if code:
        log.warning("the vocabulary was not taken", told=len(terms), code=code)


def keyterms(vocabulary: Iterable[str]) -> list[str]:
    """As many terms as the vendor takes for certain. It counts tokens; no word has more of them than half its letters,
    rounded up, and one."""
    terms: list[str] = []
    tokens = 0
    for term in dict.fromkeys(each.strip() for each in vocabulary):
        cost = sum(len(word) // 2 + 2 for word in term.split())
        if term and tokens + cost <= KEYTERM_TOKENS_MAX and len(terms) < KEYTERMS_MAX:
            terms.append(term)
            tokens += cost
    return terms
