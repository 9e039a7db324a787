"""The HTTP addresses under /v1/sessions: requests into calls of `sessions.py`, values into JSON. Each asks who is asking."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.ingest.export import MEDIA_TYPES, Format, render
from services.ingest.follow import entry_message, polished_message
from services.ingest.sessions import Sessions
from services.ingest.sign_in import SignIn
from services.ingest.tickets import EXPIRES_IN_MS, Tickets
from shared.domain.values import NUMBER_MAX, Principal, SessionId
from shared.errors import Refuse
from shared.ports import Clock
from shared.wire.messages import Cursors, Uuid

SESSIONS_PER_PAGE: Final = 50
SESSIONS_PER_PAGE_MAX: Final = 100
LABEL_CHARACTERS_MAX: Final = 200

Answer = Callable[[Request, Principal], Awaitable[Response]]


_BREAKS: Final = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
"""Tabs and ends of lines, as what is copied from a table or a record brings them along."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Label(msgspec.Struct, frozen=True):
    label: str


class SessionsApi:
    def __init__(self, sign_in: SignIn, tickets: Tickets, sessions: Sessions, clock: Clock) -> None:
        self._sign_in = sign_in
        self._tickets = tickets
        self._sessions = sessions
        self._clock = clock

    def routes(self) -> list[Route]:
        one = "/v1/sessions/{session}"
        return [
            self._route("/v1/sessions", {"GET": self._list}),
            self._route(one, {"GET": self._get, "DELETE": self._delete}),
            self._route(f"{one}/tickets", {"POST": self._ticket}),
            self._route(f"{one}/log", {"GET": self._log}),
            self._route(f"{one}/export", {"GET": self._export}),
            self._route(f"{one}/label", {"PUT": self._label}),
            self._route(f"{one}/finish", {"POST": self._finish}),
        ]

    def _route(self, path: str, answers: Mapping[str, Answer]) -> Route:
        async def signed_in(request: Request) -> Response:
            principal = await self._sign_in.principal(request)
            # HEAD is answered as GET is; the server leaves the body out.
            answer = answers["GET" if request.method == "HEAD" else request.method]
            return await answer(request, principal)

        return Route(path, signed_in, methods=[*answers])

    async def _ticket(self, request: Request, principal: Principal) -> Response:
        session = _session(request)
        await self._sessions.may_have_ticket(principal, session)
        token = self._tickets.issue(session, principal, self._clock.wall_ms())
        return _json({"token": token, "expires_in_ms": EXPIRES_IN_MS})

    async def _list(self, request: Request, principal: Principal) -> Response:
        limit = _number(request, "limit", SESSIONS_PER_PAGE)
        if not 1 <= limit <= SESSIONS_PER_PAGE_MAX:
            raise Refuse(f"limit is a number from 1 to {SESSIONS_PER_PAGE_MAX}")
        before_ms = _number(request, "before", NUMBER_MAX)
        return _json({"sessions": await self._sessions.owned(principal, before_ms, limit)})

    async def _get(self, request: Request, principal: Principal) -> Response:
        return _json(await self._sessions.summary(principal, _session(request)))

    async def _delete(self, request: Request, principal: Principal) -> Response:
        await self._sessions.delete(principal, _session(request))
        return Response(status_code=204)

    async def _log(self, request: Request, principal: Principal) -> Response:
        cursors = Cursors(_number(request, "entries", 0), _number(request, "polished", 0))
        page = await self._sessions.log(principal, _session(request), cursors)
        return _json(
            {
                "log_id": page.log_id,
                "entries": [entry_message(logged) for logged in page.entries],
                "polished": [polished_message(polished) for polished in page.polished],
            }
        )

    async def _export(self, request: Request, principal: Principal) -> Response:
        form = _format(request)
        session = _session(request)
        note = await self._sessions.note(principal, session)
        # Named by its id: a label is not for the names of files, and what wrote it is not for a header.
        headers = {"Content-Disposition": f'attachment; filename="steno-{session}.{form}"'}
        # Up to half a second for the longest session allowed, during which live ones must be heard.
        content = await asyncio.to_thread(render, note, form)
        return Response(content, headers=headers, media_type=MEDIA_TYPES[form])

    async def _label(self, request: Request, principal: Principal) -> Response:
        session = _session(request)
        await self._sessions.set_label(principal, session, _label(await request.body()))
        return Response(status_code=204)

    async def _finish(self, request: Request, principal: Principal) -> Response:
        return _json(await self._sessions.finish(principal, _session(request)), status=202)


def _session(request: Request) -> SessionId:
    try:
        return SessionId(msgspec.convert(request.path_params["session"], Uuid))
    except msgspec.ValidationError:
        raise Refuse("a session's id is a lower-case UUID") from None


def _format(request: Request) -> Format:
    given = request.query_params.getlist("format") or [Format.TXT]
    try:
        (name,) = given
        return Format(name)
    except ValueError:
        raise Refuse(f"format is one of {', '.join(Format)}") from None


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.getlist(name)
    if not given:
        return default
    text = given[0]
    # Sixteen digits hold every number allowed, and Python refuses to read some thousands of them.
    if (
        len(given) > 1
        or not (text.isascii() and text.isdigit() and len(text) <= 16)
        or int(text) > NUMBER_MAX
    ):
        raise Refuse(f"{name} is one whole number from 0 to {NUMBER_MAX}")
    return int(text)


def _label(body: bytes) -> str:
    try:
        given = msgspec.json.decode(body, type=_Label).label
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refuse('the body is JSON, {"label": TEXT}') from None
    label = _BREAKS.sub(" ", given).strip()
    # One line, without control characters: terminals and files show labels too.
    if _CONTROLS.search(label):
        raise Refuse("the label has a character that cannot be seen; type the label instead of pasting it")
    if len(label) > LABEL_CHARACTERS_MAX:
        raise Refuse(f"the label is too long; it may have {LABEL_CHARACTERS_MAX} characters")
    return label


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
