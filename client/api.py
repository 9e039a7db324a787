"""The HTTP calls of a recorder and of `steno sessions`; every failure is one of our own errors, with a sentence."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal, TypeVar

import httpx
import msgspec
from msgspec import Struct

from client.addresses import Address
from shared.domain.values import SessionId
from shared.errors import (
    Busy,
    DictationError,
    NotFound,
    NotYours,
    Refuse,
    Retry,
    SessionDeleted,
    SignInNeeded,
    TooMany,
)

ANSWER_MS_MAX: Final = 10_000
ANSWER_BYTES_MAX: Final = 64 << 20
"""Far above an export of many hours; a server that sends more is not ours."""

SENTENCE_CHARACTERS_MAX: Final = 300

ExportFormat = Literal["txt", "json", "md"]
T = TypeVar("T")


class TicketGranted(Struct, frozen=True):
    token: str
    expires_in_ms: int

    def __repr__(self) -> str:
        return f"TicketGranted(expires_in_ms={self.expires_in_ms})"


class SessionSummary(Struct, frozen=True):
    """As `GET /v1/sessions` tells it. The label is the person's own words."""

    id: str
    label: str
    state: str
    created_at_ms: int
    covered_ms: int
    undelivered_ms: int
    takes: int


class _Page(Struct, frozen=True):
    sessions: list[SessionSummary]


class _Said(Struct, frozen=True):
    message: Annotated[str, msgspec.Meta(min_length=1)]


class Taken(Refuse):
    http_status = 409
    error = "taken"


_KINDS: Final[dict[int, type[DictationError]]] = {
    401: SignInNeeded,
    403: NotYours,
    404: NotFound,
    409: Taken,
    410: SessionDeleted,
    413: TooMany,
}


class Api:
    """Made by `open_api`, which closes it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ticket(self, address: Address, session: SessionId) -> TicketGranted:
        """Raises SignInNeeded, NotYours, SessionDeleted; Retry if the server cannot be reached or is not well."""
        answer = await self._ask("POST", f"{_at(address, session)}/tickets")
        return _decoded(answer, TicketGranted)

    async def sessions(
        self, address: Address, limit: int, before_ms: int | None = None
    ) -> list[SessionSummary]:
        """Newest first."""
        query = {"limit": limit} | ({} if before_ms is None else {"before": before_ms})
        answer = await self._ask("GET", f"{address.http}/v1/sessions", params=query)
        return _decoded(answer, _Page).sessions

    async def session(self, address: Address, session: SessionId) -> SessionSummary:
        return _decoded(await self._ask("GET", _at(address, session)), SessionSummary)

    async def export(self, address: Address, session: SessionId, form: ExportFormat) -> bytes:
        """The note as the server wrote it, UTF-8."""
        answer = await self._ask("GET", f"{_at(address, session)}/export", params={"format": form})
        return answer.content

    async def delete(self, address: Address, session: SessionId) -> None:
        await self._ask("DELETE", _at(address, session))

    async def put_label(self, address: Address, session: SessionId, label: str) -> None:
        await self._ask("PUT", f"{_at(address, session)}/label", json={"label": label})

    async def finish(self, address: Address, session: SessionId) -> None:
        await self._ask("POST", f"{_at(address, session)}/finish")

    async def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._client.request(method, url, **options)
        except httpx.TimeoutException:
            raise Retry(f"the server does not answer: {_origin(url)}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Retry(_why_not(url, error)) from None
        if not answer.is_success:
            raise _refusal(answer)
        return answer


@asynccontextmanager
async def open_api(transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Api]:
    # A proxy of the environment would make a request to this very machine a forwarded one, which is refused.
    async with httpx.AsyncClient(
        transport=transport, trust_env=False, timeout=ANSWER_MS_MAX / 1_000, follow_redirects=False
    ) as client:
        yield Api(client)


def _at(address: Address, session: SessionId) -> str:
    return f"{address.http}/v1/sessions/{session}"


def _origin(url: str) -> str:
    return str(httpx.URL(url).copy_with(raw_path=b"/")).rstrip("/")


def _why_not(url: str, error: Exception) -> str:
    match _tls_error(error):
        case None:
            return f"no server answers at {_origin(url)}; is `steno up` running, and is this its address?"
        case ssl.SSLCertVerificationError(verify_message=reason):
            return f"the certificate of {_origin(url)} is not to be trusted: {reason}; is this its address?"
        case _:
            return (
                f"what listens at {_origin(url)} does not speak TLS; `steno up` does not: write ws:// for it"
            )


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """Under how many layers, the libraries between do not promise."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _decoded(answer: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Retry(f"what answers at {_origin(str(answer.url))} is not Steno") from None


def _refusal(answer: httpx.Response) -> DictationError:
    """The server's own sentence; a proxy in between answers in HTML, which is nobody's to read."""
    try:
        said = msgspec.json.decode(answer.content, type=_Said).message
        sentence = "".join(each for each in said if each.isprintable())[:SENTENCE_CHARACTERS_MAX]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        sentence = f"what answers at {_origin(str(answer.url))} said {answer.status_code} and no more"
    if answer.status_code == 429:
        return Busy(sentence, ANSWER_MS_MAX)
    if answer.status_code >= 500:
        return Retry(sentence)
    return _KINDS.get(answer.status_code, Refuse)(sentence)
