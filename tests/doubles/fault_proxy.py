"""A TCP proxy that misbehaves on demand: everything between a client and its server that can go wrong beneath them."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Final

from shared.adapters.clocks import SystemClock
from shared.ports import Clock

READ_BYTES: Final = 65_536
CLOSE_AGAIN_S: Final = 0.1
RESETTING: Final = struct.pack("ii", 1, 0)
"""SO_LINGER such that closing sends a reset."""


class Mode(Enum):
    PASS = auto()
    REFUSE = auto()
    """New connections are reset; those there are go on."""
    LOSE_REPLIES = auto()
    """Requests arrive, answers vanish. A connection that lost one is reset when the mode ends."""
    HOLD = auto()
    """Nothing arrives, and all of it does when the mode ends: late, after whoever sent it gave up."""
    BLACK_HOLE = auto()
    """Everything vanishes, and no connection ends before the mode does."""


class FaultProxy:
    """Use `proxying`. What it does is set while it runs."""

    def __init__(self, target: str, clock: Clock) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._clock = clock
        self._mode = Mode.PASS
        self._moving = asyncio.Event()
        self._moving.set()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = ""
        self.delay_ms = 0
        """Added to every piece of data, in both directions."""
        self.did: Counter[str] = Counter()
        """How often each fault touched anything."""
        self._touched = asyncio.Event()

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.HOLD:
            self._moving.clear()
        else:
            self._moving.set()
        for link in [each for each in self._links if each.damaged]:
            link.reset()

    def reset(self) -> None:
        """End every connection there is, as a router does that lost its memory."""
        for link in list(self._links):
            self._note("reset")
            link.reset()

    async def until(self, fault: str) -> None:
        """Returns once `did` counts it."""
        while not self.did[fault]:
            self._touched.clear()
            await self._touched.wait()

    def _note(self, fault: str) -> None:
        self.did[fault] += 1
        self._touched.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.REFUSE:
            self._note("refused")
            _Link(writer).reset()
            return
        try:
            theirs, ours = await asyncio.open_connection(self._host, self._port)
        except OSError:
            _Link(writer).reset()
            return
        link = _Link(writer, ours)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, ours, link, replies=False))
                pumps.create_task(self._pump(theirs, writer, link, replies=True))
        except* OSError:
            pass  # one side ended; the other is told
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: "_Link", *, replies: bool
    ) -> None:
        while data := await source.read(READ_BYTES):
            if self.delay_ms:
                await self._clock.sleep_ms(self.delay_ms)
            if not self._moving.is_set():
                self._note("held")
                await self._moving.wait()
            if self._mode is Mode.BLACK_HOLE or (replies and self._mode is Mode.LOSE_REPLIES):
                self._note("lost reply" if replies else "lost request")
                # What comes later would make no sense to the other end.
                link.damaged = True
            if not link.damaged or (not replies and self._mode is Mode.LOSE_REPLIES):
                sink.write(data)
                await sink.drain()
        raise ConnectionResetError

    async def close(self) -> None:
        """Ends every connection. Not by cancelling: asyncio's streams report that as an error of theirs."""
        self.mode = Mode.REFUSE
        while self._tasks:
            for link in list(self._links):
                link.reset()
            await asyncio.wait(self._tasks, timeout=CLOSE_AGAIN_S)


class _Link:
    """One connection through the proxy."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.damaged = False

    def reset(self) -> None:
        for writer in self._writers:
            raw: socket.socket = writer.get_extra_info("socket")
            if raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETTING)
            writer.transport.abort()


@asynccontextmanager
async def proxying(target: str, clock: Clock | None = None) -> AsyncIterator[FaultProxy]:
    """A proxy to HOST:PORT, at a free port of this machine; its connections end with it."""
    proxy = FaultProxy(target, clock or SystemClock())
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    proxy.address = f"{host}:{port}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
