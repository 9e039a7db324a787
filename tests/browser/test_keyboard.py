"""The page by keyboard alone: every press leaves the focus where the next one makes sense, and never on Finish by itself."""

from playwright.sync_api import expect

from tests.browser.recorder_page import RecorderPage


def test_the_focus_follows_what_can_be_pressed_next(page: RecorderPage) -> None:
    press = page.page.keyboard.press
    page.button("Record").focus()
    press("Enter")
    page.waits_for_cells(2)
    expect(page.button("Pause")).to_be_focused()
    press("Space")
    expect(page.button("Record")).to_be_focused()
    press("Space")
    expect(page.button("Pause")).to_be_focused()
    press("Tab")
    expect(page.button("Finish")).to_be_focused()
    press("Space")
    page.sees("Finished. All that was recorded here is saved.")
    expect(page.button("Copy note")).to_be_focused()


def test_the_focus_is_never_lent_to_finish_while_the_microphone_starts(page: RecorderPage) -> None:
    """Until it is there nothing else can be pressed, and the next Space would end the session."""
    page.press("Record")
    page.waits_for_cells(2)
    page.press("Pause")
    expect(page.button("Record")).to_be_enabled()
    page.page.evaluate(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          const allowed = new Promise((resolve) => { window.allow = resolve; });
          navigator.mediaDevices.getUserMedia = (wanted) => allowed.then(() => open(wanted));
        }"""
    )
    page.button("Record").focus()
    page.page.keyboard.press("Enter")
    page.sees("Starting the microphone")
    page.page.keyboard.press("Space")
    expect(page.button("Finish")).to_be_enabled()
    expect(page.button("Finish")).not_to_be_focused()
    page.page.evaluate("window.allow()")
    expect(page.button("Pause")).to_be_focused()


def test_a_panel_that_goes_away_takes_no_focus_with_it(page: RecorderPage) -> None:
    page.page.evaluate(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            navigator.mediaDevices.getUserMedia = open;
            throw new DOMException("", "NotAllowedError");
          };
        }"""
    )
    page.press("Record")
    page.button("Try again").focus()
    page.page.keyboard.press("Enter")
    expect(page.button("Pause")).to_be_focused()


def test_recording_is_one_step_from_the_top_however_long_the_list(page: RecorderPage) -> None:
    press = page.page.keyboard.press
    press("Tab")
    expect(page.page.get_by_role("link", name="Skip to recording")).to_be_focused()
    press("Enter")
    press("Tab")
    expect(page.button("Record")).to_be_focused()
