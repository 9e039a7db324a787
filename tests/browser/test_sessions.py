"""The list of sessions: what the service has, newest first, more on demand, and the truth when it cannot be asked."""

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.recorder_page import RecorderPage
from tests.browser.stack import Stack

NEWEST_MS: Final = 1_790_000_000_000
PAGE: Final = 50
SESSIONS: Final = 70


def session(number: int) -> dict[str, Any]:
    return {
        "id": f"5e55105e-0000-4000-8000-{number:012}",
        "label": f"Example {number}",
        "state": "finished",
        "created_at_ms": NEWEST_MS - number,
        "covered_ms": 1_000 * number,
        "undelivered_ms": 2_000 if number == 1 else 0,
        "takes": 1,
    }


def answer(route: Route) -> None:
    asked = parse_qs(urlsplit(route.request.url).query)
    before_ms = int(asked.get("before", [str(NEWEST_MS + 1)])[0])
    older = [each for each in map(session, range(SESSIONS)) if each["created_at_ms"] < before_ms]
    route.fulfill(body=json.dumps({"sessions": older[:PAGE]}), content_type="application/json")


def test_older_sessions_are_shown_on_demand_and_only_while_there_are_any(
    context: BrowserContext, stack: Stack
) -> None:
    context.route("**/v1/sessions*", answer)
    page = RecorderPage(context, stack.url)
    listed = page.page.get_by_role("navigation").get_by_role("listitem")
    expect(listed).to_have_count(PAGE)
    expect(listed.nth(1)).to_contain_text("2 s not yet delivered")
    page.press("Show older sessions")
    expect(listed).to_have_count(SESSIONS)
    expect(listed.last).to_contain_text(f"Example {SESSIONS - 1}")
    page.press("Show older sessions")
    expect(page.button("Show older sessions")).to_be_hidden()
    expect(listed).to_have_count(SESSIONS)


def test_a_list_that_cannot_be_had_says_so_and_hinders_nobody(context: BrowserContext, stack: Stack) -> None:
    context.route("**/v1/sessions", lambda route: route.abort())
    page = RecorderPage(context, stack.url)
    page.sees("The service cannot be reached. The list may be old.")
    page.press("Record")
    page.waits_for_cells(2)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.is_clean("ERR_FAILED")
