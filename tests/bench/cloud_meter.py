"""Counts what Google would bill: by service, kind and what it is about, from what goes through relays and forwarders.

What is counted: a write for every document that a commit names, once it is answered; a read for every document asked
for by name, found or not, for every document that a query returns, one at least, and for every change that a listener
is told; bytes published and pushed; requests to Cloud Storage. The supervisor's looks at `/readyz` write and read a
document `checks/probe`, which Cloud Run does as an instance starts and never again: they are left out.
"""

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from google.cloud.firestore_v1.types import (
    BatchGetDocumentsResponse,
    CommitRequest,
    ListenRequest,
    ListenResponse,
    RunQueryRequest,
    RunQueryResponse,
)
from google.pubsub_v1.types import PublishRequest

from tests.bench.cloud_prices import Kind, bus_bytes
from tests.doubles.rpc_relay import Ear

PROBE: Final = "probe"
SINGULAR: Final = {"sessions": "session", "entries": "entry", "polished": "polished text"}
COMPARED: Final = {
    "owner": "list of sessions",
    "heartbeat_at_ms": "sessions touched lately",
    "purge_at_ms": "sessions due",
}

ENVELOPE_BYTES: Final = 40
"""Id and time of a message, which are billed with its body and attributes."""

OBJECT: Final = re.compile(r"/b/[^/]+/o(/.+)?$")


class Counted(NamedTuple):
    service: str
    kind: Kind
    what: str


Counts = Counter[Counted]


class Meter:
    """Told by the threads of forwarders and by the event loop of relays."""

    def __init__(self) -> None:
        self._counts: Counts = Counter()
        self._lock = threading.Lock()
        self.sweeps = 0
        """Sweeps asked for and answered."""

    def add(self, service: str, kind: Kind, what: str, count: int = 1) -> None:
        if what != PROBE:
            with self._lock:
                self._counts[Counted(service, kind, what)] += count

    def read_off(self) -> Counts:
        with self._lock:
            return self._counts.copy()

    # --- who listens for one service

    def firestore(self, service: str, method: str) -> Ear:
        match method:
            case "Commit":
                return _Commit(self, service)
            case "BatchGetDocuments":
                return _Get(self, service)
            case "RunQuery":
                return _Query(self, service)
            case "Listen":
                return _Listen(self, service)
        raise AssertionError(f"nobody knows what {method} costs")

    def pubsub(self, service: str, method: str) -> Ear:
        return _Publish(self, service) if method == "Publish" else Ear()

    def storage(self, service: str, method: str, path: str) -> None:
        """A request to Cloud Storage. Deleting is free."""
        found = OBJECT.search(path)
        match method, found:
            case "POST", _:
                self.add(service, Kind.CLASS_A, "object made")
            case "GET", re.Match() if found[1]:
                self.add(service, Kind.CLASS_B, "object read")
            case "GET", _:
                self.add(service, Kind.CLASS_A, "objects listed")

    def push(self, service: str, body: bytes) -> None:
        self.add(service, Kind.BUS, "pushed", bus_bytes(_size(json.loads(body)["message"])))


class _Commit(Ear):
    def __init__(self, meter: Meter, service: str) -> None:
        self._meter = meter
        self._service = service
        self._writes: list[tuple[Kind, str]] = []

    def asked(self, request: bytes) -> None:
        for write in CommitRequest.deserialize(request).writes:
            is_delete = bool(write.delete)
            path = write.delete if is_delete else write.update.name
            self._writes.append((Kind.DELETE if is_delete else Kind.WRITE, _named(path)))

    def answered(self, answer: bytes) -> None:
        for kind, what in self._writes:
            self._meter.add(self._service, kind, what)


class _Get(Ear):
    def __init__(self, meter: Meter, service: str) -> None:
        self._meter = meter
        self._service = service

    def answered(self, answer: bytes) -> None:
        got = BatchGetDocumentsResponse.deserialize(answer)
        path = got.found.name or got.missing
        if path:
            self._meter.add(self._service, Kind.READ, _named(path))


class _Query(Ear):
    """A query is a read as soon as it is asked, and every document but the first is one more."""

    def __init__(self, meter: Meter, service: str) -> None:
        self._meter = meter
        self._service = service
        self._what = ""
        self._found = 0

    def asked(self, request: bytes) -> None:
        self._what = _asked_for(RunQueryRequest.deserialize(request))
        self._meter.add(self._service, Kind.READ, self._what)

    def answered(self, answer: bytes) -> None:
        if "document" in RunQueryResponse.deserialize(answer):
            self._found += 1
            if self._found > 1:
                self._meter.add(self._service, Kind.READ, self._what)


class _Listen(Ear):
    """The emulator tells everything again whenever anything changes, which Firestore does not: each change counts once."""

    def __init__(self, meter: Meter, service: str) -> None:
        self._meter = meter
        self._service = service
        self._told: set[tuple[str, Any]] = set()

    def asked(self, request: bytes) -> None:
        if "add_target" in ListenRequest.deserialize(request):
            self._meter.add(self._service, Kind.READ, "listener's begin")

    def answered(self, answer: bytes) -> None:
        document = ListenResponse.deserialize(answer).document_change.document
        change = (document.name, document.update_time)
        if document.name and change not in self._told:
            self._told.add(change)
            self._meter.add(self._service, Kind.READ, f"{_named(document.name)}, listened to")


class _Publish(Ear):
    def __init__(self, meter: Meter, service: str) -> None:
        self._meter = meter
        self._service = service
        self._bytes = 0

    def asked(self, request: bytes) -> None:
        messages = PublishRequest.deserialize(request).messages
        self._bytes = bus_bytes(*(len(each.data) + _attributes(each.attributes) for each in messages))

    def answered(self, answer: bytes) -> None:
        self._meter.add(self._service, Kind.BUS, "published", self._bytes)


def _size(message: Mapping[str, Any]) -> int:
    return len(base64.b64decode(message.get("data", ""))) + _attributes(message.get("attributes", {}))


def _attributes(given: Mapping[str, str]) -> int:
    return ENVELOPE_BYTES + sum(len(name) + len(value) for name, value in given.items())


def _named(path: str) -> str:
    """What a document is, from its full path."""
    *_, collection, name = path.split("/")
    if collection == "records":
        return f"record {name}"
    return PROBE if collection == "checks" else SINGULAR[collection]


def _asked_for(request: RunQueryRequest) -> str:
    query = request.structured_query
    [source] = query.from_
    if source.collection_id != "sessions":
        return f"{SINGULAR.get(source.collection_id, source.collection_id)}, page"
    both = query.where.composite_filter.filters or [query.where]
    compared = {each.field_filter.field.field_path: each.field_filter.op.name for each in both}
    for field, what in COMPARED.items():
        if field in compared:
            return what
    return "sessions unfinished" if compared["state"] == "IN" else "tombstones"
