"""Stage 6 of 13. One connection to Deepgram: what its messages, refusals and closes mean, in one table each."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec
from deepgram.listen.v1.socket_client import AsyncV1SocketClient
from deepgram.listen.v1.types.listen_v1configure import ListenV1Configure
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.ingest.engines.remote_failures import Kind, VendorFailure, Verdict
from services.ingest.engines.remote_wire import (
    WHOLE,
    Ended,
    Fact,
    Finalised,
    Finished,
    Interim,
    Said,
)
from shared.domain.values import samples

VENDOR: Final = "Deepgram"

HTTP: Final[dict[int, Verdict]] = {
    400: Verdict(Kind.CONFIG, None),
    401: Verdict(Kind.AUTH, None),
    402: Verdict(Kind.QUOTA, None),
    # A model that is misspelt, or not part of the contract.
    403: Verdict(Kind.CONFIG, None),
    429: Verdict(Kind.QUOTA, 5_000),
}
CLOSED: Final[dict[str, Verdict]] = {
    "DATA-0000": Verdict(Kind.CONFIG, None),
    "NET-0000": Verdict(Kind.SERVER),
    "NET-0001": Verdict(Kind.IDLE),
}
"""By the word that the reason of a close begins with; every other close is a cut connection."""


class _Word(msgspec.Struct):
    word: str
    start: float
    end: float
    punctuated_word: str | None = None


class _Alternative(msgspec.Struct):
    transcript: str
    confidence: float = 0.0
    words: list[_Word] = []


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative]


class _Results(msgspec.Struct):
    start: float
    duration: float
    is_final: bool
    channel: _Channel
    speech_final: bool = False
    from_finalize: bool = False


class _Head(msgspec.Struct):
    type: str = ""
    duration: float = 0.0
    code: str = ""


_head = msgspec.json.Decoder(_Head)
_results = msgspec.json.Decoder(_Results)
_MARK: Final = re.compile(r"<((?:\\n|\n)+)>")


def refused(error: InvalidStatus) -> VendorFailure:
    status = error.response.status_code
    verdict = HTTP.get(status, Verdict(Kind.SERVER if status >= 500 else Kind.PROTOCOL))
    return VendorFailure(VENDOR, verdict, f"HTTP {status}")


@dataclass(slots=True)
class _Progress:
    sent: int = 0
    processed: int = 0


class DeepgramWire:
    lead_in = samples(0.02)
    """A connection that has heard nothing but keep-alives is closed all the same."""

    def __init__(
        self, client: AsyncV1SocketClient, connection: ClientConnection, opened: AsyncExitStack
    ) -> None:
        self._client = client
        self._connection = connection
        self._opened = opened
        self._progress = _Progress()

    @property
    def processed(self) -> int:
        return self._progress.processed

    @property
    def quiet_until(self) -> int:
        # Silence comes as empty finals.
        return 0

    async def ready(self) -> None:
        """The pace is all it asks for."""

    async def configure(self, terms: list[str]) -> str:
        """The vendor's code where it refuses; nothing else is said before audio."""
        with self._lost_if_closed():
            await self._client.send_configure(ListenV1Configure(type="Configure", keyterms=terms))
            while True:
                head = _read_head(await self._client.recv())
                if head.type in ("ConfigureSuccess", "ConfigureFailure"):
                    return head.code

    async def audio(self, pcm: bytes) -> None:
        self._progress.sent += len(pcm) // 2
        with self._lost_if_closed():
            await self._client.send_media(pcm)

    async def finalise(self) -> None:
        with self._lost_if_closed():
            await self._client.send_finalize()

    async def end(self) -> None:
        with self._lost_if_closed():
            await self._client.send_close_stream()

    async def keep_alive(self) -> None:
        with self._lost_if_closed():
            await self._client.send_keep_alive()

    async def facts(self) -> AsyncIterator[Fact]:
        while True:
            with self._lost_if_closed():
                message = await self._client.recv()
            for fact in self._read(message):
                yield fact
                if isinstance(fact, Ended):
                    return

    def _read(self, message: object) -> list[Fact]:
        head = _read_head(message)
        match head.type:
            case "Results":
                return self._results(message)
            case "Metadata":
                heard_all = samples(head.duration) >= self._progress.sent - WHOLE
                return [Ended()] if heard_all else []
            case "Error":
                raise VendorFailure(VENDOR, Verdict(Kind.PROTOCOL, None), "Error")
        # Those we have no use for, and those that will be invented.
        return []

    def _results(self, message: object) -> list[Fact]:
        try:
            results = _results.decode(message)  # type: ignore[arg-type]  # _read_head saw that it is bytes
            best = results.channel.alternatives[0]
        except (msgspec.MsgspecError, IndexError):
            # Skipped, its words would be missing without a trace.
            raise VendorFailure(VENDOR, Verdict(Kind.PROTOCOL), "Results") from None
        start, until = samples(results.start), samples(results.start + results.duration)
        self._progress.processed = max(self._progress.processed, until)
        text = plain(best.transcript)
        if not results.is_final:
            return [Interim(start, until, text)]
        facts: list[Fact] = [
            Finished(
                until,
                text,
                [_said(word) for word in best.words],
                round(100 * best.confidence) if text else None,
                utterance_end=results.speech_final or results.from_finalize,
            )
        ]
        if results.from_finalize and until >= self._progress.sent - WHOLE:
            facts.append(Finalised())
        return facts

    @contextmanager
    def _lost_if_closed(self) -> Iterator[None]:
        try:
            yield
        except ConnectionClosed:
            raise self._lost() from None

    def _lost(self) -> VendorFailure:
        code = str(self._connection.close_code)
        named = (self._connection.close_reason or "").partition(" ")[0].rstrip(":")
        if named in CLOSED:
            return VendorFailure(VENDOR, CLOSED[named], f"{code} {named}")
        return VendorFailure(VENDOR, Verdict(Kind.TRANSPORT), code)

    async def close(self) -> None:
        await self._opened.aclose()


def _read_head(message: object) -> _Head:
    if not isinstance(message, bytes):
        raise VendorFailure(VENDOR, Verdict(Kind.PROTOCOL), type(message).__name__)
    try:
        return _head.decode(message)
    except msgspec.ValidationError:
        # JSON that is no message, or none that we know.
        return _Head()
    except msgspec.DecodeError:
        raise VendorFailure(VENDOR, Verdict(Kind.PROTOCOL), "not JSON") from None


def _said(word: _Word) -> Said:
    return Said(plain(word.punctuated_word or word.word), samples(word.start), samples(word.end))


def plain(text: str) -> str:
    """Layout that was dictated comes in angle brackets."""
    return _MARK.sub(lambda found: found[1].replace("\\n", "\n"), text).strip(" ")
