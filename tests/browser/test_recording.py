"""A dictation in a real browser: words appear as they are spoken, and the page tells the truth about them."""

import re

from playwright.sync_api import expect

from tests.browser.recorder_page import Opener, RecorderPage


def test_words_appear_as_they_are_spoken_and_all_of_them_are_there_at_the_end(page: RecorderPage) -> None:
    page.sees_lamp("Microphone", "Off")
    page.press("Record")
    page.waits_for_cells(8)
    for lamp, says in (("Microphone", "On"), ("Network", "Connected"), ("Speech", "Listening")):
        page.sees_lamp(lamp, says)
    page.sees(re.compile(r"\d s on this device, not yet saved"))
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.has_everything()
    page.is_clean()


def test_a_pause_advances_nothing_and_record_goes_on(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    page.press("Pause")
    page.sees("Everything is saved")
    captured = page.page.get_by_role("timer").inner_text()
    page.passes(2_000)
    assert page.page.get_by_role("timer").inner_text() == captured
    page.press("Record")
    page.waits_for_more(4)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.has_everything()
    page.is_clean()


def test_only_what_makes_sense_can_be_pressed(page: RecorderPage) -> None:
    names = ("Record", "Pause", "Finish", "Copy note")

    def enabled() -> list[str]:
        return [name for name in names if page.button(name).is_enabled()]

    expect(page.button("Pause")).to_be_disabled()
    assert enabled() == ["Record"]
    page.press("Record")
    page.waits_for_cells(2)
    assert enabled() == ["Pause", "Finish", "Copy note"]
    page.press("Pause")
    expect(page.button("Record")).to_be_enabled()
    assert enabled() == ["Record", "Finish", "Copy note"]
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    assert enabled() == ["Copy note"]


def test_the_note_is_copied_as_it_is_read(page: RecorderPage) -> None:
    page.context.grant_permissions(["microphone", "clipboard-read", "clipboard-write"])
    page.press("Record")
    page.waits_for_cells(3)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.press("Copy note")
    page.sees("Copied")
    copied: str = page.page.evaluate("navigator.clipboard.readText()")
    assert copied.split() == page.log.inner_text().split()


def test_a_label_is_saved_with_the_session_and_listed(page: RecorderPage, opener: Opener) -> None:
    page.page.get_by_label("Patient or title").fill("Example, left knee")
    page.press("Record")
    page.waits_for_cells(2)
    expect(page.page.get_by_role("navigation")).to_contain_text("Example, left knee")
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    other = opener()
    other.page.get_by_role("button", name="Example, left knee").click()
    expect(other.page.get_by_label("Patient or title")).to_have_value("Example, left knee")
    expect(other.log).to_contain_text("0:")
    assert "Example" not in page.page.url + page.page.title()
    page.is_clean()


def test_each_control_is_found_by_its_name_alone(page: RecorderPage, opener: Opener) -> None:
    page.press("Record")
    page.waits_for_cells(2)
    for other in (page, opener()):
        for name in ("Record", "Pause", "Finish", "Copy note"):
            expect(other.page.get_by_role("button", name=name)).to_have_count(1)
        expect(other.page.get_by_role("log")).to_have_count(1)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    expect(page.page.get_by_role("button", name="Finish")).to_have_count(1)
