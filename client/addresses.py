"""Where the service is: `ws://HOST:PORT` as a person writes it, as the socket's address and as that of HTTP calls."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from shared.errors import SetupError

STREAM_PATH = "/v1/stream"

_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
"""What may be written, and its HTTP scheme: `steno up` prints http addresses, and people copy them."""


@dataclass(frozen=True, slots=True)
class Address:
    """One server, without a path. `http` and `stream` are what to ask and what to dial."""

    http: str

    @property
    def stream(self) -> str:
        return "ws" + self.http.removeprefix("http") + STREAM_PATH


def parse_address(url: str) -> Address:
    """Raises SetupError, with an example, for what is no address of a server."""
    example = "write it like ws://127.0.0.1:8000"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SetupError(f"{url!r} is no address; {example}") from None
    if parts.username is not None or parts.password is not None:
        # An address is shown and logged; a password must not travel in one.
        raise SetupError(f"an address may not carry a name or password; {example}")
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise SetupError(f"{url!r} is no address of a server; {example}")
    if parts.path.rstrip("/") not in ("", STREAM_PATH) or parts.query or parts.fragment:
        raise SetupError(f"{url!r} has a path that Steno does not serve; {example}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    return Address(urlunsplit((_SCHEMES[parts.scheme], netloc, "", "", "")))
