"""Which settings cannot work, alone or together: each problem a sentence that names its variable and what to do."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.settings import LOOPBACK, PREFIX, Config, variable

EVERYWHERE: Final = "0.0.0.0"
"""Every address of the machine: where Cloud Run, which alone reaches its containers, expects an answer."""

READY: Final[dict[str, tuple[str, ...]]] = {
    "backend": ("embedded", "emulators", "gcp"),
    "engines": ("local", "deepgram", "speechmatics", "scripted"),
    "polisher": ("rules", "gemini"),
    "gemini_model": (
        "gemini-3.5-flash-lite",
        "gemini-3.1-flash-lite",
        "gemini-3.7-flash",
        "gemini-3.8-flash",
    ),
    "sign_in": ("development",),
}
"""What can be chosen."""

NOT_YET: Final[dict[str, tuple[str, ...]]] = {}
"""What has a name already, and no adapter."""

EMULATORS: Final = ("firestore_emulator", "pubsub_emulator", "storage_emulator")
"""Settings that say where an emulator is."""

_GOOGLES_OWN: Final = ("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST")
"""Variables that turn Google's clients to an emulator without a word."""

_DEVELOPER_API: Final = "generativelanguage.googleapis.com"

_PROVIDERS: Final = ("deepgram", "speechmatics", "gemini")
_OPTIONS: Final = {
    "backend": "--backend",
    "data_dir": "--data-dir",
    "engines": "--engine",
    "host": "--host",
    "polisher": "--polisher",
    "port": "--port",
    "provider_urls": "--provider-url",
}
"""What `steno up` has an option for."""


class Role(StrEnum):
    """Which process is configured: what one cannot do without is no business of another."""

    INGEST = "ingest"
    POLISH = "polish"
    AUTOSAVE = "autosave"
    COMMAND = "command"
    """Started by a person: `steno up`, which starts the others, and what looks after them."""


_NEEDED_ON_GCP: Final[dict[Role, tuple[str, ...]]] = {
    Role.INGEST: ("ticket_keys",),
    Role.POLISH: ("push_audience", "push_service_account"),
    Role.AUTOSAVE: ("push_audience", "push_service_account", "scheduler_service_account"),
    Role.COMMAND: (),
}

_KMS_KEY: Final = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_ADDRESS: Final = re.compile(r"[^/:@\s]+:\d{1,5}")


def unfit(config: Config, role: Role, environment: Mapping[str, str]) -> Iterator[str]:
    """What a `role` cannot work with, sentence by sentence."""
    yield from _unusable(config)
    yield from _host_unusable(config, role)
    yield from _unfit_for_google(config, role, environment)
    yield from _unfit_for_the_cloud(config, role)
    yield from _unfit_for_patients(config, role)


def unknown(environment: Mapping[str, str], fields: Iterable[str]) -> Iterator[str]:
    """A misspelt setting would otherwise be ignored in silence."""
    known = {variable(name) for name in fields}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            yield f"{name} is no setting of Steno's{f'; did you mean {close[0]}?' if close else ''}"


def named(field: str) -> str:
    """How a setting is named to the person who must put it right, who may have used either way to give it."""
    return f"{_OPTIONS[field]} ({variable(field)})" if field in _OPTIONS else variable(field)


def _unusable(config: Config) -> Iterator[str]:
    yield from _not_there("backend", [config.backend])
    yield from _not_there("engines", config.engines)
    yield from _not_there("polisher", [config.polisher])
    yield from _not_there("gemini_model", [config.gemini_model])
    yield from _not_there("sign_in", [config.sign_in])
    if not config.engines:
        yield f"{named('engines')} names no engine; choose {' or '.join(READY['engines'])}"
    if len(config.engines) != len(set(config.engines)):
        yield f"{named('engines')} names an engine twice; name each once, in the order in which to try them"
    yield from _bad_urls(config.provider_urls)
    yield from _keys_missing(config)
    yield from _gemini_unusable(config)
    for field, path in (("key_file", config.key_file), ("ticket_key_file", config.ticket_key_file)):
        if path.is_relative_to(config.data_dir):
            yield (
                f"{named(field)} is inside the data directory {config.data_dir}, so a copy of the data would carry"
                " its key; put it somewhere else"
            )


def _host_unusable(config: Config, role: Role) -> Iterator[str]:
    if config.in_cloud and role is Role.INGEST:
        if config.host != EVERYWHERE:
            yield f"{named('host')} is {config.host}, which Cloud Run cannot reach; choose {EVERYWHERE}"
    elif config.host not in LOOPBACK:
        yield (
            f"{named('host')} is {config.host}, which other machines may reach; until Steno has TLS and a real"
            f" sign-in it serves this machine only: choose one of {', '.join(LOOPBACK)}"
        )


def _not_there(field: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        choices = " or ".join(READY[field])
        if name in NOT_YET.get(field, ()):
            yield f"{named(field)}: {name} is not part of this version yet; choose {choices}"
        elif name not in READY[field]:
            yield f"{named(field)}: there is no {name!r}; choose {choices}"


def _bad_urls(urls: Mapping[str, str]) -> Iterator[str]:
    for name in urls:
        address = _address_of(urls, name)
        if name not in _PROVIDERS:
            yield f"{named('provider_urls')}: there is no provider {name!r}; choose {', '.join(_PROVIDERS)}"
        elif address.scheme not in ("ws", "wss", "http", "https") or not address.hostname:
            yield f"{named('provider_urls')}: the address of {name} should look like wss://HOST/PATH"
        elif address.scheme in ("ws", "http") and address.hostname not in LOOPBACK:
            yield (
                f"{named('provider_urls')}: the address of {name} must be {address.scheme}s, because what patients"
                " say, and the key, would cross the network in the clear"
            )


def _address_of(urls: Mapping[str, str], provider: str) -> SplitResult:
    try:
        return urlsplit(urls.get(provider, ""))
    except ValueError:
        # A bracket that is not closed: an address without anything is refused as one.
        return urlsplit("")


def _keys_missing(config: Config) -> Iterator[str]:
    """A vendor's server on this machine is a rehearsal, which asks for no key."""
    for name in config.engines:
        rehearsed = _address_of(config.provider_urls, name).hostname in LOOPBACK
        if name in _PROVIDERS and not rehearsed and not getattr(config, f"{name}_key"):
            yield f"{variable(f'{name}_key')} must be given, because {named('engines')} names {name}"


def _gemini_unusable(config: Config) -> Iterator[str]:
    if config.polisher != "gemini":
        return
    url = _address_of(config.provider_urls, "gemini")
    if url.hostname == _DEVELOPER_API:
        yield (
            f"{named('provider_urls')}: the terms of the Gemini Developer API forbid clinical use; leave gemini out,"
            " and Vertex AI is used"
        )
    if url.scheme and url.scheme not in ("http", "https"):
        yield f"{named('provider_urls')}: the address of gemini should look like https://HOST"
    has_place = bool(config.project and config.gemini_location)
    if url.hostname not in LOOPBACK and not config.gemini_key and not has_place:
        yield (
            f"{variable('gemini_key')}, or {variable('project')} and {variable('gemini_location')}, must be given,"
            f" because {named('polisher')} is gemini"
        )


def _unfit_for_google(config: Config, role: Role, environment: Mapping[str, str]) -> Iterator[str]:
    for field in EMULATORS:
        address = getattr(config, field)
        if address and not _ADDRESS.fullmatch(address):
            yield f"{named(field)} is {address!r}; write it as HOST:PORT"
    if config.backend == "gcp":
        yield from _missing(config, "project", "bucket", "kms_key", *_NEEDED_ON_GCP[role])
        yield from _unfit_for_gcp(config, role, environment)
    elif config.backend == "emulators" and role is not Role.COMMAND:
        # `steno up` chooses them for all that it starts.
        yield from _missing(config, "project", "bucket", *EMULATORS)


def _missing(config: Config, *fields: str) -> Iterator[str]:
    for field in fields:
        if not getattr(config, field):
            yield f"{named(field)} must be given, because {variable('backend')} is {config.backend}"


def _unfit_for_gcp(config: Config, role: Role, environment: Mapping[str, str]) -> Iterator[str]:
    if config.kms_key and not _KMS_KEY.fullmatch(config.kms_key):
        yield f"{named('kms_key')} should look like projects/P/locations/L/keyRings/R/cryptoKeys/K"
    given = [variable(field) for field in EMULATORS if getattr(config, field)]
    for name in [*given, *(name for name in _GOOGLES_OWN if environment.get(name))]:
        yield f"{name} is set, so patients' data would go to an emulator; unset it, because {variable('backend')} is gcp"
    if role is Role.INGEST and config.sign_in == "development":
        yield f"under the backend gcp {variable('sign_in')} cannot be development, which signs in whoever asks"


def _unfit_for_the_cloud(config: Config, role: Role) -> Iterator[str]:
    """A laptop's defaults are no place for patients: the cloud must be told what it is to use."""
    if not config.in_cloud:
        return
    if config.backend != "gcp":
        yield f"on Cloud Run {variable('backend')} cannot be {config.backend}, whose data ends with the instance"
    if role in (Role.INGEST, Role.COMMAND) and config.sign_in == "development" and config.backend != "gcp":
        yield f"on Cloud Run {variable('sign_in')} cannot be development, which signs in whoever asks"
    if config.retention_days is None:
        yield f"on Cloud Run {variable('retention_days')} must say after how many days sessions are deleted"


def _unfit_for_patients(config: Config, role: Role) -> Iterator[str]:
    """Where what is dictated is a patient's, nothing is rehearsed: hashes for words, or a vendor that is not there."""
    if role is Role.COMMAND or not (config.in_cloud or config.backend == "gcp"):
        return
    where = "on Cloud Run" if config.in_cloud else "under the backend gcp"
    if "scripted" in config.engines:
        yield f"{where} {named('engines')} cannot name scripted, which hears no words; choose a vendor"
    for name in config.provider_urls:
        if _address_of(config.provider_urls, name).hostname in LOOPBACK:
            yield (
                f"{where} the address of {name} in {named('provider_urls')} cannot be this machine's, which is for"
                " rehearsals; leave it out, and the vendor's own is used"
            )
