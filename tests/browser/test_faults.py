"""Whatever dies, the person loses no word, sees none twice, and is told the truth."""

from playwright.sync_api import expect

from tests.browser.recorder_page import Opener, RecorderPage
from tests.browser.stack import Stack

LOST_CONNECTION = "WebSocket connection|ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_RESET"


def test_a_killed_server_costs_no_word(page: RecorderPage, stack: Stack) -> None:
    page.press("Record")
    page.waits_for_cells(8)
    starts = stack.starts
    stack.kill_ingest()
    page.sees("There is no connection. Recording goes on")
    stack.wait_for_restart(starts)
    page.waits_for_more(12, within_ms=30_000)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.has_everything()
    page.is_clean(LOST_CONNECTION)


def test_a_network_that_goes_away_without_a_word_costs_none(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    page.context.set_offline(True)
    page.sees_lamp("Network", "Offline")
    page.sees("There is no connection. Recording goes on")
    page.passes(7_000)
    page.context.set_offline(False)
    page.waits_for_more(36, within_ms=20_000)
    page.sees_lamp("Network", "Connected")
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.has_everything()
    page.is_clean(LOST_CONNECTION)


def test_finish_without_a_network_waits_for_it_and_says_so(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    page.context.set_offline(True)
    page.passes(2_000)
    page.press("Finish")
    page.sees("Keep this page open: it finishes by itself once the network is back.")
    page.passes(5_000)
    page.context.set_offline(False)
    page.sees("Finished. All that was recorded here is saved.", within_ms=20_000)
    page.has_everything()
    page.is_clean(LOST_CONNECTION)


def test_recording_begins_and_goes_on_after_a_pause_without_a_network(page: RecorderPage) -> None:
    page.context.set_offline(True)
    page.press("Record")
    page.sees("There is no connection. Recording goes on")
    page.passes(1_500)
    page.press("Pause")
    expect(page.button("Record")).to_be_enabled()
    page.press("Record")
    page.sees_lamp("Microphone", "On")
    page.passes(1_500)
    page.context.set_offline(False)
    page.waits_for_cells(10, within_ms=20_000)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.has_everything()
    page.is_clean(LOST_CONNECTION)


def test_the_page_that_is_displaced_is_told_and_can_go_on(page: RecorderPage, opener: Opener) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    other = opener()
    other.sees("is open in another tab or on another device")
    other.press("Only read it")
    other.waits_for_cells(4)
    other.press("Record")
    other.waits_for_cells(4)
    page.sees("Another recorder has had this session since")
    page.sees_lamp("Microphone", "On")
    page.press("Continue here")
    other.sees("Another recorder has had this session since")
    other.press("Pause")
    page.sees_lamp("Network", "Connected")
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.has_everything(take=1)
    # What the other page captured before it was displaced is still on its tape, and goes into its own take.
    other.press("Continue here")
    other.press("Finish")
    other.sees("Finished. All that was recorded here is saved.")
    other.has_everything(take=2)
    expect(other.log).to_contain_text("Recording 2")
    page.is_clean()
    other.is_clean()


def test_a_session_that_is_deleted_elsewhere_is_told(page: RecorderPage) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    page.delete_elsewhere()
    page.sees("This session was deleted. Nothing more can be saved in it.", within_ms=20_000)
    page.press("Pause")
    page.page.once("dialog", lambda dialog: dialog.accept())
    page.press("Start a new session")
    page.sees("Press Record and speak.")
    expect(page.log).to_be_empty()
    page.is_clean()


def test_a_page_that_was_closed_is_gone_on_with_as_a_new_take(page: RecorderPage, opener: Opener) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    page.press("Pause")
    page.sees("Everything is saved")
    page.page.close()
    again = opener()
    again.press("Continue it")
    expect(again.log).to_contain_text("Recording 2", timeout=15_000)
    again.press("Finish")
    again.sees("Finished. All that was recorded here is saved.")
    assert again.session == page.session
    page_entries = {each["take"] for each in again.entries()}
    assert page_entries == {1, 2}
    again.has_everything(take=2)
    again.is_clean()


def test_a_page_that_was_closed_can_be_ended_from_another(page: RecorderPage, opener: Opener) -> None:
    page.press("Record")
    page.waits_for_cells(4)
    page.press("Pause")
    page.sees("Everything is saved")
    page.page.close()
    again = opener()
    again.press("Only read it")
    again.waits_for_cells(4)
    # The service waits a while for the recorder that left; until then it would refuse to end the session.
    again.sees("or was until a moment ago")
    expect(again.button("End it as it is")).to_have_count(0)
    again.sees("This session is not finished.", within_ms=25_000)
    again.press("End it as it is")
    again.sees("This session is finished.")
    expect(again.button("Record")).to_be_disabled()
    again.is_clean()
