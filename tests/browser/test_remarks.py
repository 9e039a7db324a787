"""A text that the guard kept is marked for eyes and for screen readers, until a better text comes, however late."""

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

from tests.browser.recorder_page import RecorderPage
from tests.browser.stack import Stack

SESSION: Final = "5e55105e-0000-4000-8000-000000000001"
LISTED: Final = {
    "id": SESSION,
    "label": "Example",
    "state": "finished",
    "created_at_ms": 1_790_000_000_000,
    "covered_ms": 20_000,
    "undelivered_ms": 0,
    "takes": 1,
}
SAID: Final = (
    "sixty two year old man with two days of breathlessness on exertion",
    "start ramipril five milligrams once daily",
    "left knee effusion no erythema",
    "take one twenty milligram tablet at night",
    "review in clinic in six weeks",
)
POLISHED: Final[tuple[tuple[str, list[str]], ...]] = (
    ("62-year-old man with two days of breathlessness on exertion.", []),
    ("Start ramipril 5 mg once daily.", ["gemini_changed_number"]),
    ("Left knee effusion, no erythema.", ["upgrade_due", "gemini_deadline"]),
    ("Take one twenty milligram tablet at night.", ["number_as_said"]),
)
KEPT: Final = "Kept as dictated: the polished text changed a number."
REFINED: Final = "Some of this text will be refined later, by itself."


def polished(index: int, entry: int, text: str, flags: list[str]) -> dict[str, Any]:
    return {"type": "polished", "index": index, "first": entry, "last": entry, "text": text, "flags": flags}


class Log:
    """A session's logs as the service gives them after the cursors asked with."""

    def __init__(self) -> None:
        self.entries = [
            {
                "type": "entry",
                "index": n,
                "take": 1,
                "start": n * 64_000,
                "until": n * 64_000 + 60_000,
                "text": text,
                "utterance_end": True,
            }
            for n, text in enumerate(SAID)
        ]
        self.polished = [polished(n, n, text, flags) for n, (text, flags) in enumerate(POLISHED)]

        self.times_asked = 0

    def answer(self, route: Route) -> None:
        self.times_asked += 1
        asked = parse_qs(urlsplit(route.request.url).query)
        page = {
            name: rows[int(asked[name][0]) :]
            for name, rows in (("entries", self.entries), ("polished", self.polished))
        }
        route.fulfill(body=json.dumps({"log_id": "a", **page}), content_type="application/json")


def asked_later(page: RecorderPage, log: Log, times: int) -> None:
    """The page's clock runs on, half a minute at a time, until it has asked so often."""
    until = log.times_asked + times
    for _ in range(20 * times):
        if log.times_asked >= until:
            return
        page.page.clock.fast_forward(30_000)
        page.passes(20)
    raise AssertionError("the page no longer asks")


def test_a_kept_text_is_marked_until_a_better_one_comes(context: BrowserContext, stack: Stack) -> None:
    log = Log()
    listed = json.dumps({"sessions": [LISTED]})
    context.route("**/v1/sessions", lambda route: route.fulfill(body=listed, content_type="application/json"))
    context.route(f"**/v1/sessions/{SESSION}/log?*", log.answer)
    page = RecorderPage(context, stack.url)
    page.page.clock.install()
    page.page.get_by_role("navigation").get_by_role("button", name="Example").click()
    remarks = page.log.get_by_role("note")
    expect(remarks).to_have_text([KEPT, "A number is left in words: it can be read in more than one way."])
    page.sees(REFINED)
    # Far longer than a finished session is asked for otherwise.
    asked_later(page, log, times=20)
    log.polished += [
        polished(4, 1, "Start ramipril 5 mg daily.", []),
        polished(5, 2, "No erythema; left knee effusion.", []),
    ]
    asked_later(page, log, times=2)
    page.sees("Start ramipril 5 mg daily.")
    expect(remarks).to_have_count(1)
    expect(page.page.get_by_text(REFINED)).to_have_count(0)
    page.is_clean()


class Unrefined:
    """Between page and service: marks every polished text as one to be refined, and refines it once it is asked."""

    def __init__(self) -> None:
        self.polished: list[dict[str, Any]] = []

    def connect(self, page: WebSocketRoute) -> None:
        service = page.connect_to_server()

        def said(message: str | bytes) -> None:
            told = json.loads(message)
            if told["type"] == "polished":
                self.polished.append(told)
                told["flags"] = ["upgrade_due", "gemini_deadline"]
            page.send(json.dumps(told))

        page.on_message(service.send)
        service.on_message(said)

    def answer(self, route: Route) -> None:
        """The real log, and after it every text again."""
        page = route.fetch().json()
        since = int(parse_qs(urlsplit(route.request.url).query)["polished"][0])
        again = [
            {**each, "index": len(self.polished) + n, "text": f"Refined: {each['text']}", "flags": []}
            for n, each in enumerate(self.polished)
        ]
        page["polished"] = [each for each in again if each["index"] >= since]
        route.fulfill(body=json.dumps(page), content_type="application/json")


def test_what_is_refined_after_the_end_of_a_recording_still_comes(
    context: BrowserContext, stack: Stack
) -> None:
    unrefined = Unrefined()
    context.route_web_socket("**/v1/stream", unrefined.connect)
    page = RecorderPage(context, stack.url)
    page.press("Record")
    page.waits_for_cells(4)
    page.press("Finish")
    page.sees("Finished. All that was recorded here is saved.")
    page.sees(REFINED)
    expect(page.log).not_to_contain_text("Refined")
    context.route("**/v1/sessions/*/log?*", unrefined.answer)
    expect(page.log).to_contain_text("Refined", timeout=40_000)
    expect(page.page.get_by_text(REFINED)).to_have_count(0)
    page.sees("Finished. All that was recorded here is saved.")
    page.is_clean()
