"""What `steno doctor` looks at, one function each. Nothing is created, changed or started by looking."""

import errno
import fcntl
import importlib.metadata
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import av

from infra.local.emulators import find_tools
from infra.local.lock import NAME as LOCK_NAME
from infra.local.stack import port_is_free
from infra.models import WHISPER_BASE
from shared.checksums import first_wrong, read_sums
from shared.config import Config
from shared.errors import SetupError

PYTHON_MIN: Final = (3, 11)
FREE_BYTES_MIN: Final = 200 << 20
FREE_BYTES_WANTED: Final = 1 << 30
CODECS: Final = ("aac", "flac", "mp3", "opus", "vorbis", "pcm_s16le")
GOOGLES: Final = (
    "functions-framework",
    "google-cloud-firestore",
    "google-cloud-kms",
    "google-cloud-pubsub",
    "google-cloud-storage",
)
RUNNING_EXTRAS: Final = frozenset({"ingest", "polish", "autosave", "client", "local"})


class Verdict(StrEnum):
    OK = "ok"
    FAIL = "FAIL"
    WARN = "warn"
    ABSENT = "-"
    """Not there, and only needed for what the line says."""


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    about: str
    told: str
    """What was found; after a semicolon, what to do about it."""


def python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < PYTHON_MIN:
        return Finding(
            Verdict.FAIL, "Python", f"{version} is too old; install 3.11 or newer, then: make setup"
        )
    if not __debug__:
        return Finding(Verdict.FAIL, "Python", "runs without assertions; leave out -O and PYTHONOPTIMIZE")
    return Finding(Verdict.OK, "Python", version)


def packages() -> Finding:
    missing = sorted({name for name in _required() if not _installed(name)})
    if missing:
        return Finding(Verdict.FAIL, "packages", f"missing: {', '.join(missing)}; run: make setup")
    return Finding(Verdict.OK, "packages", "all installed")


def _required() -> Iterator[str]:
    for requirement in importlib.metadata.requires("steno") or ():
        name, _, marker = requirement.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if extra is None or extra[1] in RUNNING_EXTRAS:
            yield re.split(r"[\s\[<>=!~(]", name.strip(), maxsplit=1)[0]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def ffmpeg() -> Finding:
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    missing = [name for name in CODECS if not _decodes(name)]
    if missing:
        return Finding(
            Verdict.WARN, "audio formats", f"libavcodec {version} cannot read {', '.join(missing)}"
        )
    return Finding(Verdict.OK, "audio formats", f"libavcodec {version} reads {', '.join(CODECS)} and more")


def _decodes(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def weights(config: Config) -> Finding:
    directory = config.model_dir
    digests = read_sums(directory) or WHISPER_BASE.digests
    try:
        wrong = first_wrong(directory, digests)
    except OSError as error:
        return Finding(
            Verdict.FAIL, "speech weights", f"cannot read {directory} ({error.strerror}); make it readable"
        )
    if wrong is None:
        return Finding(Verdict.OK, "speech weights", f"{directory} is complete, checksums match")
    verdict = Verdict.FAIL if "local" in config.engines else Verdict.ABSENT
    return Finding(
        verdict, "speech weights", f"{directory / wrong} is missing or not what it should be; run: make setup"
    )


def data_dir(config: Config) -> Finding:
    directory = config.data_dir
    place = _nearest(directory)
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding(
            Verdict.FAIL,
            "data directory",
            f"{directory} cannot be written; make it yours, or choose another with --data-dir",
        )
    state = "" if place == directory else " (made at the first start)"
    return Finding(Verdict.OK, "data directory", f"{directory} can be written{state}")


def disk(config: Config) -> Finding:
    place = _nearest(config.data_dir)
    free = shutil.disk_usage(place).free
    shown = f"{free >> 20} MB" if free < 10 << 30 else f"{free >> 30} GB"
    told = f"{shown} free for {config.data_dir}"
    if free < FREE_BYTES_MIN:
        return Finding(Verdict.FAIL, "disk space", f"{told}; free some, or saving will fail")
    if free < FREE_BYTES_WANTED:
        return Finding(Verdict.WARN, "disk space", f"{told}; free some before it runs out")
    return Finding(Verdict.OK, "disk space", told)


def key_file(config: Config) -> Finding:
    path = config.key_file
    if path.exists() or not config.database.exists():
        found = _private("key file", path)
        # The one file without which everything else is lost; a newcomer would not think of it.
        backup = " (keep a copy elsewhere: without it nothing stored can be read)"
        return replace(found, told=found.told + backup) if found.verdict is Verdict.OK else found
    return Finding(
        Verdict.FAIL,
        "key file",
        f"{path} is missing, and without it the sessions in {config.data_dir} cannot be read; restore it from"
        " your backup",
    )


def ticket_key_file(config: Config) -> Finding:
    return _private("ticket key", config.ticket_key_file)


def _private(about: str, path: Path) -> Finding:
    try:
        found = path.stat()
    except FileNotFoundError:
        return Finding(Verdict.OK, about, f"{path} is made at the first start")
    except OSError as error:
        return Finding(
            Verdict.FAIL, about, f"cannot look at {path} ({error.strerror}); make it yours to read"
        )
    if not stat.S_ISREG(found.st_mode):
        return Finding(Verdict.FAIL, about, f"{path} is not a file; restore it from your backup")
    if found.st_mode & 0o077:
        return Finding(Verdict.FAIL, about, f"others may read {path}; run: chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return Finding(Verdict.FAIL, about, f"cannot read {path}; make it yours to read")
    return Finding(Verdict.OK, about, f"{path} is yours alone")


def port(config: Config) -> Finding:
    if port_is_free(config.host, config.port):
        return Finding(Verdict.OK, "port", f"{config.port} of {config.host} is free")
    holder = supervisor(config.data_dir)
    if holder is not None:
        return Finding(
            Verdict.OK, "port", f"{config.port} is taken, and Steno runs on this data (process {holder})"
        )
    return Finding(
        Verdict.FAIL,
        "port",
        f"{config.port} of {config.host} is taken; stop what uses it, or choose another with --port",
    )


def supervisor(directory: Path) -> str | None:
    """The process that runs Steno on this data directory, if one does."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        told = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        return (told or "unknown") if error.errno == errno.EWOULDBLOCK else None
    finally:
        os.close(descriptor)
    return None


def backend(config: Config) -> Iterator[Finding]:
    """What Google's clients and emulators need, where they were chosen."""
    if config.backend == "embedded":
        return
    missing = [name for name in GOOGLES if not _installed(name)]
    if missing:
        yield Finding(
            Verdict.FAIL, "Google's packages", f"missing: {', '.join(missing)}; run: make setup-dev"
        )
    else:
        yield Finding(Verdict.OK, "Google's packages", "all installed")
    if config.backend == "emulators":
        try:
            tools = find_tools(os.environ)
        except SetupError as error:
            yield Finding(Verdict.FAIL, "emulators", str(error))
        else:
            yield Finding(Verdict.OK, "emulators", f"{tools.firestore_jar} and the others are there")


def optional() -> Iterator[Finding]:
    """What only developing, or rehearsing the cloud, needs."""
    yield _tool("Chromium", ("chromium", "chromium-browser", "google-chrome"), "the browser tests")
    yield _tool("Node.js", ("node",), "the recorder page's own tests and type checks")
    yield _tool("Java", ("java",), "Google's emulators")
    yield _tool("Google Cloud SDK", ("gcloud",), "Google's emulators")


def _tool(about: str, names: tuple[str, ...], needed_for: str) -> Finding:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        return Finding(Verdict.ABSENT, about, f"not installed; needed only for {needed_for}")
    return Finding(Verdict.OK, about, f"{found}, for {needed_for}")


def _nearest(path: Path) -> Path:
    """The path, or the first directory above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
