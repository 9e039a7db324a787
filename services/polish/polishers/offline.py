"""The polisher that needs nobody: the rules of `rules/`, the same answer for the same words, on this machine."""

from collections.abc import Sequence
from typing import Final

from services.polish.polishers.base import Answer
from services.polish.polishers.rules.polish import polish
from shared.domain.session import SessionConfig

VERSION: Final = "1"
"""Counts every change of the rules that changes what they write."""


class RulesPolisher:
    """Implements `base.Polisher`. About a millisecond for an utterance, so it may run on the event loop."""

    model = "rules"
    prompt_version = VERSION

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        polished = polish(text, config.vocabulary, dict(config.macros), config.language)
        return Answer(polished.text, polished.flags)

    async def close(self) -> None:
        pass
