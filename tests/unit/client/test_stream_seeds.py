"""The recorder's shell against a server that loses, stalls and forgets: each sample is stored exactly once, every time."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from client.result import Outcome
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND
from shared.wire.frames import Frame
from shared.wire.messages import Ack, Bye, Finish, Finished, Hello, Ping
from tests.unit.client.doubles import FakeSocket, World, settle, welcome, world

CREDIT = 4 * SAMPLES_PER_SECOND
ROUNDS_MAX = 3_000
CALM_AFTER = 300
"""From this round on nothing more goes wrong, so that every run ends."""


class Server:
    """All instances of the service at once: what is stored, and one connection's frontier."""

    def __init__(self, chance: random.Random) -> None:
        self.stored = bytearray()
        self._chance = chance
        self._socket: FakeSocket | None = None
        self._read = 0
        self._received = bytearray()

    @property
    def covered(self) -> int:
        return len(self.stored) // BYTES_PER_SAMPLE

    @property
    def frontier(self) -> int:
        return self.covered + len(self._received) // BYTES_PER_SAMPLE

    def meet(self, socket: FakeSocket) -> None:
        if socket is not self._socket:
            self._socket, self._read = socket, 0
            self._received.clear()

    def work(self, *, calm: bool) -> None:
        socket = self._socket
        assert socket is not None
        for message in socket.sent[self._read :]:
            self._take(socket, message)
        self._read = len(socket.sent)
        if self._read:
            self._cover(self._chance.randrange(self.covered, self.frontier + 1))
            socket.say(Ack(self.frontier, self.covered, self.covered + CREDIT, 0), Ping(self._read))
        if not calm and self._chance.random() < 0.15:
            code = self._chance.choice([1006, 1001, 4500, 4503, 4508, 4509, 4512, 4529])
            if code >= 4500:
                socket.say(Bye(code, "made up", retry=True))
            socket.close(code)

    def _take(self, socket: FakeSocket, message: object) -> None:
        match message:
            case Hello(dial=dial):
                assert dial
                socket.say(welcome(self.covered, CREDIT))
            case Frame(start=start, pcm=pcm):
                assert start == self.frontier
                self._received += pcm
                assert self.frontier <= self.covered + CREDIT + SAMPLES_PER_SECOND * 4
            case Finish(until=until):
                assert until == self.frontier
                self._cover(until)
                socket.say(Ack(until, until, until, 0), Finished(until))
                socket.bye(Bye(1000, "all done", retry=False))

    def _cover(self, until: int) -> None:
        size = (until - self.covered) * BYTES_PER_SAMPLE
        self.stored += self._received[:size]
        del self._received[:size]


async def in_blocks(audio: bytes) -> AsyncIterator[bytes]:
    size = SAMPLES_PER_SECOND * BYTES_PER_SAMPLE
    for at in range(0, len(audio), size):
        yield audio[at : at + size]


async def lived(here: World, server: Server, audio: bytes, chance: random.Random) -> Outcome:
    running = asyncio.create_task(here.recorder.run(in_blocks(audio)))
    for round_no in range(ROUNDS_MAX):
        await settle()
        if running.done():
            break
        calm = round_no > CALM_AFTER
        here.network.refusing = {"two.example"} if not calm and chance.random() < 0.3 else set()
        if here.network.sockets and not here.network.last.is_gone:
            server.meet(here.network.last)
            server.work(calm=calm)
        here.clock.advance(chance.choice([10, 50, 100, 400]))
    assert running.done(), "it never ended"
    return (await running).outcome


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_happens_each_sample_is_stored_once(seed: int) -> None:
    chance = random.Random(seed)
    audio = chance.randbytes(BYTES_PER_SAMPLE * chance.randrange(1, 12 * SAMPLES_PER_SECOND))
    server = Server(chance)
    async with world(
        speed=chance.choice([None, 1, 4, 20]),
        cut_every=chance.choice([None, None, 1_600, SAMPLES_PER_SECOND]),
        give_up_after_ms=None,
        urls=("ws://one.example:1", "ws://two.example:2"),
    ) as here:
        assert await lived(here, server, audio, chance) is Outcome.FINISHED
    assert bytes(server.stored) == audio
    assert all(socket.is_gone for socket in here.network.sockets)
