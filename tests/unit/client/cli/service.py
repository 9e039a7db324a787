"""A service that answers what a test tells it to, on a port of this machine, in a thread of its own."""

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from shared.domain.entries import GapCause
from shared.wire.frames import decode_frame
from shared.wire.messages import (
    PROTOCOL,
    Ack,
    Bye,
    EntrySent,
    Finish,
    Finished,
    ServerMessage,
    Ticket,
    decode_client_message,
    encode_message,
)
from tests.unit.client.doubles import welcome

Speech = Callable[[WebSocket], Awaitable[None]]


@dataclass(slots=True)
class Service:
    """`answers` by method and path; every request is remembered."""

    speech: Speech
    answers: dict[str, Response] = field(default_factory=dict)
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: Request) -> Response:
        line = f"{request.method} {request.url.path}"
        self.requests.append(
            (f"{line}?{request.url.query}" if request.url.query else line, await request.body())
        )
        if line in self.answers:
            return self.answers[line]
        if line.endswith("/tickets"):
            return Response('{"token": "made-up", "expires_in_ms": 900000}')
        return Response('{"error": "not_found", "message": "there is no such session"}', 404)

    async def stream(self, websocket: WebSocket) -> None:
        await websocket.accept(PROTOCOL)
        await self.speech(websocket)


async def say(websocket: WebSocket, *messages: ServerMessage) -> None:
    for message in messages:
        await websocket.send_text(encode_message(message))


async def leave(websocket: WebSocket, bye: Bye) -> None:
    await say(websocket, bye)
    await websocket.close(bye.code)


async def store_all(websocket: WebSocket, *log: EntrySent) -> None:
    """A whole dictation: welcome, then this log for whatever is said, then the end."""
    await websocket.receive_text()
    await say(websocket, welcome(), Ticket("hush", 900_000), *log)
    until = 0
    while True:
        message = await websocket.receive()
        if message.get("bytes"):
            until = decode_frame(message["bytes"]).until
            await say(websocket, Ack(until, until, until + 480_000, 0))
        elif isinstance(decode_client_message(message["text"]), Finish):
            break
    await say(websocket, Finished(until))
    await leave(websocket, Bye(1000, "all done", retry=False))


async def hear_words(websocket: WebSocket) -> None:
    await store_all(
        websocket,
        EntrySent(0, 1, 0, 8_000, text="made up", utterance_end=False),
        EntrySent(1, 1, 8_000, 16_000, text="words", utterance_end=True),
    )


async def hear_letters(websocket: WebSocket) -> None:
    await store_all(websocket, EntrySent(0, 1, 0, 8_000, text="Ménière", utterance_end=True))


async def hear_a_gap(websocket: WebSocket) -> None:
    await store_all(
        websocket,
        EntrySent(0, 1, 0, 8_000, text="made up", utterance_end=True),
        EntrySent(1, 1, 8_000, 16_000, cause=GapCause.UNRECOGNISED, wall_ms=0),
    )


async def refuse(websocket: WebSocket) -> None:
    await websocket.receive_text()
    await leave(websocket, Bye(4403, "this session belongs to somebody else", retry=False))


async def take_over(websocket: WebSocket) -> None:
    await websocket.receive_text()
    reason = "another recorder has this session; continue here to take it over"
    await leave(websocket, Bye(4409, reason, retry=False, take=2, since_ms=0))


@contextmanager
def serving(speech: Speech = hear_words) -> Iterator[Service]:
    service = Service(speech)
    app = Starlette(
        routes=[
            WebSocketRoute("/v1/stream", service.stream),
            Route("/{path:path}", service.answer, methods=["GET", "POST", "PUT", "DELETE"]),
        ],
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="websockets-sansio"))
    # Listening already: whoever comes before the thread is ready waits in the queue.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        service.url = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
        thread.start()
        try:
            yield service
        finally:
            server.should_exit = True
            thread.join()
