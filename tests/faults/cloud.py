"""What the emulators behind a running `steno up` hold, looked at from outside, over their own interfaces."""

import asyncio
import base64
import json
import random
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from infra.local.rehearsal import running
from services.autosave.draft import Part, decode_part
from shared.config import Config, load_config
from shared.domain.entries import Polished
from shared.domain.values import SessionId
from shared.ports import Subscriber
from shared.sealing import Kind, open_polished, unwrap_key
from shared.wiring import Ports, build
from tests.doubles.emulators import tools
from tests.faults.command import Machine, Up, steno_up

ANYBODY: Final = {"Authorization": "Bearer owner"}
ROWS_MAX: Final = 1_000
AT_ONCE: Final = 8


@contextmanager
def rehearsal(machine: Machine, instances: int) -> Iterator["Cloud"]:
    """Fails, saying what did not run and how to get it, where the emulators cannot."""
    tools()
    with steno_up(machine, instances, "--backend", "emulators") as up:
        yield Cloud(up)


@dataclass(frozen=True, slots=True)
class Cloud:
    up: Up

    @property
    def machine(self) -> Machine:
        return self.up.machine

    @property
    def config(self) -> Config:
        return running(
            load_config(
                backend="emulators",
                data_dir=self.machine.data_dir,
                key_file=self.machine.home / "config/steno/key-encryption.json",
            )
        )

    def pid(self, child: str) -> int:
        """Of a process that `steno up` tells people of; the latest."""
        found = re.findall(rf"^steno \| {child} pid=(\d+)$", "\n".join(self.up.errors), re.M)
        return int(found[-1])

    # --- Firestore

    def documents(self) -> dict[str, Mapping[str, Any]]:
        """Every document there is, in every collection, by its path."""
        root = f"projects/{self.config.project}/databases/(default)/documents"
        return {name.removeprefix(f"{root}/"): fields for name, fields in self._below(root)}

    def _below(self, parent: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        at = f"http://{self.config.firestore_emulator}/v1/{quote(parent)}"
        for collection in _ask("POST", f"{at}:listCollectionIds", json={}).get("collectionIds", []):
            token = ""
            while True:
                page = _ask("GET", f"{at}/{collection}?pageSize=300&pageToken={token}&showMissing=true")
                for document in page.get("documents", []):
                    if "createTime" in document:
                        yield document["name"], document.get("fields", {})
                    yield from self._below(document["name"])
                token = page.get("nextPageToken", "")
                if not token:
                    break

    # --- Cloud Storage

    def objects(self) -> dict[str, bytes]:
        at = f"http://{self.config.storage_emulator}/storage/v1/b/{self.config.bucket}/o"
        names = [each["name"] for each in _ask("GET", at).get("items", [])]
        return {name: httpx.get(f"{at}/{quote(name, safe='')}?alt=media").content for name in names}

    # --- Pub/Sub

    @contextmanager
    def tapped(self) -> Iterator["Tap"]:
        """A subscription of our own, to hear what is said on the topic meanwhile."""
        at = f"http://{self.config.pubsub_emulator}/v1/projects/{self.config.project}"
        tap = Tap(f"{at}/subscriptions/tap-{random.getrandbits(32):08x}")
        _ask("PUT", tap.url, json={"topic": f"projects/{self.config.project}/topics/{self.config.topic}"})
        try:
            yield tap
        finally:
            _ask("DELETE", tap.url)

    def push_url(self, subscriber: Subscriber) -> str:
        at = f"http://{self.config.pubsub_emulator}/v1/projects/{self.config.project}"
        found = _ask("GET", f"{at}/subscriptions/{self.config.topic}-{subscriber.value}")
        return str(found["pushConfig"]["pushEndpoint"])

    # --- a session, opened with this machine's key

    def note(self, session: str) -> tuple[list[Polished], list[Part]]:
        """Its polished log, and the parts of its draft in their order."""
        return asyncio.run(self._note(SessionId(session)))

    async def _note(self, session: SessionId) -> tuple[list[Polished], list[Part]]:
        async with opened(self.config) as ports:
            stored = await ports.store.load(session)
            assert stored is not None
            key = await unwrap_key(ports.kek, session, stored.document.wrapped_key)
            rows = await ports.store.polished(session, 0, ROWS_MAX)
            names = await ports.blobs.list(f"drafts/{session}/{stored.document.log_id}/")
            parts = []
            for name in names:
                body = await ports.blobs.read(name)
                assert body is not None
                part = decode_part(key.open(Kind.DRAFT, int(name.rpartition("/")[2]), body))
                assert part is not None
                parts.append(part)
            return [open_polished(key, row) for row in rows], parts


@dataclass(frozen=True, slots=True)
class Tap:
    url: str

    def messages(self) -> list[Mapping[str, Any]]:
        """What was said since it was last asked."""
        heard: list[Mapping[str, Any]] = []
        while True:
            asked = {"maxMessages": ROWS_MAX, "returnImmediately": True}
            received = _ask("POST", f"{self.url}:pull", json=asked).get("receivedMessages", [])
            if not received:
                return heard
            _ask("POST", f"{self.url}:acknowledge", json={"ackIds": [each["ackId"] for each in received]})
            heard += [each["message"] for each in received]


class Doubler:
    """Says again, twice and backwards, whatever is said on the topic, to both functions, until it is left."""

    def __init__(self, cloud: Cloud, tap: Tap) -> None:
        self.heard: list[Mapping[str, Any]] = []
        self.statuses: list[int] = []
        self._tap = tap
        self._urls = [cloud.push_url(subscriber) for subscriber in Subscriber]
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Doubler":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._left.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._left.wait(0.1):
            if messages := self._tap.messages():
                self.heard += messages
                self.statuses += asyncio.run(push_all(self._urls, messages[::-1] * 2))


async def push_all(urls: list[str], messages: list[Mapping[str, Any]]) -> list[int]:
    """Each message to each address, some at once, in the order given."""
    room = asyncio.Semaphore(AT_ONCE)

    async def push(client: httpx.AsyncClient, url: str, message: Mapping[str, Any]) -> int:
        async with room:
            body = {"subscription": "projects/p/subscriptions/again", "message": message}
            return (await client.post(url, json=body)).status_code

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await asyncio.gather(*(push(client, url, message) for message in messages for url in urls))


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Ports]:
    ports = build(config)
    try:
        yield ports
    finally:
        await ports.close()


def readable(value: object) -> Iterator[str]:
    """All text in what an emulator tells, and all bytes as whatever text they may be."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            if name in ("bytesValue", "data") and isinstance(inner, str):
                yield base64.b64decode(inner).decode("latin-1")
            else:
                yield from readable(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from readable(inner)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    else:
        yield json.dumps(value, ensure_ascii=False)


def _ask(method: str, url: str, **options: Any) -> Any:
    answer = httpx.request(method, url, headers=ANYBODY, timeout=30, trust_env=False, **options)
    answer.raise_for_status()
    return answer.json() if answer.content else {}
