"""One browser and one Steno for all tests here; each test has a fresh context. What is missing fails, and says so."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.recorder_page import Opener, RecorderPage
from tests.browser.stack import Stack

SPEECH: Final = Path(__file__).parents[1] / "data" / "speech" / "nat_jfk.wav"


def chromium_path() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, (
        "Chromium is not installed, so the tests of the recorder page in a browser did not run: "
        "make setup-dev, or install Debian's package chromium"
    )
    return found


def launch(playwright: Playwright, *flags: str, speech: Path = SPEECH) -> Browser:
    """The fake microphone says `speech`, and then says it again."""
    return playwright.chromium.launch(
        executable_path=chromium_path(),
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={speech}",
            *(flags or ("--use-fake-ui-for-media-stream",)),
        ],
    )


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    # Stopped with the last test of this folder: while it lives, no other test can have an event loop.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launch(playwright) as browser:
        yield browser


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("steno"), "scripted") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(permissions=["microphone"]) as context:
        yield context


@pytest.fixture
def opener(context: BrowserContext, stack: Stack) -> Opener:
    return lambda: RecorderPage(context, stack.url)


@pytest.fixture
def page(opener: Opener) -> RecorderPage:
    return opener()
