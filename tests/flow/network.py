"""One connection between a recorder and an instance, with a network between them that can do everything networks do."""

import asyncio
from collections import deque
from collections.abc import Callable, MutableMapping
from random import Random
from typing import Any, Final

from starlette.websockets import WebSocket

from shared.wire.messages import PROTOCOL, ServerMessage, decode_server_message

UNREAD_MAX: Final = 256
"""Messages the network holds for a recorder that does not get them; then sending waits, as in a full socket buffer."""

LATENCY_MS_MAX: Final = 40

Message = MutableMapping[str, Any]
Deliver = Callable[[], None]


class Lane:
    """One direction: everything arrives in order, after a while; while `held`, nothing does."""

    def __init__(self, random: Random) -> None:
        self.held = False
        self.delay_ms = 0
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Deliver] = deque()
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, deliver: Deliver) -> None:
        self._waiting.append(deliver)
        if not self.held:
            self._schedule()

    def release(self) -> None:
        self.held = False
        for _ in self._waiting:
            self._schedule()

    def clear(self) -> None:
        self._waiting.clear()

    def _schedule(self) -> None:
        latency_ms = self.delay_ms + self._random.uniform(1, LATENCY_MS_MAX)
        self._due = max(self._loop.time() + latency_ms / 1_000, self._due)
        self._loop.call_at(self._due, self._deliver)

    def _deliver(self) -> None:
        if self._waiting and not self.held:
            self._waiting.popleft()()


class Wire:
    """`server` is what the service is given; what reaches the recorder is told through the three callbacks."""

    def __init__(
        self,
        random: Random,
        opened: Callable[[], None],
        came: Callable[[ServerMessage], None],
        closed: Callable[[int], None],
    ) -> None:
        self.up = Lane(random)
        self.down = Lane(random)
        self._opened, self._came, self._closed = opened, came, closed
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._room = asyncio.Event()
        self._ended = False
        scope = {"type": "websocket", "path": "/v1/stream", "headers": [], "subprotocols": [PROTOCOL]}
        self.server = WebSocket(scope, self._server_receive, self._server_send)
        self._to_server.put_nowait({"type": "websocket.connect"})

    # --- the recorder's side

    def say(self, text: str) -> None:
        self.up.add(lambda: self._arrive({"type": "websocket.receive", "text": text}))

    def say_bytes(self, data: bytes) -> None:
        self.up.add(lambda: self._arrive({"type": "websocket.receive", "bytes": data}))

    def hang_up(self) -> None:
        """The recorder closes; through a black hole the server does not hear of it."""
        self._forget_recorder()
        self.up.add(self._end_server)

    # --- what happens to it

    def cut(self) -> None:
        """A reset: both sides know at once."""
        self.up.clear()
        self.down.clear()
        self._end_server()
        self._tell_closed(1006)

    def vanish(self) -> None:
        """The recorder's side is gone for good, and the server is not told."""
        self._forget_recorder()
        self.hold()

    def hold(self) -> None:
        """A black hole: nothing arrives on either side, and nobody is told."""
        self.up.held = self.down.held = True

    def release(self) -> None:
        """What was held arrives now, in order."""
        self.up.release()
        self.down.release()

    def server_died(self) -> None:
        """The instance was killed; its machine resets the connection, if the network lets it through."""
        self._ended = True
        self.down.add(lambda: self._tell_closed(1006))

    # --- the server's side

    async def _server_receive(self) -> Message:
        return await self._to_server.get()

    async def _server_send(self, message: Message) -> None:
        while not self._ended and len(self.down) >= UNREAD_MAX:
            self._room.clear()
            await self._room.wait()
        if self._ended:
            raise OSError("the peer is gone")
        match message["type"]:
            case "websocket.accept":
                self.down.add(lambda: self._opened())
            case "websocket.send":
                said = decode_server_message(message["text"])
                assert said is not None
                self.down.add(lambda: self._tell(said))
            case "websocket.close":
                self.down.add(lambda: self._server_closed(message["code"]))

    def _tell(self, message: ServerMessage) -> None:
        self._room.set()
        self._came(message)

    def _arrive(self, message: Message) -> None:
        if not self._ended:
            self._to_server.put_nowait(message)

    def _server_closed(self, code: int) -> None:
        self._tell_closed(code)
        self._end_server()

    def _end_server(self) -> None:
        if not self._ended:
            self._ended = True
            self._room.set()
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def _tell_closed(self, code: int) -> None:
        closed = self._closed
        self._forget_recorder()
        closed(code)

    def _forget_recorder(self) -> None:
        self._opened = lambda: None
        self._came = lambda message: None
        self._closed = lambda code: None
