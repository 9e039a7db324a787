"""A microphone that is not given is said, with what to do, and nothing is recorded behind it."""

import pytest
from playwright.sync_api import Playwright

from tests.browser.conftest import launch
from tests.browser.recorder_page import RecorderPage
from tests.browser.stack import Stack


def test_a_microphone_that_is_denied(playwright: Playwright, stack: Stack) -> None:
    with launch(playwright, "--use-fake-ui-for-media-stream=deny") as browser:
        page = RecorderPage(browser.new_context(), stack.url)
        page.press("Record")
        page.sees("Steno may not use the microphone. Allow it beside the page's address")
        page.sees_lamp("Microphone", "Not allowed")
        page.press("Try again")
        page.sees("Nothing is being recorded.")
        assert page.session == ""
        page.is_clean()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("NotFoundError", "No microphone was found. Plug one in"),
        ("NotReadableError", "in use by another program"),
        ("OverconstrainedError", "could not be opened (OverconstrainedError)"),
    ],
)
def test_a_microphone_that_does_not_open(page: RecorderPage, error: str, says: str) -> None:
    page.page.evaluate(
        """(name) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name)); }""",
        error,
    )
    page.press("Record")
    page.sees(says)
    page.sees_lamp("Microphone", "Not available")
    assert page.session == ""


def test_a_microphone_that_is_pulled_is_an_alarm_and_a_gap(page: RecorderPage) -> None:
    page.page.evaluate(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            if (window.pulled) throw new DOMException("", "NotFoundError");
            window.track = await open(wanted);
            return window.track;
          };
          window.pull = () => {
            window.pulled = true;
            for (const track of window.track.getTracks()) {
              track.stop();
              track.dispatchEvent(new Event("ended"));
            }
          };
          window.plug = () => {
            window.pulled = false;
            navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
          };
        }"""
    )
    page.press("Record")
    page.waits_for_cells(4)
    page.page.evaluate("window.pull()")
    page.sees("The microphone is gone: nothing is being recorded.")
    page.sees_lamp("Microphone", "Disconnected")
    page.passes(1_500)
    page.page.evaluate("window.plug()")
    page.sees_lamp("Microphone", "On")
    page.sees("the microphone was gone")
    page.waits_for_more(4)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    gaps = [each for each in page.entries() if "cause" in each]
    assert [each["cause"] for each in gaps] == ["device_lost"]
    assert 1_000 < gaps[0]["wall_ms"] < 10_000
    assert gaps[0]["start"] == gaps[0]["until"]
    page.is_clean()
