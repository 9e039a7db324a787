"""The page and its files: those, with their types, and no others."""

import re
from pathlib import Path

import pytest

from services.ingest.pages import RECORDER_DIR, load_page
from shared.errors import SetupError
from tests.unit.services.ingest.web import Web


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    page.mkdir()
    for name in ("index.html", "main.js", "style.css", "icon.svg", "notes.txt", "types.d.ts", ".hidden"):
        (page / name).write_text(name)
    (tmp_path / "secret.js").write_text("secret")
    return page


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/static/index.html", "text/html; charset=utf-8"),
        ("/static/main.js", "text/javascript; charset=utf-8"),
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ],
)
async def test_each_file_comes_with_its_type_and_is_asked_for_again_each_time(
    folder: Path, path: str, media_type: str
) -> None:
    async with Web(page=load_page(folder)).browser() as browser:
        answer = await browser.get(path)
    assert answer.status_code == 200
    assert answer.text == path.removeprefix("/static/").replace("/", "index.html")
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "none.js",
        "notes.txt",
        "types.d.ts",
        ".hidden",
        "../secret.js",
        "..%2fsecret.js",
        "%2e%2e/secret.js",
        "%2e%2e%2fsecret.js",
        "..%5csecret.js",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "main.js%00",
        "main.js/",
        "MAIN.JS",
        "main.js%20",
        "x" * 10_000,
    ],
)
async def test_nothing_else_can_be_asked_for(folder: Path, name: str) -> None:
    async with Web(page=load_page(folder)).browser() as browser:
        answer = await browser.get(f"http://127.0.0.1:8000/static/{name}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_a_page_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read .* reinstall"):
        load_page(tmp_path / "nowhere")
    with pytest.raises(SetupError, match="has no index.html"):
        load_page(tmp_path)


async def test_whatever_our_page_names_is_there() -> None:
    page = load_page(RECORDER_DIR)
    named = re.findall(r'(?:src|href)="(/[^"]*)"', page.files["index.html"].decode())
    assert named
    async with Web(page=page).browser() as browser:
        for path in named:
            assert (await browser.get(path)).status_code == 200, path
