"""`steno up --backend emulators`: which processes beside ingest stand for Google Cloud on this machine, told what.

Where the emulators listen is left in the data directory while they run, for commands that start later.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.local.emulators import HOST, Emulator, Tools, firestore, pubsub, storage
from infra.local.provision import subscription_of
from infra.local.stack import Process, ingest, not_ours, ours, theirs, told_by
from infra.local.supervisor import Charge
from shared.config import EMULATORS, Config, variable
from shared.errors import SetupError
from shared.ports import Subscriber

ROOT: Final = Path(__file__).parents[2]
QUIET: Final = Path(__file__).with_name("java-logging.properties")
ADDRESSES: Final = "emulators.json"
ADDRESSES_BYTES_MAX: Final = 4_096
SHARED: Final = ("project", "bucket", "topic", "dead_letter_topic", *EMULATORS)

PROJECT: Final = "steno-rehearsal"
BUCKET: Final = "steno-drafts"


def plan_rehearsal(
    config: Config, tools: Tools, ports: Sequence[int], environment: Mapping[str, str]
) -> list[Process]:
    """Everything for a `config` that `with_addresses` completed."""
    functions = dict(zip(Subscriber, free_ports(len(Subscriber)), strict=True))
    urls = {subscriber: f"http://{HOST}:{port}/" for subscriber, port in functions.items()}
    return [
        *(_emulator(each, tools, environment) for each in _emulators(config, tools)),
        _scheduler(config, urls, environment),
        *(_function(config, subscriber, port, environment) for subscriber, port in functions.items()),
        *ingest(config, ports, environment),
    ]


def with_addresses(config: Config) -> Config:
    """Names for the project and the bucket, and free ports for the emulators. Raises SetupError if one is given."""
    given = [name for name in EMULATORS if getattr(config, name)]
    if given:
        raise SetupError(f"{variable(given[0])} is set, but steno up starts its own emulators; unset it")
    addresses = (f"{HOST}:{port}" for port in free_ports(len(EMULATORS)))
    named = {"project": config.project or PROJECT, "bucket": config.bucket or BUCKET}
    return config.model_copy(update={**named, **dict(zip(EMULATORS, addresses, strict=True))})


@contextmanager
def addresses_told(config: Config) -> Iterator[None]:
    """While it lasts, `running` of the same data directory finds them."""
    path = config.data_dir / ADDRESSES
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({name: getattr(config, name) for name in SHARED}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running(config: Config) -> Config:
    """`config` with the addresses of the emulators that `steno up` runs on its data directory.

    Raises SetupError if it runs none.
    """
    try:
        with (config.data_dir / ADDRESSES).open("rb") as file:
            told = json.loads(file.read(ADDRESSES_BYTES_MAX))
        return config.model_copy(update={name: str(told[name]) for name in SHARED})
    except (OSError, ValueError, KeyError, TypeError):
        raise SetupError(
            f"no emulators run on {config.data_dir}, and their data ended with them; start them with: steno up"
            " --backend emulators, or say where they run with --data-dir"
        ) from None


def free_ports(count: int) -> list[int]:
    """Held all at once while they are chosen, so that they differ."""
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _emulators(config: Config, tools: Tools) -> list[Emulator]:
    ports = (int(getattr(config, name).rpartition(":")[2]) for name in EMULATORS)
    return [make(tools, port) for make, port in zip((firestore, pubsub, storage), ports, strict=True)]


def _emulator(emulator: Emulator, tools: Tools, environment: Mapping[str, str]) -> Process:
    program, *arguments = emulator.command
    quiet = [f"-Djava.util.logging.config.file={QUIET}"] if program == tools.java else []
    # Ingest has its last words to store, and to announce.
    charge = Charge(emulator.name, stops_last=True)
    return Process(charge, theirs([program, *quiet, *arguments]), not_ours(environment), emulator.health_url)


def _scheduler(config: Config, urls: Mapping[Subscriber, str], environment: Mapping[str, str]) -> Process:
    places = {f"{subscriber.upper()}_URL": url for subscriber, url in urls.items()}
    # The last thing it makes: once that is there, all is.
    made = f"http://{config.pubsub_emulator}/v1/{subscription_of(config, list(urls)[-1])}"
    told = {**told_by(config, environment), **places}
    return Process(Charge("scheduler"), ours("infra.local.scheduler"), told, made)


def _function(config: Config, subscriber: Subscriber, port: int, environment: Mapping[str, str]) -> Process:
    name = subscriber.value
    told = {
        **told_by(config, environment),
        "FUNCTION_TARGET": name,
        "FUNCTION_SOURCE": str(ROOT / "services" / name / "main.py"),
        "FUNCTION_SIGNATURE_TYPE": "http",
        "FUNCTION_USE_ASGI": "true",
        "HOST": HOST,
        "PORT": str(port),
        # One server process: of more, each would keep its own count of what it has swept.
        "WORKERS": "1",
        "DEBUG": "false",
    }
    return Process(Charge(name), ours("functions_framework"), told, f"http://{HOST}:{port}/readyz")
