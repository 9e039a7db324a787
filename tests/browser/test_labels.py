"""A label is the service's as soon as it can be, whatever the person does next, and nobody is let go without a word before."""

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.recorder_page import RecorderPage
from tests.browser.test_faults import LOST_CONNECTION
from tests.browser.test_leaving import leave

NAME = "Patient or title"


@pytest.fixture
def finished(page: RecorderPage) -> RecorderPage:
    page.press("Record")
    page.waits_for_cells(2)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    return page


def test_a_label_typed_right_before_the_next_session_is_saved(finished: RecorderPage) -> None:
    finished.page.get_by_label(NAME).fill("Example, right hip")
    # At once, and without leaving the field first.
    finished.page.evaluate("document.getElementById('new-session').click()")
    expect(finished.page.get_by_label(NAME)).to_have_value("")
    finished.stores_label("Example, right hip")
    expect(finished.page.get_by_role("navigation")).to_contain_text("Example, right hip")
    finished.is_clean()


def test_a_label_typed_right_before_the_page_is_closed_is_asked_about_and_saved(
    finished: RecorderPage,
) -> None:
    met: list[str] = []

    def go(dialog: Dialog) -> None:
        met.append(dialog.type)
        dialog.accept()

    finished.page.once("dialog", go)
    # Typed at the very moment: the next thing that the page hears is that it is to go.
    finished.page.get_by_label(NAME).fill("Example, left hip")
    finished.page.close(run_before_unload=True)
    finished.stores_label("Example, left hip")
    assert met == ["beforeunload"]


def test_a_label_typed_without_a_network_is_saved_once_there_is_one(finished: RecorderPage) -> None:
    finished.context.set_offline(True)
    finished.page.get_by_label(NAME).fill("Example, both hips")
    finished.page.get_by_label(NAME).press("Enter")
    finished.sees("Not saved yet; it is tried again.")
    assert leave(finished) == ["beforeunload"]
    finished.press("New session")
    expect(finished.page.get_by_label(NAME)).to_have_value("")
    assert leave(finished) == ["beforeunload"]
    finished.context.set_offline(False)
    finished.stores_label("Example, both hips")
    finished.is_clean(LOST_CONNECTION)


def test_what_is_pasted_from_a_table_is_a_label_too(finished: RecorderPage) -> None:
    finished.page.get_by_label(NAME).fill("Example\tleft elbow")
    finished.page.get_by_label(NAME).press("Enter")
    finished.stores_label("Example left elbow")
    finished.sees("Saved")
