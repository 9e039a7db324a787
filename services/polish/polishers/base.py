"""The one interface of a polisher: takes the raw text of one utterance, gives it as a clinician would write it."""

from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.session import SessionConfig


@dataclass(frozen=True, slots=True)
class Answer:
    """Polished text, and what a reader should know about it."""

    text: str = field(repr=False)
    flags: tuple[str, ...] = ()


class Polisher(Protocol):
    @property
    def model(self) -> str:
        """Stored with each polished entry, with `prompt_version`: together they say how the text came about."""

    @property
    def prompt_version(self) -> str: ...

    async def polish(self, text: str, config: SessionConfig) -> Answer:
        """Raises Retry when the same may work later, Refuse when it never will."""

    async def close(self) -> None: ...
