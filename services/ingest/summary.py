"""A session as its owner sees it, in a list or at the head of an export."""

from dataclasses import dataclass, field

from shared.domain.session import SessionState
from shared.domain.values import SessionId, milliseconds
from shared.ports import Stored


@dataclass(frozen=True, slots=True)
class Summary:
    id: SessionId
    label: str = field(repr=False)
    state: SessionState
    created_at_ms: int
    covered_ms: int
    undelivered_ms: int
    """Captured by recorders, as far as is known, and not yet in the transcript."""
    takes: int


def summarise(stored: Stored, label: str) -> Summary:
    document = stored.document
    return Summary(
        id=stored.session,
        label=label,
        state=document.state,
        created_at_ms=document.created_at_ms,
        covered_ms=sum(milliseconds(take.covered) for take in document.takes),
        undelivered_ms=sum(milliseconds(take.undelivered) for take in document.takes),
        takes=len(document.takes),
    )
