"""Gemini where it can and may, the rules where not: always a text at once, marked with what became of it.

Gemini is given what the rules wrote, so that macros and spoken commands are carried out the same either way, and its
text stands only where the guard finds nothing changed that matters.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.polish.guard import changed
from services.polish.polishers.base import UPGRADE_DUE, Answer, Author, NotPolished, Polisher
from shared.domain.session import SessionConfig
from shared.observe import get_logger
from shared.ports import Clock

REST_MS: Final = 10_000
"""How long a vendor that fails is not asked, so that each utterance does not wait out the deadline in turn."""

REST_MS_MAX: Final = 120_000

log = get_logger("polish")


class StandingIn:
    """Implements `base.Polisher`: asks `vendor`, and lets `rules` stand in for it."""

    def __init__(self, vendor: Polisher, rules: Polisher, clock: Clock) -> None:
        self.model = vendor.model
        self.prompt_version = vendor.prompt_version
        self._vendor = vendor
        self._rules = rules
        self._clock = clock
        self._rests_until_ms = 0
        self._failed_over: int | None = None
        """The hash of the text that the vendor failed over last, if the text may be why and it answered no other since."""

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        ruled = await self._rules.polish(text, config)
        if not ruled.text.strip():
            return self._by_rules(ruled)
        if self._clock.monotonic_ms() < self._rests_until_ms:
            return self._by_rules(ruled, UPGRADE_DUE, "gemini_resting")
        try:
            answer = await self._vendor.polish(ruled.text, config, before)
        except NotPolished as failed:
            return self._failed(ruled, failed)
        self._failed_over = None
        kinds = changed(ruled.text, answer.text, config.vocabulary)
        if kinds:
            return self._by_rules(ruled, *(f"gemini_changed_{kind}" for kind in kinds))
        return Answer(answer.text, ruled.flags)

    async def close(self) -> None:
        await self._vendor.close()
        await self._rules.close()

    def _failed(self, ruled: Answer, failed: NotPolished) -> Answer:
        flag = f"gemini_{failed.reason}"
        if not failed.reason.is_of_the_vendor:
            # About these words: asked again, it would say the same.
            self._failed_over = None
            return self._by_rules(ruled, flag)
        rest_ms = self._rest_ms(ruled.text, failed)
        if rest_ms:
            self._rests_until_ms = self._clock.monotonic_ms() + rest_ms
        log.warning("gemini does not polish; the rules stand in", reason=failed.reason.value, rest_ms=rest_ms)
        answer = self._by_rules(ruled, UPGRADE_DUE, flag)
        return replace(answer, may_be_of_the_words=failed.reason.may_be_of_the_words)

    def _rest_ms(self, text: str, failed: NotPolished) -> int:
        """0 while one text may be why: tried again and again, it alone would keep the vendor from everybody."""
        if failed.reason.may_be_of_the_words:
            over, self._failed_over = self._failed_over, hash(text)
            if over in (None, self._failed_over):
                return 0
        return min(max(REST_MS, failed.retry_after_ms or 0), REST_MS_MAX)

    def _by_rules(self, ruled: Answer, *flags: str) -> Answer:
        return Answer(
            ruled.text, (*ruled.flags, *flags), Author(self._rules.model, self._rules.prompt_version)
        )
