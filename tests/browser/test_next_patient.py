"""Without a network the next patient waits for nobody: what is finished is delivered beside the next session, and said to be."""

import re

from playwright.sync_api import expect

from tests.browser.recorder_page import RecorderPage
from tests.browser.test_faults import LOST_CONNECTION
from tests.browser.test_leaving import leave

NAME = "Patient or title"


def dictates(page: RecorderPage, label: str) -> None:
    page.page.get_by_label(NAME).fill(label)
    page.press("Record")
    page.sees_lamp("Microphone", "On")
    page.passes(1_500)
    page.press("Finish")
    page.sees("You can record the next session meanwhile.")


def test_two_patients_are_dictated_without_a_network_and_both_are_delivered(page: RecorderPage) -> None:
    listed = page.page.get_by_role("navigation").get_by_role("listitem")
    page.context.set_offline(True)
    dictates(page, "Example, before noon")
    page.press("Start a new session")
    expect(page.page.get_by_label(NAME)).to_have_value("")
    page.sees(
        re.compile(
            r"An earlier session is still being delivered: \d s on this device\. Keep this page open\."
        )
    )
    waiting = listed.filter(has_text="Example, before noon")
    expect(waiting).to_contain_text(re.compile(r"\d s on this device, still being delivered"))
    assert leave(page) == ["beforeunload"]
    dictates(page, "Example, after noon")
    page.context.set_offline(False)
    page.sees("Finished. All that was recorded here is saved.", within_ms=25_000)
    expect(page.page.get_by_text("still being delivered")).to_have_count(0, timeout=20_000)
    page.sees("Everything is saved")
    for label in ("Example, before noon", "Example, after noon"):
        expect(listed.filter(has_text=label)).to_contain_text("Finished")
        listed.filter(has_text=label).get_by_role("button").click()
        page.sees("This session is finished.")
        page.waits_for_cells(4)
    page.is_clean(LOST_CONNECTION)


def test_what_waits_can_be_looked_at_and_left_again(page: RecorderPage) -> None:
    listed = page.page.get_by_role("navigation").get_by_role("listitem")
    page.press("Record")
    page.waits_for_cells(4)
    page.context.set_offline(True)
    page.passes(1_000)
    page.page.get_by_label(NAME).fill("Example, looked at")
    page.press("Finish")
    page.press("Start a new session")
    expect(page.log).to_be_empty()
    expect(page.button("Record")).to_be_enabled()
    listed.filter(has_text="Example, looked at").get_by_role("button").click()
    expect(page.page.get_by_label(NAME)).to_have_value("Example, looked at")
    page.sees("Keep this page open: it finishes by itself once the network is back.")
    page.waits_for_cells(3)
    page.press("New session")
    page.sees("An earlier session is still being delivered")
    page.context.set_offline(False)
    expect(page.page.get_by_text("still being delivered")).to_have_count(0, timeout=20_000)
    page.stores_label("Example, looked at")
    expect(listed.filter(has_text="Example, looked at")).to_contain_text("Finished")
    assert [each for each in page.entries() if "cause" in each] == []
    page.is_clean(LOST_CONNECTION)
