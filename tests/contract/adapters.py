"""The adapters behind each port, and how the suites open them. Another adapter joins with one line in its list."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

from shared.adapters.embedded_bus import EmbeddedBus
from shared.adapters.filesystem import FilesystemBlobs
from shared.adapters.firestore import FirestoreStore
from shared.adapters.gcs import GcsBlobs
from shared.adapters.kms import KmsKey
from shared.adapters.local_keys import open_key_file
from shared.adapters.sqlite import SqliteStore
from shared.ports import Blobs, Bus, Clock, KeyEncryption, Store
from tests.doubles.emulators import firestore_project, storage_bucket
from tests.doubles.faulty_store import FaultyStore
from tests.doubles.memory import MemoryBlobs, MemoryBus, MemoryStore
from tests.providers import kms

T = TypeVar("T")

CALL_MS_MAX: Final = 20_000
"""Of calls to emulators that share two cores with everything else; the suites are not about deadlines."""


@asynccontextmanager
async def directory(tmp_path: Path) -> AsyncIterator[str]:
    """The place of an adapter that keeps its data in files."""
    yield str(tmp_path / "data")


@asynccontextmanager
async def database(tmp_path: Path) -> AsyncIterator[str]:
    with firestore_project() as place:
        yield place


@asynccontextmanager
async def bucket(tmp_path: Path) -> AsyncIterator[str]:
    with storage_bucket() as place:
        yield place


@asynccontextmanager
async def key_service(tmp_path: Path) -> AsyncIterator[str]:
    with kms.serving() as serving:
        yield serving.address


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One adapter. What is opened at the same place, here or in another process, shares its data."""

    name: str
    open: Callable[[str, Clock], Awaitable[T]]
    place: Callable[[Path], AbstractAsyncContextManager[str]] = directory
    """A fresh and empty place, there until the context ends."""
    crosses_processes: bool = True


_stores: WeakValueDictionary[str, MemoryStore] = WeakValueDictionary()
_buses: WeakValueDictionary[str, MemoryBus] = WeakValueDictionary()
_blobs: WeakValueDictionary[str, MemoryBlobs] = WeakValueDictionary()


async def memory_store(place: str, clock: Clock) -> Store:
    return _stores.setdefault(place, MemoryStore())


async def faulty_store(place: str, clock: Clock) -> Store:
    return FaultyStore(_stores.setdefault(place, MemoryStore()), clock)


async def sqlite_store(place: str, clock: Clock) -> Store:
    return SqliteStore.open(Path(place, "steno.db"))


async def firestore_store(place: str, clock: Clock) -> Store:
    address, _, project = place.partition("/")
    return FirestoreStore.open(project, address, CALL_MS_MAX)


async def memory_bus(place: str, clock: Clock) -> Bus:
    return _buses.setdefault(place, MemoryBus(clock))


async def embedded_bus(place: str, clock: Clock) -> Bus:
    return EmbeddedBus.open(Path(place, "steno.db"), clock)


async def memory_blobs(place: str, clock: Clock) -> Blobs:
    return _blobs.setdefault(place, MemoryBlobs())


async def filesystem_blobs(place: str, clock: Clock) -> Blobs:
    return FilesystemBlobs.open(Path(place))


async def gcs_blobs(place: str, clock: Clock) -> Blobs:
    url, _, bucket = place.rpartition("/")
    return GcsBlobs.open("test", bucket, url, CALL_MS_MAX)


async def key_file(place: str, clock: Clock) -> KeyEncryption:
    return open_key_file(Path(place, "key.json"))


async def kms_key(place: str, clock: Clock) -> KeyEncryption:
    return KmsKey.open(kms.KEY, place, CALL_MS_MAX)


STORES: Final = [
    Kind("memory", memory_store, crosses_processes=False),
    Kind("faulty", faulty_store, crosses_processes=False),
    Kind("sqlite", sqlite_store),
    Kind("firestore", firestore_store, database),
]
BUSES: Final = [
    Kind("memory", memory_bus, crosses_processes=False),
    Kind("embedded", embedded_bus),
]
BLOBS: Final = [
    Kind("memory", memory_blobs, crosses_processes=False),
    Kind("filesystem", filesystem_blobs),
    Kind("gcs", gcs_blobs, bucket),
]
KEYS: Final = [
    Kind("key_file", key_file),
    Kind("kms", kms_key, key_service),
]


def crossing(kinds: list[Kind[T]]) -> list[Kind[T]]:
    """Those whose data other processes share."""
    return [kind for kind in kinds if kind.crosses_processes]


def named(kinds: list[Kind[T]], name: str) -> Kind[T]:
    return next(kind for kind in kinds if kind.name == name)
