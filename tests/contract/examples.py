"""Documents and rows as the suites write them. Nobody in them exists."""

from dataclasses import replace
from typing import Final

from shared.domain.session import SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import Holder, LogId, Principal, SessionId, TakeId
from shared.ports import EntryRow, PolishedRow, Stored

NOW_MS: Final = 1_700_000_000_000
OWNER: Final = Principal("dr.example")
HOLDER: Final = Holder("holder-1")


def session_id(number: int) -> SessionId:
    """Ids that sort as their numbers do."""
    return SessionId(f"{number:08d}-0000-4000-8000-000000000000")


SESSION: Final = session_id(1)
ANOTHER: Final = session_id(2)


def take(number: int, dial: int = 1) -> Take:
    return Take(TakeId(f"00000000-0000-4000-8000-{number:012d}"), number, dial)


def document(
    state: SessionState = SessionState.RECORDING, holder: Holder = HOLDER, owner: Principal = OWNER
) -> SessionDocument:
    return SessionDocument(
        owner=owner,
        log_id=LogId("log-1"),
        state=state,
        holder=holder,
        heartbeat_at_ms=NOW_MS,
        created_at_ms=NOW_MS,
        take=1,
        taken_at_ms=NOW_MS,
        takes=(take(1),),
        wrapped_key=b"wrapped key",
        config=b"sealed config",
    )


def segment_row(index: int, sealed: bytes = b"sealed words") -> EntryRow:
    start = 16_000 * index
    return EntryRow(
        index, 1, start, start + 16_000, sealed, engine="scripted", confidence=93, utterance_end=True
    )


def gap_row(index: int) -> EntryRow:
    return EntryRow(index, 1, 16_000, 16_000, cause="suspended", wall_ms=2_500)


def polished_row(index: int, first: int = 0, last: int = 0) -> PolishedRow:
    return PolishedRow(index, first, last, b"sealed text", "rules", "1", ("checked",))


def grown(
    stored: Stored, count: int, sealed: bytes = b"sealed words"
) -> tuple[SessionDocument, list[EntryRow]]:
    """The next commit of a log: `count` entries more, and the document that has them."""
    first = stored.document.next_index
    rows = [segment_row(first + n, sealed) for n in range(count)]
    return replace(stored.document, next_index=first + count), rows
