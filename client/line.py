"""The recorder's present connection: at most one socket, what waits to be sent on it, and what it says."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from client.chores import Chores
from client.cuts import Cuts
from client.events import Came, Closed, Event, Flushed, Opened
from client.sockets import CLOSED_ABNORMALLY, Dialler, NotOpened, Socket, SocketClosed
from shared.domain.values import BYTES_PER_SAMPLE
from shared.errors import Refuse
from shared.tasks import together
from shared.wire.frames import Frame, encode_frame
from shared.wire.messages import ClientMessage, decode_server_message, encode_message

SEND_S_MAX: Final = 10
"""A server that takes nothing for this long is gone; what was not covered is on the tape."""

NOT_UNDERSTOOD: Final = 1002
_CONNECTION: Final = "connection"

Outgoing = ClientMessage | Frame


@dataclass(slots=True)
class _Outbox:
    """Audio in it is bounded by the link's `IN_FLIGHT_MAX`; a message is an answer to one of the server's, or a gap, of
    which the link sends no more than `GAPS_AHEAD_MAX` ahead."""

    waiting: deque[Outgoing] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    def __init__(
        self,
        dialler: Dialler,
        cuts: Cuts,
        happened: Callable[[Event], None],
        troubled: Callable[[str], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`troubled` gets a sentence for the person, `failed` what is our own mistake."""
        self._dialler = dialler
        self._cuts = cuts
        self._happened = happened
        self._troubled = troubled
        self._outbox = _Outbox()
        self._chores = Chores(failed)

    def dial(self, number: int, url: str) -> None:
        """Events of this connection carry `number`. The one before is hung up."""
        self._outbox = _Outbox()
        self._chores.start(_CONNECTION, self._converse(number, url, self._outbox))

    def hang_up(self) -> None:
        self._chores.cancel(_CONNECTION)

    def send(self, outgoing: Outgoing) -> None:
        self._outbox.waiting.append(outgoing)
        self._outbox.ready.set()

    async def close(self) -> None:
        """Returns once no socket is left."""
        await self._chores.close()

    async def _converse(self, number: int, url: str, outbox: _Outbox) -> None:
        try:
            socket = await self._dialler(url)
        except NotOpened as error:
            self._troubled(str(error))
            self._happened(Closed(number, CLOSED_ABNORMALLY))
            return
        code = CLOSED_ABNORMALLY
        try:
            self._happened(Opened(number))
            # Who hears decides when it is over: the last words of a server that hangs up wait to be read, while
            # sending fails at once.
            await together(self._hear(number, socket), self._say(number, socket, outbox))
        except SocketClosed as closed:
            code = closed.code
        except Refuse as refusal:
            self._troubled(str(refusal))
            code = NOT_UNDERSTOOD
        finally:
            socket.abort()
            await socket.gone()
        self._happened(Closed(number, code))

    async def _hear(self, number: int, socket: Socket) -> None:
        while True:
            received = await socket.receive()
            if isinstance(received, bytes):
                raise Refuse("the server sent audio, which a recorder does not take")
            message = decode_server_message(received)
            if message is not None:
                self._happened(Came(number, message))

    async def _say(self, number: int, socket: Socket, outbox: _Outbox) -> None:
        try:
            while True:
                while outbox.waiting:
                    async with asyncio.timeout(SEND_S_MAX):
                        await self._send(socket, outbox.waiting.popleft())
                outbox.ready.clear()
                self._happened(Flushed(number))
                await outbox.ready.wait()
        except TimeoutError:
            socket.abort()
        except SocketClosed:
            pass

    async def _send(self, socket: Socket, outgoing: Outgoing) -> None:
        if not isinstance(outgoing, Frame):
            await socket.send(encode_message(outgoing))
            return
        cut_at = self._cuts.sent(outgoing.start, outgoing.until)
        if cut_at is None:
            await socket.send(encode_frame(outgoing.start, outgoing.pcm))
            return
        pcm = outgoing.pcm[: (cut_at - outgoing.start) * BYTES_PER_SAMPLE]
        await socket.send(encode_frame(outgoing.start, pcm))
        socket.abort()
        raise SocketClosed(CLOSED_ABNORMALLY)
