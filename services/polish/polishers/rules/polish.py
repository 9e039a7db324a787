"""What the rules make of an utterance, one group after the other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ruled:
    text: str = field(repr=False)
    flags: tuple[str, ...] = ()


def polish(text: str, vocabulary: Sequence[str], macros: Mapping[str, str], language: str) -> Ruled:
    return Ruled(text)
