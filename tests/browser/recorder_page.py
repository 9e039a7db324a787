"""The recorder page as a person has it before them, and what it sent, as the network saw it."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.request import Request, urlopen

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, WebSocket, expect

CELL: Final = 4_000
HEADER_BYTES: Final = 12
WORD: Final = re.compile(r"(\d+):[0-9a-f]{8}")

# The words of the scripted engine that are on the screen, and how many cells of 250 ms they stand for.
CELLS_SHOWN: Final = """() => {
  const text = document.getElementById("transcript").textContent;
  return Math.max(0, ...[...text.matchAll(/(\\d+):[0-9a-f]{8}/g)].map((found) => Number(found[1]) + 1));
}"""

STORED: Final = """async () => ({
  local: localStorage.length,
  session: sessionStorage.length,
  cookies: document.cookie,
  databases: (await indexedDB.databases()).length,
  caches: (await caches.keys()).length,
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  files: await (async () => {
    let count = 0;
    for await (const _ of (await navigator.storage.getDirectory()).keys()) count++;
    return count;
  })(),
})"""

REPORT_VIOLATIONS: Final = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


class RecorderPage:
    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.audio: dict[int, bytes] = {}
        """What was sent, sample by sample, as start -> PCM; a take each, for a page makes one at a time."""
        self.session = ""
        self.errors: list[str] = []
        self.page: Page = context.new_page()
        self.page.add_init_script(REPORT_VIOLATIONS)
        self.page.on("websocket", self._watch)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)

    # --- what a person does

    def press(self, name: str) -> None:
        self.button(name).click()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    # --- what a person sees

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    def sees(self, text: str | re.Pattern[str], within_ms: int = 10_000) -> None:
        expect(self.page.locator("body")).to_contain_text(text, timeout=within_ms)

    def sees_lamp(self, name: str, says: str, within_ms: int = 10_000) -> None:
        lamp = self.page.get_by_role("listitem").filter(has_text=name)
        expect(lamp).to_contain_text(says, timeout=within_ms)

    @property
    def cells(self) -> int:
        """How many cells of 250 ms the words on the screen reach."""
        shown: int = self.page.evaluate(CELLS_SHOWN)
        return shown

    def waits_for_cells(self, count: int, within_ms: int = 15_000) -> None:
        self.page.wait_for_function(f"count => ({CELLS_SHOWN})() >= count", arg=count, timeout=within_ms)

    def waits_for_more(self, cells: int = 6, within_ms: int = 15_000) -> None:
        self.waits_for_cells(self.cells + cells, within_ms)

    def passes(self, ms: int) -> None:
        """Time in which somebody speaks, or a network is away: the one thing that cannot be waited for otherwise."""
        self.page.wait_for_timeout(ms)

    # --- what is true

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            with urlopen(
                f"{self.url}/v1/sessions/{self.session}/log?entries={len(found)}", timeout=10
            ) as reply:
                page = json.load(reply)["entries"]
            if not page:
                return found
            found += page

    def stores_label(self, label: str, within_ms: int = 8_000) -> None:
        """The service has it as the label of the session that was recorded last, soon."""
        # Asked by another page of the same browser: this one may be closed.
        asking = self.context.new_page()
        asking.goto(f"{self.url}/healthz")
        asking.wait_for_function(
            """async ([session, label]) => {
              const stored = await (await fetch(`/v1/sessions/${session}`)).json();
              return stored.label === label;
            }""",
            arg=[self.session, label],
            timeout=within_ms,
            polling=200,
        )
        asking.close()

    def delete_elsewhere(self) -> None:
        request = Request(f"{self.url}/v1/sessions/{self.session}", method="DELETE")
        with urlopen(request, timeout=10) as reply:
            assert reply.status == 204

    def has_everything(self, take: int = 1) -> None:
        """Every sample sent is in the log once, in the words that it hashes to, and those words are on the screen."""
        audio = self._pcm()
        entries = [each for each in self.entries() if each["take"] == take]
        assert [each for each in entries if "cause" in each] == []
        at = 0
        for each in entries:
            assert each["start"] == at, f"samples {at} to {each['start']} are in no entry, or in two"
            at = each["until"]
            digest = hashlib.sha256(audio[2 * each["start"] : 2 * at]).hexdigest()
            assert each["text"] == f"{each['start'] // CELL}:{digest[:8]}"
        assert 2 * at == len(audio)
        words = " ".join(each["text"] for each in entries)
        assert words in " ".join(found[0] for found in WORD.finditer(self.log.inner_text()))

    def _pcm(self) -> bytes:
        whole = bytearray()
        for start, pcm in sorted(self.audio.items()):
            assert 2 * start <= len(whole), f"nothing was sent between sample {len(whole) // 2} and {start}"
            known = whole[2 * start : 2 * start + len(pcm)]
            assert known == pcm[: len(known)], "audio that was sent again is not what was sent before"
            whole += pcm[len(known) :]
        return bytes(whole)

    def is_clean(self, expected_errors: str = "$^") -> None:
        """Nothing is kept in the browser, and nobody complained."""
        assert set(self.page.evaluate(STORED).values()) == {0, ""}
        assert self.context.cookies() == []
        assert self.page.evaluate("window.violations") == []
        assert [each for each in self.errors if not re.search(expected_errors, each)] == []

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framesent", self._sent)

    def _sent(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            message = json.loads(payload)
            self.session = message.get("session", self.session)
            return
        start, pcm = int.from_bytes(payload[4:HEADER_BYTES], "big"), payload[HEADER_BYTES:]
        if len(pcm) > len(self.audio.get(start, b"")):
            self.audio[start] = pcm

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)


Opener = Callable[[], RecorderPage]
