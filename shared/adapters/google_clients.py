"""How we use every Google Cloud client: deadlines of our own, no retries of theirs, and a lost server dialled soon again.

Their retries repeat what already landed: a create whose reply was lost comes back as "already exists", a published
message is there twice. Their deadlines are a minute, and their channels wait up to two before they dial a lost server
again; a session must not wait so long.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from google.auth.exceptions import GoogleAuthError

from shared.errors import SetupError

CALL_MS_MAX: Final = 2_000
"""As long as `shared/lease.py` waits for an answer."""

CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    # In spite of its name, how long one try to dial may take, which over the internet with TLS is not 100 ms.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A channel to a restarted server must not be shared with one that still believes in the old one.
    ("grpc.use_local_subchannel_pool", 1),
)

GOOGLE_OPTIONS: Final = (
    *CHANNEL_OPTIONS,
    # A listen that hears nothing must find out that its server is gone, and calls that one connection is dead: each
    # would wait on it to its deadline. Google's servers allow this; the emulators end a connection that asks so often.
    ("grpc.keepalive_time_ms", 30_000),
)


def once(call_ms_max: int) -> dict[str, Any]:
    """What every call is told: one try, and how long it may take."""
    return {"retry": None, "timeout": call_ms_max / 1_000}


def told_to_stop() -> bool:
    """Whether the running task was cancelled. A channel that is closed raises the same in whoever waits for an answer
    on it, who would end without a word.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def credentials_needed() -> Iterator[None]:
    """Around the making of a client of Google's own service. Raises SetupError, with what to do, without credentials."""
    try:
        yield
    except GoogleAuthError:
        raise SetupError(
            "there are no credentials for Google Cloud; on Cloud Run give the service a service account, elsewhere"
            " run: gcloud auth application-default login"
        ) from None
