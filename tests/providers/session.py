"""What the servers of all speech vendors share: a socket, a recogniser behind it, faults on demand, and strictness."""

import asyncio
import json
import socket
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from services.ingest.engines.base import Engine
from shared.domain.values import SAMPLES_PER_SECOND
from shared.tasks import stop
from tests.providers.faults import Faults
from tests.providers.recogniser import Heard, Quiet, Recogniser

OUTGOING_MAX: Final = 20_000

Message = dict[str, Any]


@dataclass(slots=True)
class Setting:
    """How a server behaves, and what it saw that it should not have."""

    engine: Engine
    faults: Faults = field(default_factory=Faults)
    key: str = ""
    """What clients must show; empty takes any."""
    time_scale: float = 1.0
    """The vendor's time runs so many times as fast."""
    paced: bool = True
    interim_every_s: float = 1.0
    violations: list[str] = field(default_factory=list)
    """What a client did that the vendor's documents do not allow; a test expects none."""
    requests: list[Request] = field(default_factory=list)
    texts: list[Message] = field(default_factory=list)
    """Every text message received."""


class Violation(Exception):
    """A client broke the protocol."""


class Session:
    """One connection. Vendors override what is theirs; `said` and `told` must not wait."""

    idle_s_max: float

    def __init__(self, connection: ServerConnection, setting: Setting) -> None:
        self.connection = connection
        self.setting = setting
        self.faults = setting.faults
        self.recogniser = Recogniser(setting.engine, self.said)
        self.loop = asyncio.get_running_loop()
        self.born = self.alive_at = self.loop.time()
        self.muted = False
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(OUTGOING_MAX)

    # --- the vendor's

    async def start(self) -> None:
        """Before anything is received."""

    async def text(self, message: str) -> bool:
        """A text message came; False ends the session."""
        raise NotImplementedError

    async def audio(self, pcm: bytes) -> bool:
        raise NotImplementedError

    def said(self, heard: Heard | Quiet) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        """Say what is said at the end of a session."""
        raise NotImplementedError

    async def idle(self) -> None:
        """Nothing came for `idle_s_max`."""
        raise NotImplementedError

    # --- all of them

    @property
    def heard_s(self) -> float:
        return self.recogniser.heard_until / SAMPLES_PER_SECOND

    @property
    def scale(self) -> float:
        return self.setting.time_scale

    def tell(self, message: Message | str) -> None:
        if not self.muted:
            self._outgoing.put_nowait(message if isinstance(message, str) else json.dumps(message))

    async def run(self) -> None:
        telling = asyncio.create_task(self._tell())
        try:
            await self.start()
            while await self._next():
                pass
            await self._outgoing.join()
            if self.muted or "never-close" in self.faults:
                await self.connection.wait_closed()
        except Violation as violation:
            self.setting.violations.append(str(violation))
            await self.connection.close(1008, f"STRICT {violation}"[:120])
        except ConnectionClosed:
            pass
        finally:
            await stop(telling)
            await self.recogniser.close()

    async def _next(self) -> bool:
        left_s = self.alive_at + self.idle_s_max / self.scale - self.loop.time()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                message = await self.connection.recv()
        except TimeoutError:
            await self.idle()
            return False
        if isinstance(message, str):
            return await self.text(message)
        if len(message) % 2:
            raise Violation("half a sample")
        going_on = await self.audio(message)
        await self._misbehave()
        return going_on

    async def _tell(self) -> None:
        while True:
            message = await self._outgoing.get()
            try:
                await self.connection.send(message)
            except ConnectionClosed:
                # Heard by nobody, and sent all the same: whoever waits until all is must not wait for ever.
                pass
            finally:
                self._outgoing.task_done()

    async def flushed(self) -> None:
        """Until all that was told is sent."""
        await self._outgoing.join()

    async def _misbehave(self) -> None:
        heard_s = self.heard_s
        if self.faults.happens("mute-at", heard_s):
            self.muted = True
        if self.faults.happens("ends-at", heard_s):
            # Nobody asked for it. The socket stays open, and whatever comes now is heard by nobody.
            await self.end()
            await self.flushed()
            self.muted = True
        if self.faults.happens("freeze-at", heard_s):
            self.muted = True
            self.connection.transport.pause_reading()
            await self.connection.wait_closed()
        for name in self.faults.given:
            if name.startswith("close-") and self.faults.happens(name, heard_s):
                await self.connection.close(int(name.split("-")[1]), self.reason(name))
        if self.faults.happens("abort-at", heard_s) or self.faults.happens("abort-every", heard_s):
            self.abort()
        if self.faults.happens("bad-json-at", heard_s):
            self.tell('{"type": "Results", "message": "AddTranscript", ')
        if "unknown" in self.faults:
            for odd in ('{"type":"Novelty","message":"Novelty"}', "[1, 2]", '"words"', "{}"):
                self.tell(odd)

    def reason(self, fault: str) -> str:
        return ""

    def abort(self) -> None:
        """As when a machine dies: no close frame, and a reset."""
        raw: socket.socket = self.connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.transport.abort()

    def check_pace(self, rate_max: float, burst_s: float) -> None:
        allowed_s = burst_s + rate_max * (self.loop.time() - self.born) * self.scale
        if self.setting.paced and self.heard_s > allowed_s:
            raise Violation("audio came faster than is allowed")


def refusal(connection: ServerConnection, status: int, headers: dict[str, str], body: Message) -> Response:
    text = json.dumps(body).encode()
    if status == HTTPStatus.FOUND:
        headers = {**headers, "Location": "http://portal.example/sign-in"}
    given = Headers({**headers, "Content-Type": "application/json", "Content-Length": str(len(text))})
    return Response(status, HTTPStatus(status).phrase, given, text)


Admit = Callable[[ServerConnection, Request, Setting], Response | None]


async def start(
    make: Callable[[ServerConnection, Setting], Session], admit: Admit, setting: Setting, port: int
) -> Server:
    """A server on 127.0.0.1, which listens on return."""

    async def serve_one(connection: ServerConnection) -> None:
        await make(connection, setting).run()

    async def check(connection: ServerConnection, request: Request) -> Response | None:
        setting.requests.append(request)
        if "hang" in setting.faults:
            await connection.wait_closed()
        return admit(connection, request, setting)

    def name_request(connection: ServerConnection, request: Request, response: Response) -> None:
        response.headers["dg-request-id"] = str(uuid.uuid4())

    return await serve(
        serve_one,
        "127.0.0.1",
        port,
        compression=None,
        process_request=check,
        process_response=name_request,
        ping_interval=None,
        close_timeout=1,
        max_size=1 << 20,
    )
