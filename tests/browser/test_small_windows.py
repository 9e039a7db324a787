"""The narrowest phone, a phone on its side, and a page at 400 %: all controls and what is safe are in view, beside the words."""

import pytest

from tests.browser.recorder_page import RecorderPage

# What the person must see at any time, and whether some of it is beyond the edges of the window.
OUT_OF_VIEW = """() => [...document.querySelectorAll("#record, #pause, #finish, #copy, #state-says, #timer, #safety")]
  .filter((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight || right === left;
  })
  .map((element) => element.id)"""

WIDER = "() => document.documentElement.scrollWidth - innerWidth"

# Lines of the transcript or of its panel that the bar at the bottom leaves room for.
HEIGHT_ABOVE_CONTROLS = "() => document.getElementById('bar').getBoundingClientRect().top"


@pytest.mark.parametrize(("width", "height", "left"), [(320, 640, 300), (320, 256, 110), (640, 320, 160)])
def test_nothing_is_cut_off_while_it_records(page: RecorderPage, width: int, height: int, left: int) -> None:
    page.page.set_viewport_size({"width": width, "height": height})

    def fits() -> None:
        assert page.page.evaluate(WIDER) <= 0
        assert page.page.evaluate(OUT_OF_VIEW) == []
        assert page.page.evaluate(HEIGHT_ABOVE_CONTROLS) >= left

    page.press("Record")
    page.waits_for_cells(6)
    fits()
    page.context.set_offline(True)
    page.sees("There is no connection. Recording goes on")
    page.passes(1_000)
    fits()
    page.context.set_offline(False)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.", within_ms=20_000)
    assert page.page.evaluate(WIDER) <= 0
