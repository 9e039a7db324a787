"""Tokens that Google signed: what they say, if they are whole, in time and made out to us."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.oauth2 import id_token

from shared.errors import Retry, SignInNeeded

KEYS_KEPT_S: Final = 3_600
KEYS_FRESH_S: Final = 60
"""A token that older keys do not open may be signed with a newer one. Nobody makes us ask more often than this."""

Fetch = Callable[..., Any]
"""Asks the web, in the way of google-auth: url and method in; status, headers and data out."""

FETCH_S_MAX: Final = 4.0
CLOCKS_DIFFER_S_MAX: Final = 10


class GoogleTokens:
    """Blocks; any thread may use it."""

    def __init__(self, fetch: Fetch, now_s: Callable[[], float] = time.monotonic) -> None:
        self._keys = _KeptKeys(fetch, now_s)

    @classmethod
    def open(cls) -> "GoogleTokens":
        return cls(Request())

    def claims(self, token: str, audience: str) -> Mapping[str, object]:
        """Raises SignInNeeded for a token that is not good, Retry when Google's keys do not come."""
        try:
            return self._claims(token, audience)
        except SignInNeeded:
            if not self._keys.forget_unless_fresh():
                raise
        return self._claims(token, audience)

    def _claims(self, token: str, audience: str) -> Mapping[str, object]:
        try:
            found: Mapping[str, object] = id_token.verify_oauth2_token(  # type: ignore[no-untyped-call]  # ships none
                token, self._keys, audience, clock_skew_in_seconds=CLOCKS_DIFFER_S_MAX
            )
        except TransportError:
            raise Retry("Google's keys, which tokens are checked with, do not come") from None
        except (GoogleAuthError, ValueError):
            # What the library says of it may quote the token.
            raise SignInNeeded("the token is not Google's, not for us, or no longer good") from None
        return found


class _KeptKeys:
    """Keeps what it fetched: by itself the library fetches Google's keys anew for every token."""

    def __init__(self, fetch: Fetch, now_s: Callable[[], float]) -> None:
        self._fetch = fetch
        self._now_s = now_s
        self._lock = threading.Lock()
        self._kept: Any = None
        self._fetched_s = 0.0

    def __call__(self, url: str, method: str = "GET", **options: Any) -> Any:
        """The library asks one address only."""
        # Under the lock: of many tokens at once the first fetches, and the rest wait for its keys.
        with self._lock:
            if self._kept is not None and self._now_s() - self._fetched_s < KEYS_KEPT_S:
                return self._kept
            response = self._fetch(url=url, method=method, **{**options, "timeout": FETCH_S_MAX})
            if response.status == 200:
                self._kept, self._fetched_s = response, self._now_s()
            return response

    def forget_unless_fresh(self) -> bool:
        with self._lock:
            if self._kept is None or self._now_s() - self._fetched_s < KEYS_FRESH_S:
                return False
            self._kept = None
            return True
