"""Composition: the one module that knows every adapter. Nothing here happens at import.

What belongs to Google is imported only where it was chosen: a laptop does without those packages.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.adapters.clocks import SystemClock
from shared.adapters.embedded_bus import EmbeddedBus
from shared.adapters.filesystem import FilesystemBlobs
from shared.adapters.key_check import check_key
from shared.adapters.local_keys import open_key_file
from shared.adapters.sqlite import SqliteStore
from shared.config import Config
from shared.errors import SetupError
from shared.observe import get_logger
from shared.ports import Blobs, Bus, Clock, DeadLetterBox, DeadLetters, KeyEncryption, Publisher, Store
from shared.push import Verify


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside the process, ready to use. Whoever built it closes it."""

    store: Store
    bus: Publisher
    blobs: Blobs
    kek: KeyEncryption
    clock: Clock
    letters: DeadLetters
    pulled: Bus | None = None
    """The bus once more, where wake-ups are pulled from it."""
    box: DeadLetterBox | None = None
    """The dead letters once more, where wake-ups are pushed, and who is pushed to must keep what it gives up."""
    verify: Verify | None = None
    """How the tokens of pushes are checked; None where they carry none."""
    close_key: Callable[[], None] | None = None

    async def close(self) -> None:
        if self.box is not None:
            await self.box.close()
        await self.bus.close()
        await self.blobs.close()
        await self.store.close()
        if self.close_key is not None:
            self.close_key()


def build(config: Config) -> Ports:
    """The adapters of `config.backend`, opened, for the event loop that runs. Blocks; for start-up.

    Raises:
        SetupError: something they need is missing or cannot be used, and what to do about it.
    """
    match config.backend:
        case "emulators":
            with _googles_packages():
                return _emulators(config)
        case "gcp":
            with _googles_packages():
                return _gcp(config)
        case _:
            return _embedded(config)


def system_clock() -> Clock:
    """For who needs nothing else."""
    return SystemClock()


def _embedded(config: Config) -> Ports:
    clock = SystemClock()
    kek = _local_key(config)
    bus = EmbeddedBus.open(config.database, clock)
    ports = Ports(
        store=SqliteStore.open(config.database),
        bus=bus,
        blobs=FilesystemBlobs.open(config.blobs_dir),
        kek=kek,
        clock=clock,
        letters=bus,
        pulled=bus,
    )
    get_logger("wiring").info(
        "running on this machine's own adapters: SQLite, files and a key file, not fit for several machines",
        data_dir=str(config.data_dir),
    )
    return ports


def _emulators(config: Config) -> Ports:
    from shared.adapters.firestore import FirestoreStore
    from shared.adapters.gcs import GcsBlobs
    from shared.adapters.pubsub import PubsubPublisher
    from shared.adapters.pubsub_letters import PubsubLetters

    kek = _local_key(config)
    bus = PubsubPublisher.open(config.project, config.topic, config.pubsub_emulator)
    box = PubsubLetters.open(config.project, config.dead_letter_topic, bus, config.pubsub_emulator)
    ports = Ports(
        store=FirestoreStore.open(config.project, config.firestore_emulator),
        bus=bus,
        blobs=GcsBlobs.open(config.project, config.bucket, f"http://{config.storage_emulator}"),
        kek=kek,
        clock=SystemClock(),
        letters=box,
        box=box,
    )
    get_logger("wiring").info("running on Google's emulators and a key file: data ends with the emulators")
    return ports


def _gcp(config: Config) -> Ports:
    from shared.adapters.firestore import FirestoreStore
    from shared.adapters.gcs import GcsBlobs
    from shared.adapters.google_tokens import GoogleTokens
    from shared.adapters.kms import KmsKey
    from shared.adapters.pubsub import PubsubPublisher
    from shared.adapters.pubsub_letters import PubsubLetters

    kek = KmsKey.open(config.kms_key)
    bus = PubsubPublisher.open(config.project, config.topic)
    box = PubsubLetters.open(config.project, config.dead_letter_topic, bus)
    return Ports(
        store=FirestoreStore.open(config.project),
        bus=bus,
        blobs=GcsBlobs.open(config.project, config.bucket),
        kek=kek,
        clock=SystemClock(),
        letters=box,
        box=box,
        verify=GoogleTokens.open().claims,
        close_key=kek.close,
    )


def _local_key(config: Config) -> KeyEncryption:
    # A fresh key beside old data would make every session unreadable without a word said.
    kek = open_key_file(config.key_file, create=not config.database.exists())
    check_key(config.data_dir, kek)
    return kek


@contextmanager
def _googles_packages() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise SetupError(
            f"a package for Google Cloud and its emulators is missing ({error.name}); run: make setup-dev"
            " (in an environment of your own: pip install 'steno[cloud]')"
        ) from None
