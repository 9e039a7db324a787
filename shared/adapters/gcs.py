"""The blob storage on Google Cloud Storage: an object for each key, made only where there is none.

The library's plain client, in threads of our own: its asynchronous one does not upload whole objects. Uploads are
multipart, at most 8 MiB, which is far above any draft's part.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob, Client
from google.cloud.storage.exceptions import DataCorruption

from shared.adapters.blob_keys import check_key, check_prefix
from shared.adapters.google_clients import CALL_MS_MAX, credentials_needed, once
from shared.errors import BlobsUnavailable, Broken, WriteConflict

THREADS: Final = 8
"""Waiting for the network is all they do. The client's own pool of connections holds ten."""

BODY_BYTES_MAX: Final = 8 * 2**20
"""Above it the library uploads piece by piece, which is no longer one request that lands or does not."""

CREATE_TRIES: Final = 5
NEW: Final = 0
"""The generation of an object that is not there."""

CHECKSUM: Final = "crc32c"
CHECKS: Final = "checks/"

T = TypeVar("T")
Keys = list[str]
"""Within the class, `list` is its method."""


class GcsBlobs:
    """`ports.Blobs` in a bucket."""

    def __init__(self, client: Client, bucket: str, call_ms_max: int) -> None:
        """Use `open`."""
        self._client = client
        self._bucket = client.bucket(bucket)
        self._once = once(call_ms_max)
        self._executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="gcs")
        self._closed = False

    @classmethod
    def open(
        cls, project: str, bucket: str, emulator: str | None = None, call_ms_max: int = CALL_MS_MAX
    ) -> "GcsBlobs":
        """Dials nothing yet; `check` does. `emulator` is a URL; None means Google's own service.

        Raises SetupError without credentials for it.
        """
        if emulator is None:
            with credentials_needed():
                client = Client(project=project)
        else:
            anybody = AnonymousCredentials()  # type: ignore[no-untyped-call]  # ships none
            client = Client(project=project, credentials=anybody, client_options={"api_endpoint": emulator})
        # A private name: to describe traces that nobody takes, the library would read the bucket's metadata in a thread
        # of its own, which heeds neither our deadlines nor `close`.
        client._bucket_metadata_cache = None
        return cls(client, bucket, call_ms_max)

    async def create(self, key: str, body: bytes) -> None:
        check_key(key)
        if len(body) > BODY_BYTES_MAX:
            raise Broken(f"a blob of {len(body)} bytes is more than one upload holds")
        await self._run(lambda: self._create(key, body))

    async def read(self, key: str) -> bytes | None:
        check_key(key)
        return await self._run(lambda: self._read(key))

    async def list(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        return await self._run(lambda: self._keys(prefix))

    async def delete(self, key: str) -> None:
        check_key(key)
        await self._run(lambda: self._delete(key))

    async def check(self) -> None:
        await self._run(self._check)

    async def close(self) -> None:
        """Returns once what was begun is done and no thread is left."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)
        self._client.close()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise BlobsUnavailable("the blob storage is closed")
        return await asyncio.get_running_loop().run_in_executor(self._executor, _translated, work)

    # --- in a thread

    def _blob(self, key: str) -> Blob:
        return self._bucket.blob(key)

    def _create(self, key: str, body: bytes) -> None:
        for _ in range(CREATE_TRIES):
            try:
                self._upload(key, body)
                return
            except exceptions.PreconditionFailed:
                found = self._read(key)
                if found is None:
                    continue  # it was there, and is gone again
                if found != body:
                    raise WriteConflict("a blob of this key exists, with other content") from None
                return
        raise BlobsUnavailable("a blob is made and deleted again and again; try again")

    def _upload(self, key: str, body: bytes) -> None:
        self._blob(key).upload_from_string(
            body, "application/octet-stream", if_generation_match=NEW, checksum=CHECKSUM, **self._once
        )

    def _read(self, key: str) -> bytes | None:
        try:
            body: bytes = self._blob(key).download_as_bytes(checksum=CHECKSUM, **self._once)
        except exceptions.NotFound:
            return None
        return body

    def _keys(self, prefix: str) -> Keys:
        fields = "items(name),nextPageToken"
        listed = self._client.list_blobs(self._bucket, prefix=prefix, fields=fields, **self._once)
        return sorted(blob.name for blob in listed)

    def _delete(self, key: str) -> None:
        try:
            self._blob(key).delete(**self._once)
        except exceptions.NotFound:
            pass

    def _check(self) -> None:
        key = f"{CHECKS}{secrets.token_hex(8)}"
        self._upload(key, b"check")
        self._delete(key)


def _translated(work: Callable[[], T]) -> T:
    """Google's own messages stay out: they hold addresses, which name sessions."""
    try:
        return work()
    except DataCorruption:
        raise BlobsUnavailable("what Cloud Storage sent arrived damaged; try again") from None
    except (exceptions.Forbidden, exceptions.Unauthorized, GoogleAuthError):
        raise BlobsUnavailable(
            "Cloud Storage does not let this service in; check its service account"
        ) from None
    except exceptions.NotFound:
        raise BlobsUnavailable("the bucket for drafts does not exist; apply infra/terraform") from None
    except (exceptions.GoogleAPIError, requests.RequestException):
        raise BlobsUnavailable("Cloud Storage did not answer") from None
