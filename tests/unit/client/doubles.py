"""The recorder's world in a test's hands: sockets that say what they are told to, and a service that grants tickets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from client.addresses import parse_address
from client.api import Api, open_api
from client.link_state import Link
from client.sockets import NotOpened, SocketClosed
from client.stream import Recorder, Tools
from client.wanted import Wanted, Watcher
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, SessionId, TakeId
from shared.wire.frames import Frame, decode_frame
from shared.wire.messages import (
    Ack,
    Bye,
    ClientMessage,
    EntrySent,
    Finish,
    Finished,
    Hello,
    Limits,
    ServerMessage,
    Welcome,
    decode_client_message,
    encode_message,
)
from tests.doubles.clock import ManualClock

SESSION = SessionId("5e55105e-0000-4000-8000-000000000001")
TAKE = TakeId("7a4e7a4e-0000-8000-8000-000000000001")
WAITING_MAX = 1_000


async def settle() -> None:
    """Until every task waits for something that only the test can give."""
    for _ in range(100):
        await asyncio.sleep(0)


def pcm(seconds: float, level: int = 1) -> bytes:
    return level.to_bytes(BYTES_PER_SAMPLE, "little", signed=True) * round(seconds * SAMPLES_PER_SECOND)


async def blocks(seconds: float) -> AsyncIterator[bytes]:
    audio, size = pcm(seconds), SAMPLES_PER_SECOND * BYTES_PER_SAMPLE
    for at in range(0, len(audio), size):
        yield audio[at : at + size]


class FakeSocket:
    """Both sides of a socket: what the recorder sent, and what it is to hear."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent: list[ClientMessage | Frame] = []
        self.is_gone = False
        self.takes_nothing = False
        self._heard: asyncio.Queue[str | bytes | int] = asyncio.Queue(WAITING_MAX)
        self._closed: int | None = None

    # --- the recorder's side

    async def send(self, message: str | bytes) -> None:
        if self.takes_nothing:
            await asyncio.Event().wait()
        if self._closed is not None:
            raise SocketClosed(self._closed)
        self.sent.append(
            decode_frame(message) if isinstance(message, bytes) else decode_client_message(message)
        )

    async def receive(self) -> str | bytes:
        heard = await self._heard.get()
        if isinstance(heard, int):
            raise SocketClosed(heard)
        return heard

    def abort(self) -> None:
        self.close(1006)

    async def gone(self) -> None:
        assert self._closed is not None
        self.is_gone = True

    # --- the test's side

    def say(self, *messages: ServerMessage) -> None:
        for message in messages:
            self._heard.put_nowait(encode_message(message))

    def say_raw(self, message: str | bytes) -> None:
        self._heard.put_nowait(message)

    def close(self, code: int) -> None:
        if self._closed is None:
            self._closed = code
            self._heard.put_nowait(code)

    def bye(self, bye: Bye) -> None:
        self.say(bye)
        self.close(bye.code)

    @property
    def hello(self) -> Hello:
        first = self.sent[0]
        assert isinstance(first, Hello)
        return first

    @property
    def audio(self) -> list[Frame]:
        return [each for each in self.sent if isinstance(each, Frame)]

    @property
    def audio_until(self) -> int:
        return self.audio[-1].until if self.audio else 0

    @property
    def finish(self) -> Finish | None:
        return next((each for each in self.sent if isinstance(each, Finish)), None)


class FakeNetwork:
    """Every dial makes a socket, unless it is refused."""

    def __init__(self) -> None:
        self.sockets: list[FakeSocket] = []
        self.dialled: list[str] = []
        self.refusing: set[str] = set()

    async def __call__(self, url: str) -> FakeSocket:
        self.dialled.append(url)
        if any(part in url for part in self.refusing):
            raise NotOpened(f"{url}: connection refused")
        self.sockets.append(FakeSocket(url))
        return self.sockets[-1]

    @property
    def last(self) -> FakeSocket:
        return self.sockets[-1]


class FakeService:
    """The HTTP side: tickets, and the labels put."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, str(request.url)))
        self.bodies.append(request.content)
        for part, answer in self.answers.items():
            if part in str(request.url):
                return answer
        if request.url.path.endswith("/tickets"):
            return httpx.Response(200, json={"token": "made-up", "expires_in_ms": 900_000})
        return httpx.Response(204)


class Seen(Watcher):
    def __init__(self) -> None:
        self.messages: list[ServerMessage] = []
        self.troubles: list[str] = []
        self.sentences: list[str] = []
        self.link: Link | None = None

    def heard(self, message: ServerMessage) -> None:
        self.messages.append(message)

    def moved(self, link: Link) -> None:
        self.link = link

    def troubled(self, sentence: str) -> None:
        self.troubles.append(sentence)

    def said(self, sentence: str) -> None:
        self.sentences.append(sentence)


class World:
    """One recorder and all around it."""

    def __init__(self, wanted: Wanted, api: Api, service: FakeService, draw: Callable[[], float]) -> None:
        self.clock = ManualClock()
        self.network = FakeNetwork()
        self.service = service
        self.seen = Seen()
        tools = Tools(api, dialler=self.network, clock=self.clock, draw=draw)
        self.recorder = Recorder(wanted, TAKE, tools, self.seen)

    async def pass_ms(self, duration_ms: int, step_ms: int = 100) -> None:
        for _ in range(0, duration_ms, step_ms):
            self.clock.advance(step_ms)
            await settle()

    async def cover_all(self) -> None:
        """The server stores what it got, says finished where it was asked to, and that it is all done."""
        socket = self.network.last
        until = socket.audio_until
        socket.say(Ack(until, until, until + 480_000, 0))
        await settle()
        if socket.finish is not None:
            socket.say(Finished(until))
            socket.bye(Bye(1000, "all done", retry=False))
            await settle()


@asynccontextmanager
async def world(
    speed: float | None = None,
    cut_every: int | None = None,
    give_up_after_ms: int | None = 300_000,
    label: str = "",
    urls: tuple[str, ...] = ("ws://one.example:8000",),
) -> AsyncIterator[World]:
    service = FakeService()
    async with open_api(httpx.MockTransport(service)) as api:
        addresses = tuple(parse_address(url) for url in urls)
        wanted = Wanted(addresses, SESSION, speed, cut_every, give_up_after_ms, label)
        yield World(wanted, api, service, draw=lambda: 0.5)


def welcome(send_from: int = 0, credit: int = 480_000, log_id: str = "log-1") -> Welcome:
    return Welcome(1, send_from, send_from + credit, 0, Limits(65_536, 65_536, 64), 5_000, log_id)


def entry(index: int, text: str, start: int = 0, until: int = 4_000, take: int = 1) -> EntrySent:
    return EntrySent(index, take, start, until, text=text, utterance_end=False)
