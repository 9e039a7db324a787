"""The HTTP calls: what is asked, and every failure as one of our own errors."""

import asyncio
import json
import ssl

import httpx
import pytest

from client.addresses import parse_address
from client.api import SessionSummary, Taken, TicketGranted, open_api
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
from tests.unit.client.doubles import SESSION

HERE = parse_address("ws://127.0.0.1:8000")
BASE = f"http://127.0.0.1:8000/v1/sessions/{SESSION}"
LISTED = {
    "id": SESSION,
    "label": "Jane Roe, made up",
    "state": "finished",
    "created_at_ms": 1,
    "covered_ms": 2,
    "undelivered_ms": 0,
    "takes": 1,
    "added_later": True,
}


class Asked:
    def __init__(self, answer: httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer

    @property
    def line(self) -> str:
        return f"{self.requests[-1].method} {self.requests[-1].url}"


async def test_a_ticket_is_asked_for_with_an_empty_body() -> None:
    asked = Asked(httpx.Response(200, json={"token": "made-up", "expires_in_ms": 900_000}))
    async with open_api(httpx.MockTransport(asked)) as api:
        assert await api.ticket(HERE, SESSION) == TicketGranted("made-up", 900_000)
    assert asked.line == f"POST {BASE}/tickets"
    assert asked.requests[0].content == b""


async def test_sessions_are_listed_page_by_page() -> None:
    asked = Asked(httpx.Response(200, json={"sessions": [LISTED]}))
    async with open_api(httpx.MockTransport(asked)) as api:
        assert await api.sessions(HERE, 20) == [
            SessionSummary(SESSION, "Jane Roe, made up", "finished", 1, 2, 0, 1)
        ]
        assert asked.line == "GET http://127.0.0.1:8000/v1/sessions?limit=20"
        await api.sessions(HERE, 20, before_ms=77)
        assert asked.line == "GET http://127.0.0.1:8000/v1/sessions?limit=20&before=77"


async def test_one_session_is_read() -> None:
    asked = Asked(httpx.Response(200, json=LISTED))
    async with open_api(httpx.MockTransport(asked)) as api:
        assert (await api.session(HERE, SESSION)).state == "finished"
    assert asked.line == f"GET {BASE}"


async def test_an_export_is_taken_byte_for_byte() -> None:
    asked = Asked(httpx.Response(200, content="Grüße\n".encode()))
    async with open_api(httpx.MockTransport(asked)) as api:
        assert await api.export(HERE, SESSION, "md") == "Grüße\n".encode()
    assert asked.line == f"GET {BASE}/export?format=md"


async def test_a_label_travels_in_the_body_only() -> None:
    asked = Asked(httpx.Response(204))
    async with open_api(httpx.MockTransport(asked)) as api:
        await api.put_label(HERE, SESSION, "Jane Roe")
    assert asked.line == f"PUT {BASE}/label"
    assert json.loads(asked.requests[0].content) == {"label": "Jane Roe"}


async def test_deleting_and_finishing() -> None:
    asked = Asked(httpx.Response(204))
    async with open_api(httpx.MockTransport(asked)) as api:
        await api.delete(HERE, SESSION)
        assert asked.line == f"DELETE {BASE}"
        await api.finish(HERE, SESSION)
        assert asked.line == f"POST {BASE}/finish"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refuse),
        (401, SignInNeeded),
        (403, NotYours),
        (404, NotFound),
        (409, Taken),
        (410, SessionDeleted),
        (413, TooMany),
        (418, Refuse),
        (429, Busy),
        (500, Retry),
        (503, Retry),
    ],
)
async def test_each_refusal_is_an_error_with_the_servers_sentence(
    status: int, kind: type[DictationError]
) -> None:
    asked = Asked(httpx.Response(status, json={"error": "x", "message": "say\x1b[31m this"}))
    async with open_api(httpx.MockTransport(asked)) as api:
        with pytest.raises(DictationError) as raised:
            await api.delete(HERE, SESSION)
    assert type(raised.value) is kind
    assert str(raised.value) == "say[31m this"


@pytest.mark.parametrize(
    "body", [b"<html>Bad gateway</html>", b"\xff", b"[]", b'{"message": ""}', b"[" * 5_000]
)
async def test_what_answers_in_its_own_words_is_not_quoted(body: bytes) -> None:
    asked = Asked(httpx.Response(502, content=body))
    async with open_api(httpx.MockTransport(asked)) as api:
        with pytest.raises(Retry, match=r"what answers at http://127.0.0.1:8000 said 502 and no more"):
            await api.delete(HERE, SESSION)


@pytest.mark.parametrize("body", [b"<html></html>", b"{}", b'{"token": 5, "expires_in_ms": 1}', b"\xff"])
async def test_an_answer_that_is_not_stenos_is_said(body: bytes) -> None:
    asked = Asked(httpx.Response(200, content=body))
    async with open_api(httpx.MockTransport(asked)) as api:
        with pytest.raises(Retry, match="what answers at http://127.0.0.1:8000 is not Steno"):
            await api.ticket(HERE, SESSION)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (httpx.ConnectError("refused"), "no server answers at http://127.0.0.1:8000; is `steno up` running"),
        (httpx.ReadError("reset"), "no server answers at http://127.0.0.1:8000"),
        (httpx.ReadTimeout("slow"), "the server does not answer: http://127.0.0.1:8000"),
    ],
)
async def test_a_server_that_is_not_there_is_worth_another_try(
    failure: httpx.HTTPError, sentence: str
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure

    async with open_api(httpx.MockTransport(fail)) as api:
        with pytest.raises(Retry, match=sentence):
            await api.session(HERE, SESSION)


async def test_a_server_without_tls_is_there_but_not_in_that_way() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, open_api() as api:
        address = parse_address(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(Retry, match=rf"{address.http} does not speak TLS; .* write ws:// for it"):
            await api.session(address, SESSION)


async def test_a_certificate_that_is_not_trusted_is_named() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        refused = ssl.SSLCertVerificationError(1, "not verified")
        refused.verify_message = "self-signed certificate"
        raise httpx.ConnectError("not verified") from refused

    async with open_api(httpx.MockTransport(fail)) as api:
        with pytest.raises(Retry, match="not to be trusted: self-signed certificate"):
            await api.session(HERE, SESSION)


async def test_a_redirect_is_not_followed() -> None:
    asked = Asked(httpx.Response(307, headers={"Location": "http://elsewhere.example/"}))
    async with open_api(httpx.MockTransport(asked)) as api:
        with pytest.raises(Refuse):
            await api.ticket(HERE, SESSION)
    assert len(asked.requests) == 1


def test_a_ticket_stays_out_of_repr() -> None:
    assert "hush" not in repr(TicketGranted("hush", 1))
