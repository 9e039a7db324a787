"""Which sessions' records change: one Firestore listen for a whole instance, on the event loop, without threads.

The library's own listeners take two threads each and do not exist for its asynchronous client.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from google.cloud.firestore_v1 import AsyncClient, FieldFilter
from google.cloud.firestore_v1.types import ListenResponse, Target, TargetChange

from shared.adapters.firestore_client import CLOSED, ended, listen
from shared.adapters.firestore_documents import CHANGED_AT_MS, RECORDS
from shared.domain.values import SessionId
from shared.errors import StoreUnavailable

RENEW_AFTER_S: Final = 600
"""The listened-to set grows with every session that changes; a new listen begins with an empty one."""

OVERLAP_MS: Final = 60_000
"""How far the clocks of those who write may differ; what was told is told again, which is harmless."""

_SAME: Final = TargetChange.TargetChangeType.NO_CHANGE


class Listener:
    """Remembers up to when everything was told, so that a listen that broke is taken up from there."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._told_until_ms = now_ms()
        self._closed = asyncio.Event()

    async def changes(self) -> AsyncIterator[SessionId]:
        """Sessions of which a record was written since the store was opened or the last listen broke, for ever.

        Raises StoreUnavailable when the listen breaks.
        """
        while True:
            # As large as the listened-to set. The emulator sends all of that again whenever a part of it changes.
            told: dict[str, Any] = {}
            async with aclosing(listen(self._client, self._target(), RENEW_AFTER_S)) as answers:
                while (answer := await self._next(answers)) is not None:
                    if "document_change" in answer:
                        document = answer.document_change.document
                        if told.get(document.name) != document.update_time:
                            told[document.name] = document.update_time
                            # .../sessions/{id}/records/{name}
                            yield SessionId(document.name.split("/")[-3])
                    elif "target_change" in answer:
                        self._note(answer.target_change)

    def _note(self, change: TargetChange) -> None:
        kind = change.target_change_type
        if kind == TargetChange.TargetChangeType.REMOVE:
            raise ended(change.cause.code)
        if kind == TargetChange.TargetChangeType.CURRENT or (kind == _SAME and change.read_time):
            # Everything up to this moment was told, and taken by whoever asked for the next one.
            self._told_until_ms = max(self._told_until_ms, now_ms())

    def close(self) -> None:
        self._closed.set()

    async def _next(self, answers: AsyncGenerator[ListenResponse, None]) -> ListenResponse | None:
        """None at the end. A listen that is still being dialled does not notice that its channel is closed."""
        waiting = asyncio.ensure_future(anext(answers, None))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({waiting, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise StoreUnavailable(CLOSED)
            return waiting.result()
        finally:
            waiting.cancel()
            closing.cancel()
            await asyncio.wait({waiting, closing})

    def _target(self) -> Target:
        since_ms = self._told_until_ms - OVERLAP_MS
        changed = self._client.collection_group(RECORDS).where(
            filter=FieldFilter(CHANGED_AT_MS, ">=", since_ms)
        )
        query = Target.QueryTarget(
            parent=f"{self._client._database_string}/documents", structured_query=changed._to_protobuf()
        )
        return Target(query=query, target_id=1)


def now_ms() -> int:
    """Wall time, because other machines write it too."""
    return time.time_ns() // 1_000_000
