"""The recorder page and its files, held in memory: what is not among them cannot be asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.errors import NotFound, SetupError

RECORDER_DIR: Final = Path(__file__).parent / "recorder"

_MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
# A page of an older deploy must not meet a newer server's protocol, so a browser asks again each time.
_HEADERS: Final = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Page:
    """`files` by name, `index.html` among them."""

    files: Mapping[str, bytes]

    def routes(self) -> list[Route]:
        return [Route("/", self._index), Route("/static/{name}", self._static)]

    async def _index(self, request: Request) -> Response:
        return _file("index.html", self.files["index.html"])

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.files:
            raise NotFound("the page has no such file")
        return _file(name, self.files[name])


def load_page(folder: Path) -> Page:
    """Raises SetupError if the page is not there."""
    try:
        found = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in _MEDIA_TYPES}
    except OSError as error:
        raise SetupError(
            f"the recorder page in {folder} cannot be read ({error.strerror}); reinstall"
        ) from None
    if "index.html" not in found:
        raise SetupError(f"the recorder page in {folder} has no index.html; reinstall")
    return Page(MappingProxyType(found))


def _file(name: str, content: bytes) -> Response:
    return Response(content, headers=_HEADERS, media_type=_MEDIA_TYPES[Path(name).suffix])
