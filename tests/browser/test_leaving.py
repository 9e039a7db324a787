"""Closing the page while it holds what nobody else has is warned of; otherwise it is nobody's business."""

from playwright.sync_api import Dialog

from tests.browser.recorder_page import RecorderPage


def leave(page: RecorderPage) -> list[str]:
    """The kinds of dialog that a person meets who closes the page now. They stay."""
    met: list[str] = []

    def stay(dialog: Dialog) -> None:
        met.append(dialog.type)
        dialog.dismiss()

    page.page.once("dialog", stay)
    page.page.close(run_before_unload=True)
    page.passes(500)
    return met


def test_closing_while_recording_is_warned_of(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(2)
    assert leave(page) == ["beforeunload"]
    page.waits_for_more(2)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")


def test_closing_with_audio_that_is_not_covered_is_warned_of(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(2)
    page.context.set_offline(True)
    page.passes(1_000)
    page.press("Finish")
    page.sees("Keep this page open")
    assert leave(page) == ["beforeunload"]
    page.context.set_offline(False)
    page.sees("Finished. All that was recorded here is saved.", within_ms=25_000)


def test_nobody_is_held_back_who_has_nothing_to_lose(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(2)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    closed: list[bool] = []
    page.page.once("close", lambda _: closed.append(True))
    page.page.close(run_before_unload=True)
    page.context.new_page().wait_for_timeout(500)
    assert closed == [True]
