"""Google's emulators for tests: each is started once, when first asked for, and ends with the tests.

A project or bucket of its own is what keeps a test apart from others. Where an emulator cannot run, whoever asked for
it fails with a sentence: nothing is skipped.
"""

import atexit
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from infra.local.emulators import START_MS_MAX, Emulator, Tools, find_tools, firestore, pubsub, storage
from shared.errors import SetupError

ROOT: Final = Path(__file__).parents[2]
START_S_MAX: Final = START_MS_MAX / 1_000
POLL_S: Final = 0.05
STOP_S_MAX: Final = 10.0
LOG_BYTES_SHOWN: Final = 2_000

_running = ExitStack()
atexit.register(_running.close)


@cache
def firestore_emulator() -> Emulator:
    emulator = _running.enter_context(started(firestore(tools(), free_port())))
    # Its first answer takes seconds while Java compiles.
    httpx.delete(documents_url(emulator, "warm"), timeout=START_S_MAX, trust_env=False).raise_for_status()
    return emulator


@cache
def pubsub_emulator() -> Emulator:
    return _running.enter_context(started(pubsub(tools(), free_port())))


@cache
def storage_emulator() -> Emulator:
    return _running.enter_context(started(storage(tools(), free_port())))


def tools() -> Tools:
    """Fails the test, saying what did not run, and how to get what is missing."""
    found = _found()
    if isinstance(found, str):
        raise AssertionError(f"nothing was tested on Google's emulators: {found}")
    return found


@cache
def _found() -> Tools | str:
    """Looked for once: a hundred tests that fail for the same reason should not each ask gcloud."""
    try:
        return find_tools(os.environ)
    except SetupError as error:
        return str(error)


@contextmanager
def started(emulator: Emulator) -> Iterator[Emulator]:
    """The emulator while it serves; its process is gone afterwards, and also when this one is killed."""
    command = [sys.executable, "-m", "infra.local.leash", *emulator.command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            for _ in range(int(START_S_MAX / POLL_S)):
                if _serves(emulator):
                    break
                if _ended(process, POLL_S):
                    break
            else:
                process.kill()
            if process.poll() is not None:
                log.seek(0)
                said = log.read()[-LOG_BYTES_SHOWN:].decode(errors="replace")
                raise AssertionError(f"the {emulator.name} emulator does not start: {said}")
            yield emulator
        finally:
            process.terminate()
            if not _ended(process, STOP_S_MAX):
                process.kill()
            process.communicate()


def _serves(emulator: Emulator) -> bool:
    try:
        return httpx.get(emulator.health_url, timeout=1, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _ended(process: "subprocess.Popen[bytes]", within_s: float) -> bool:
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def firestore_project() -> Iterator[str]:
    """HOST:PORT/PROJECT of an empty database, emptied again afterwards: the emulator's queries scan all there is."""
    emulator = firestore_emulator()
    project = fresh_name()
    yield f"{emulator.address}/{project}"
    httpx.delete(documents_url(emulator, project), timeout=START_S_MAX, trust_env=False).raise_for_status()


@contextmanager
def storage_bucket() -> Iterator[str]:
    """URL/BUCKET of an empty bucket, emptied and removed afterwards."""
    emulator, bucket = storage_emulator(), fresh_name()
    made = httpx.post(f"{emulator.url}/storage/v1/b?project=test", json={"name": bucket}, trust_env=False)
    made.raise_for_status()
    yield f"{emulator.url}/{bucket}"
    objects = f"{emulator.url}/storage/v1/b/{bucket}/o"
    for each in httpx.get(objects, trust_env=False).json().get("items", []):
        httpx.delete(f"{objects}/{quote(each['name'], safe='')}", trust_env=False)
    httpx.delete(f"{emulator.url}/storage/v1/b/{bucket}", trust_env=False).raise_for_status()


def documents_url(emulator: Emulator, project: str) -> str:
    """Of all documents of a project; deleting it empties the database."""
    return f"{emulator.url}/emulator/v1/projects/{project}/databases/(default)/documents"


def fresh_name() -> str:
    """For a project, a topic or a bucket that is there for one test."""
    return f"test-{secrets.token_hex(6)}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
