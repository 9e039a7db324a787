"""Remarks on polished texts: every flag that a person should look at has one, and page and exports say the same."""

import pytest

from services.ingest.remarks import remark_on
from services.polish.guard import changed
from services.polish.polishers.base import UPGRADE_DUE, Reason
from services.polish.polishers.rules.quantities import AS_SAID
from services.polish.polishers.rules.terms import UNKNOWN_MACRO
from tests.rules.tree import ROOT

PAGE = (ROOT / "services/ingest/recorder/remarks.js").read_text()
KEPT = "Kept as dictated: the polished text changed"
SAYS = {
    "number": "a number",
    "unit": "a unit",
    "negation": "a negation",
    "side": "a side",
    "name": "a name",
    "words": "the wording",
    "order": "what belongs to what",
}


def test_every_kind_that_the_guard_knows_is_named_and_the_page_names_it_alike() -> None:
    kinds = changed("no left 5 mg ramipril", "right 6 g bisoprolol daily rash", ("ramipril", "bisoprolol"))
    kinds += changed("left pain", "pain left", ())
    assert set(kinds) == set(SAYS)
    for kind in kinds:
        assert remark_on([f"gemini_changed_{kind}"]) == f"{KEPT} {SAYS[kind]}."
        assert f'["{kind}", "{SAYS[kind]}"]' in PAGE


@pytest.mark.parametrize("flag", [AS_SAID, UNKNOWN_MACRO])
def test_what_the_rules_left_as_it_was_said_is_told_alike(flag: str) -> None:
    assert remark_on([flag])
    assert f'["{flag}", "{remark_on([flag])}"]' in PAGE


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["gemini_changed_unit", "gemini_changed_negation"], f"{KEPT} a unit and a negation."),
        (
            ["gemini_changed_number", "gemini_changed_side", "gemini_changed_name"],
            f"{KEPT} a number, a side and a name.",
        ),
        (["gemini_changed_weather", "another_changed_mood"], f"{KEPT} something that matters."),
        (["number_as_said", "gemini_changed_side"], f"{KEPT} a side. {remark_on(['number_as_said'])}"),
    ],
)
def test_a_text_has_one_remark_whatever_is_to_be_said_of_it(flags: list[str], says: str) -> None:
    assert remark_on(flags) == says


def test_what_a_person_can_do_nothing_about_has_no_remark() -> None:
    failed = [f"gemini_{reason}" for reason in Reason]
    assert remark_on([UPGRADE_DUE, "gemini_resting", *failed, "sunshine", "_changed_"]) == ""
    assert f'"{UPGRADE_DUE}"' in PAGE
