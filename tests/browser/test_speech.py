"""Speech in a real browser, heard by the offline engine: the server is killed in the middle, and no word is missing."""

import re
import wave
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Playwright

from tests.browser.conftest import SPEECH, launch
from tests.browser.recorder_page import RecorderPage
from tests.browser.stack import Stack
from tests.browser.test_faults import LOST_CONNECTION

SILENCE_SECONDS: Final = 90
SPEECH_MS: Final = 11_000

WRONG_MAX: Final = 2
"""Of 22 words. The browser resamples its fake microphone as it likes, so the engine hears it a little differently each time."""


def with_silence(speech: Path, folder: Path) -> Path:
    """Speech that is followed by so much silence that the fake microphone does not begin it again."""
    path = folder / "speech.wav"
    with wave.open(str(speech)) as said, wave.open(str(path), "wb") as longer:
        longer.setparams(said.getparams())
        longer.writeframes(said.readframes(said.getnframes()))
        longer.writeframes(bytes(2 * said.getframerate() * SILENCE_SECONDS))
    return path


@pytest.mark.timeout(150)
def test_what_is_said_while_the_server_is_killed_is_read_afterwards(
    playwright: Playwright, tmp_path: Path
) -> None:
    speech = with_silence(SPEECH, tmp_path)
    with Stack(tmp_path, "local") as stack:
        with launch(playwright, "--use-fake-ui-for-media-stream", speech=speech) as browser:
            page = RecorderPage(browser.new_context(permissions=["microphone"]), stack.url)
            page.press("Record")
            page.sees_lamp("Network", "Connected")
            page.passes(SPEECH_MS // 2)
            starts = stack.starts
            stack.kill_ingest()
            page.passes(SPEECH_MS // 2 + 1_000)
            page.press("Finish")
            stack.wait_for_restart(starts)
            page.sees("Finished. All that was recorded here is saved.", within_ms=60_000)
            assert [each["cause"] for each in page.entries() if "cause" in each] == []
            assert wrong(page.log.inner_text(), SPEECH.with_suffix(".txt").read_text()) <= WRONG_MAX
            page.is_clean(LOST_CONNECTION)


def wrong(heard: str, said: str) -> int:
    """Words that are missing, added or others."""
    matcher = SequenceMatcher(None, words(heard), words(said), autojunk=False)
    return sum(
        max(until_a - a, until_b - b)
        for tag, a, until_a, b, until_b in matcher.get_opcodes()
        if tag != "equal"
    )


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())
