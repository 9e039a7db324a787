"""When a vendor that fails is rested for everybody, and when it is only one text that it fails over."""

from collections.abc import Sequence

import pytest

from services.polish.polishers.base import UPGRADE_DUE, Answer, NotPolished, Reason
from services.polish.polishers.offline import RulesPolisher
from services.polish.polishers.standing_in import REST_MS, StandingIn
from shared.domain.session import SessionConfig
from tests.doubles.clock import ManualClock

DUE = (UPGRADE_DUE, "gemini_malformed")
RESTING = (UPGRADE_DUE, "gemini_resting")
OF_THE_WORDS_PERHAPS = (Reason.MALFORMED, Reason.DEADLINE)


class Vendor:
    """Fails over the texts that it is told to, and answers the others as they are."""

    model = "vendor"
    prompt_version = "1"

    def __init__(self, fails: dict[str, Reason]) -> None:
        self.fails = fails
        self.asked: list[str] = []

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        self.asked.append(text)
        if text in self.fails:
            raise NotPolished(self.fails[text])
        return Answer(text)

    async def close(self) -> None:
        pass


async def flags_of(polisher: StandingIn, *texts: str) -> list[tuple[str, ...]]:
    return [(await polisher.polish(text, SessionConfig())).flags for text in texts]


def standing_in(fails: dict[str, Reason]) -> tuple[StandingIn, ManualClock]:
    clock = ManualClock()
    return StandingIn(Vendor(fails), RulesPolisher(), clock), clock


@pytest.mark.parametrize("reason", OF_THE_WORDS_PERHAPS)
async def test_one_text_that_always_fails_keeps_the_vendor_from_nobody(reason: Reason) -> None:
    polisher, _ = standing_in({"Odd": reason})
    due = (UPGRADE_DUE, f"gemini_{reason}")
    assert await flags_of(polisher, "Odd", "Odd", "Cough", "Odd", "Cough") == [due, due, (), due, ()]


@pytest.mark.parametrize("reason", OF_THE_WORDS_PERHAPS)
async def test_a_second_text_in_a_row_shows_that_it_is_the_vendor(reason: Reason) -> None:
    polisher, clock = standing_in({"Odd": reason, "Even": reason})
    due = (UPGRADE_DUE, f"gemini_{reason}")
    assert await flags_of(polisher, "Odd", "Even", "Cough") == [due, due, RESTING]
    clock.advance(REST_MS)
    assert await flags_of(polisher, "Cough", "Odd", "Cough", "Even", "Cough") == [(), due, (), due, ()]


async def test_an_answer_about_the_words_shows_that_the_vendor_answers() -> None:
    polisher, _ = standing_in({"Odd": Reason.MALFORMED, "Barred": Reason.BLOCKED, "Even": Reason.MALFORMED})
    assert await flags_of(polisher, "Odd", "Barred", "Even", "Cough") == [DUE, ("gemini_blocked",), DUE, ()]


@pytest.mark.parametrize("reason", [Reason.QUOTA, Reason.UNAVAILABLE, Reason.CREDENTIALS])
async def test_what_is_of_the_vendor_for_certain_rests_it_at_once(reason: Reason) -> None:
    polisher, _ = standing_in({"Odd": reason})
    assert await flags_of(polisher, "Odd", "Cough") == [(UPGRADE_DUE, f"gemini_{reason}"), RESTING]


@pytest.mark.parametrize("reason", Reason)
async def test_only_what_may_be_of_the_words_says_so(reason: Reason) -> None:
    polisher, _ = standing_in({"Odd": reason})
    answer = await polisher.polish("Odd", SessionConfig())
    assert answer.may_be_of_the_words == (reason in OF_THE_WORDS_PERHAPS)
