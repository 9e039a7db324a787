"""The one interface of a polisher: takes the raw text of one utterance, gives it as a clinician would write it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from shared.domain.session import SessionConfig
from shared.errors import Retry

UPGRADE_DUE: Final = "upgrade_due"
"""The flag of a text that stands in for a better one, which is written later for the same entries."""


class Reason(StrEnum):
    """Why a vendor gave no text that may stand."""

    DEADLINE = "deadline"
    QUOTA = "quota"
    UNAVAILABLE = "unavailable"
    CREDENTIALS = "credentials"
    REFUSED = "refused"
    """It calls our request wrong, so the same again would be."""
    BLOCKED = "blocked"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"

    @property
    def is_of_the_vendor(self) -> bool:
        """Whether another utterance would have met the same, and this one may fare better later."""
        return self not in (Reason.REFUSED, Reason.BLOCKED, Reason.TRUNCATED)

    @property
    def may_be_of_the_words(self) -> bool:
        """Whether it cannot be told from one utterance: another may be answered well, and this one never."""
        return self in (Reason.DEADLINE, Reason.MALFORMED)


class NotPolished(Retry):
    """The vendor gave no text that may stand. `retry_after_ms` is what it asked to wait, if it did."""

    def __init__(self, reason: Reason, retry_after_ms: int | None = None) -> None:
        super().__init__(f"the vendor did not polish: {reason}")
        self.reason = reason
        self.retry_after_ms = retry_after_ms


@dataclass(frozen=True, slots=True)
class Author:
    model: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Polished text, and what a reader should know about it."""

    text: str = field(repr=False)
    flags: tuple[str, ...] = ()
    author: Author | None = None
    """Who wrote it, where that is not the polisher that was asked."""
    may_be_of_the_words: bool = False
    """Whether it stands in for a better one perhaps because of these words, which are then not tried without end."""


class Polisher(Protocol):
    @property
    def model(self) -> str:
        """Stored with each polished entry, with `prompt_version`: together they say how the text came about."""

    @property
    def prompt_version(self) -> str: ...

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        """`before` is what was polished just before it. Raises Retry when the same may work later, Refuse when it
        never will."""

    async def close(self) -> None: ...
