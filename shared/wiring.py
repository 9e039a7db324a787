"""Composition: the one module that knows every adapter. Nothing here happens at import."""

from dataclasses import dataclass

from shared.adapters.clocks import SystemClock
from shared.adapters.embedded_bus import EmbeddedBus
from shared.adapters.filesystem import FilesystemBlobs
from shared.adapters.key_check import check_key
from shared.adapters.local_keys import open_key_file
from shared.adapters.sqlite import SqliteStore
from shared.config import Config
from shared.observe import get_logger
from shared.ports import Blobs, Bus, Clock, KeyEncryption, Store


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside the process, ready to use. Whoever built it closes it."""

    store: Store
    bus: Bus
    blobs: Blobs
    kek: KeyEncryption
    clock: Clock

    async def close(self) -> None:
        await self.bus.close()
        await self.blobs.close()
        await self.store.close()


def build(config: Config) -> Ports:
    """The adapters of `config.backend`, opened. Blocks; for start-up.

    Raises:
        SetupError: something they need is missing or cannot be used, and what to do about it.
    """
    assert config.backend == "embedded", "load_config admits no other yet"
    clock = SystemClock()
    # A fresh key beside old data would make every session unreadable without a word said.
    kek = open_key_file(config.key_file, create=not config.database.exists())
    check_key(config.data_dir, kek)
    ports = Ports(
        store=SqliteStore.open(config.database),
        bus=EmbeddedBus.open(config.database, clock),
        blobs=FilesystemBlobs.open(config.blobs_dir),
        kek=kek,
        clock=clock,
    )
    get_logger("wiring").info(
        "running on this machine's own adapters: SQLite, files and a key file, not fit for several machines",
        data_dir=str(config.data_dir),
    )
    return ports
