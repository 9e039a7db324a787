"""The web side of one ingest instance in memory, and what its tests ask of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import httpx
import tink
from starlette.types import ASGIApp, Message, Scope
from starlette.websockets import WebSocket
from tink import aead

from services.ingest.app import create_app
from services.ingest.http_rules import loopback_hosts
from services.ingest.pages import Page
from services.ingest.readiness import Readiness, StoreHealth
from services.ingest.sessions import Sessions
from services.ingest.sessions_api import SessionsApi
from services.ingest.sign_in import LOCAL_PRINCIPAL, DevelopmentSignIn
from services.ingest.tickets import KEY_BYTES, TicketKey, Tickets
from shared.domain.entries import Entry, Gap, GapCause, Logged, Polished, Segment
from shared.domain.session import SessionConfig, SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import NOBODY, LogId, Principal, SessionId, Span, TakeId, samples
from shared.errors import Retry
from shared.keys import Keys
from shared.ports import KeyEncryption, RecordName, Stored, Wakeup
from shared.sealing import new_key, seal_config, seal_entry, seal_polished, unwrap_key
from tests.doubles.clock import ManualClock
from tests.doubles.faulty_store import FaultyStore
from tests.doubles.memory import MemoryBlobs, MemoryBus, MemoryStore

SESSION = SessionId("11111111-1111-4111-8111-111111111111")
OTHER_SESSION = SessionId("22222222-2222-4222-8222-222222222222")
PORT = 8_000
ORIGIN = f"http://127.0.0.1:{PORT}"
SOMEBODY_ELSE = Principal("somebody else")
PAGE = Page({"index.html": b"<!doctype html>", "main.js": b"export {};"})


def new_kek() -> KeyEncryption:
    aead.register()
    primitive: KeyEncryption = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead)
    return primitive


def segment(
    text: str, start_s: float, until_s: float, *, take: int = 1, utterance_end: bool = False
) -> Segment:
    span = Span(samples(start_s), samples(until_s))
    return Segment(take, span, text, engine="scripted", confidence=90, utterance_end=utterance_end)


def gap(cause: GapCause, start_s: float, until_s: float, *, take: int = 1, wall_ms: int = 0) -> Gap:
    return Gap(take, Span(samples(start_s), samples(until_s)), cause, wall_ms)


def take(number: int, *, covered_s: float = 0, captured_s: float = 0) -> Take:
    take_id = TakeId(f"{number:08d}-0000-4000-8000-000000000000")
    return Take(take_id, number, 1, samples(covered_s), max(samples(captured_s), samples(covered_s)))


class RefusingBus(MemoryBus):
    """Takes nothing while `refuses` is set."""

    refuses = False

    async def publish(self, wakeup: Wakeup) -> None:
        if self.refuses:
            raise Retry("the bus takes nothing")
        await super().publish(wakeup)


@dataclass
class Web:
    clock: ManualClock = field(default_factory=ManualClock)
    memory: MemoryStore = field(default_factory=MemoryStore)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    kek: KeyEncryption = field(default_factory=new_kek)
    readiness: Readiness = field(default_factory=Readiness)
    page: Page = PAGE
    upgrades: list[WebSocket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = FaultyStore(self.memory, self.clock)
        self.bus = RefusingBus(self.clock)
        self.tickets = Tickets([TicketKey(bytes(KEY_BYTES))])
        self.sessions = Sessions(self.store, self.blobs, self.bus, Keys(self.kek), self.clock)
        self.hosts = loopback_hosts(PORT)
        self.readiness.serve()
        sign_in = DevelopmentSignIn(self.hosts, in_cloud=False)
        api = SessionsApi(sign_in, self.tickets, self.sessions, self.clock)
        health = StoreHealth(self.store, self.clock)
        self.app: ASGIApp = create_app(api, self.page, self._stream, self.readiness, health, self.hosts)

    async def _stream(self, websocket: WebSocket) -> None:
        self.upgrades.append(websocket)
        await websocket.accept(subprotocol="steno.v1")

    def browser(self, peer: str = "127.0.0.1", app: ASGIApp | None = None) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app or self.app, raise_app_exceptions=False, client=(peer, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN)

    async def record(
        self,
        entries: Sequence[Entry] = (),
        *,
        session: SessionId = SESSION,
        owner: Principal = LOCAL_PRINCIPAL,
        takes: Iterable[Take] = (),
        change: Callable[[SessionDocument], SessionDocument] = lambda document: document,
    ) -> Stored:
        """A session that holds these entries, finished unless `change` says otherwise."""
        key, wrapped = await new_key(self.kek, session)
        now_ms = self.clock.wall_ms()
        document = SessionDocument(
            owner=owner,
            log_id=LogId("33333333-3333-4333-8333-333333333333"),
            state=SessionState.FINISHED,
            holder=NOBODY,
            heartbeat_at_ms=now_ms,
            created_at_ms=now_ms,
            takes=tuple(takes) or (take(1, covered_s=60),),
            take=1,
            wrapped_key=wrapped,
            config=seal_config(key, SessionConfig()),
            finished_at_ms=now_ms,
        )
        stored = await self.memory.create(session, document)
        rows = [seal_entry(key, Logged(index, entry)) for index, entry in enumerate(entries)]
        following = replace(document, next_index=len(rows), published_through=len(rows))
        return await self.memory.write(stored, change(following), rows)

    async def polish(self, *texts: tuple[int, int, str], session: SessionId = SESSION) -> None:
        """Append to the polished log: first and last entry, and the text over them."""
        stored = await self.memory.load(session)
        assert stored is not None
        key = await unwrap_key(self.kek, session, stored.document.wrapped_key)
        start = len(await self.memory.polished(session, 0, 100_000))
        rows = [
            seal_polished(key, Polished(start + place, first, last, text))
            for place, (first, last, text) in enumerate(texts)
        ]
        before = await self.memory.record(session, RecordName.POLISH)
        await self.memory.write_record(
            session, RecordName.POLISH, {}, before.version if before else None, rows
        )


async def upgrade(
    app: ASGIApp, path: str = "/v1/stream", protocols: Sequence[str] = ("steno.v1",), **headers: str
) -> tuple[int, dict[str, str]]:
    """Ask for a WebSocket; the answer's status (101: accepted) and headers."""
    sent: list[Message] = []
    given = {
        "host": f"127.0.0.1:{PORT}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    scope: Scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 50_000),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "subprotocols": list(protocols),
        "extensions": {"websocket.http.response": {}},
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    first = sent[0]
    status = 101 if first["type"] == "websocket.accept" else first["status"]
    return status, {name.decode(): value.decode() for name, value in first["headers"]}
