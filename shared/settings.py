"""What can be set, with what nobody needs to set, and how it is written into `STENO_*` variables and read back."""

import math
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = "STENO_"

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

SESSIONS_MAX: Final = 200
"""Where somebody else's machines recognise the speech."""

LOCAL_SESSIONS_PER_PROCESSOR: Final = 5
"""A second of speech costs the engine `local` 0.3 s of a processor, so three who never pause fill one. Who dictates speaks
about two thirds of the time, and a page that is paused costs nothing: five a processor are heard as they speak.
"""

LOCAL_PROCESSORS_MAX: Final = 8
"""The engine `local` uses no more of them."""


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"
    """Plain on a terminal, JSON anywhere else."""
    PLAIN = "plain"
    JSON = "json"


def config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "steno"


def data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "steno"


def _words(given: object) -> object:
    return (
        tuple(word.strip() for word in given.split(",") if word.strip()) if isinstance(given, str) else given
    )


def _pairs(given: object) -> object:
    if not isinstance(given, str):
        return given
    pairs = [word.partition("=") for word in given.split(",") if word.strip()]
    if not all(name.strip() and url.strip() for name, _, url in pairs):
        raise ValueError("write it as NAME=URL,NAME=URL")
    return {name.strip(): url.strip() for name, _, url in pairs}


def _absolute(given: object) -> Path:
    # A path of no characters means the directory one happens to be in, which may be anybody's: it is what
    # `--data-dir "$DATA"` gives where DATA is not set.
    if not str(given):
        raise ValueError("name a place, or leave the option out")
    return Path(os.path.abspath(Path(str(given)).expanduser()))


_RESOURCE: Final = r"^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$"
"""What Pub/Sub allows as the name of a topic."""

Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Urls = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_pairs)]
Place = Annotated[Path, BeforeValidator(_absolute)]


class Config(BaseSettings):
    """What one process is told. Made by `load_config`, which refuses what cannot work."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    backend: str = "embedded"
    data_dir: Place = Field(default_factory=data_home)
    key_file: Place = Field(default_factory=lambda: config_home() / "key-encryption.json")
    ticket_key_file: Place = Field(default_factory=lambda: config_home() / "ticket.key")
    ticket_keys: str = Field(default="", repr=False)
    """The ring itself instead of a file of it: a ticket of one instance must be good on every other."""
    engines: Names = ("local",)
    """In the order in which they are tried."""
    provider_urls: Urls = Field(default_factory=dict)
    """Where a provider is reached, when not at its own address."""
    deepgram_key: str = Field(default="", repr=False)
    speechmatics_key: str = Field(default="", repr=False)
    polisher: str = "rules"
    gemini_key: str = Field(default="", repr=False)
    """An express key of Vertex AI; without one it is reached through `project` and `gemini_location`."""
    gemini_location: str = ""
    gemini_model: str = "gemini-3.5-flash-lite"
    polish_deadline_ms: int = Field(default=4_000, ge=1_000, le=6_000)
    """How long Gemini may take over one utterance, whatever is tried."""
    model_dir: Place = Path(__file__).parent.parent / "models" / "whisper-base"
    sign_in: str = "development"
    project: str = ""
    """The Google Cloud project; on the emulators any name will do."""
    firestore_emulator: str = ""
    """HOST:PORT, as of the other two."""
    pubsub_emulator: str = ""
    storage_emulator: str = ""
    topic: str = Field(default="steno-wakeups", pattern=_RESOURCE)
    dead_letter_topic: str = Field(default="steno-dead-letters", pattern=_RESOURCE)
    """Also the name of the subscription through which it is read."""
    bucket: str = ""
    """Where drafts are kept."""
    kms_key: str = ""
    """projects/P/locations/L/keyRings/R/cryptoKeys/K: the key-encryption key."""
    push_audience: str = ""
    """What the tokens of pushes and of the scheduler are made out to."""
    push_service_account: str = ""
    scheduler_service_account: str = ""
    host: str = LOOPBACK[0]
    port: int = Field(default=8_000, ge=1, le=65_535)
    sessions_max: int | None = Field(default=None, ge=1, le=10_000)
    """Of one ingest process; None for as many as can be heard, see `sessions_each`."""
    retention_days: int | None = Field(default=None, ge=1, le=36_500)
    """None keeps every session until somebody deletes it."""
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.AUTO
    cloud_service: str = Field(default="", validation_alias="K_SERVICE")
    """Cloud Run names its service here; empty anywhere else."""

    @property
    def in_cloud(self) -> bool:
        return bool(self.cloud_service)

    @property
    def database(self) -> Path:
        return self.data_dir / "steno.db"

    @property
    def blobs_dir(self) -> Path:
        return self.data_dir / "drafts"

    def sessions_each(self, instances: int = 1) -> int:
        """How many sessions at once each of `instances` ingest processes on this machine takes."""
        return self.sessions_max or sessions_heard(self.engines[0], os.cpu_count() or 1, instances)

    def environment(self) -> dict[str, str]:
        """The variables that give another process exactly this configuration."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "cloud_service"}
        return {variable(name): _spelt(value) for name, value in fields.items() if value is not None}


def sessions_heard(engine: str, processors: int, instances: int) -> int:
    """How many sessions each of `instances` processes on one machine can take, and still hear them as they speak.

    Those beyond are told that it is busy, and dial again; their audio waits with them. Were they all let in, nobody's
    words would come: the machine would hear a little of each in turn.
    """
    if engine != "local":
        return SESSIONS_MAX
    return math.ceil(LOCAL_SESSIONS_PER_PROCESSOR * min(processors, LOCAL_PROCESSORS_MAX) / instances)


def variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _spelt(value: object) -> str:
    """The inverse of what the fields' validators read."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={url}" for name, url in value.items())
    return str(value)
