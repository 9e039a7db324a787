"""Tickets: what lets a WebSocket in. Signed (HS256), for one session and one principal, for 15 minutes, reusable.

The first key of the ring signs and all of them verify. So a key is rotated by putting a new one after it, then, once every
instance knows both, before it, and taking the old one out 15 minutes after the last instance that signs with it has ended.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt
import msgspec

from shared.config import variable
from shared.domain.values import Principal, SessionId
from shared.errors import NotYours, SetupError, SignInNeeded

EXPIRES_IN_MS: Final = 15 * 60_000
KEY_BYTES: Final = 32
KEYS_MAX: Final = 2

_ALGORITHM: Final = "HS256"
_jws = jwt.PyJWS(algorithms=[_ALGORITHM])


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    sid: str
    iat: int
    exp: int


@dataclass(frozen=True, slots=True)
class TicketKey:
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert len(self.secret) == KEY_BYTES

    @property
    def kid(self) -> str:
        """Names the key in a ticket; says nothing about its secret."""
        return hashlib.sha256(b"steno ticket key|" + self.secret).hexdigest()[:16]


class Tickets:
    """Issues and verifies. Pure but for its keys: the time is an argument."""

    def __init__(self, keys: Iterable[TicketKey]) -> None:
        ring = tuple(keys)
        assert 1 <= len(ring) <= KEYS_MAX
        self._signing = ring[0]
        self._ring = {key.kid: key for key in ring}

    def issue(self, session: SessionId, principal: Principal, now_ms: int) -> str:
        claims = _Claims(principal, session, now_ms // 1_000, (now_ms + EXPIRES_IN_MS) // 1_000)
        return _jws.encode(
            msgspec.json.encode(claims), self._signing.secret, _ALGORITHM, {"kid": self._signing.kid}
        )

    def verify(self, token: str, session: SessionId, now_ms: int) -> Principal:
        """Who the ticket was issued to.

        Raises:
            SignInNeeded: it is not a ticket of ours, or it has expired.
            NotYours: it is a ticket for another session.
        """
        claims = self._claims(token)
        if claims.exp * 1_000 <= now_ms:
            raise SignInNeeded("the ticket has expired; ask for a new one")
        if claims.sid != session:
            raise NotYours("the ticket is for another session")
        return Principal(claims.sub)

    def _claims(self, token: str) -> _Claims:
        # Whatever a library says about a bad token may quote it, so its error goes no further than here.
        try:
            key = self._ring[_jws.get_unverified_header(token)["kid"]]
            payload = _jws.decode(token, key.secret, algorithms=[_ALGORITHM])
            return msgspec.json.decode(payload, type=_Claims)
        except (jwt.PyJWTError, msgspec.MsgspecError, KeyError, ValueError, RecursionError):
            raise SignInNeeded("this is not a valid ticket; ask for a new one") from None


def open_ring(given: str, path: Path) -> tuple[TicketKey, ...]:
    """The ring that was given; without one, that kept in `path`. Raises SetupError if it cannot be used."""
    return parse_keys(given, variable("ticket_keys")) if given else load_or_create_keys(path)


def load_or_create_keys(path: Path) -> tuple[TicketKey, ...]:
    """The ring kept in `path`, one key a line, base64url; made with one fresh key if there is no such file.

    Processes that start at once all get the same ring. Raises SetupError if the file cannot be used, or others may
    read it.
    """
    try:
        if not path.exists():
            _create(path)
        text = _read_private(path)
    except OSError as error:
        raise SetupError(
            f"the ticket key file {path} cannot be used ({error.strerror}); check the permissions of its folder"
        ) from None
    return parse_keys(text, f"the ticket key file {path}", "; delete it and a new one is made")


def parse_keys(text: str, origin: str, remedy: str = "") -> tuple[TicketKey, ...]:
    """Raises SetupError, naming `origin` and how else to put it right, unless it holds one or two keys."""
    try:
        secrets_found = [base64.b64decode(line, altchars=b"-_", validate=True) for line in text.split()]
    except (binascii.Error, ValueError):
        secrets_found = []
    if not 1 <= len(secrets_found) <= KEYS_MAX or any(len(each) != KEY_BYTES for each in secrets_found):
        raise SetupError(
            f"{origin} is damaged: it should hold one or two lines, each a key of {KEY_BYTES} bytes in"
            f" base64url{remedy}"
        )
    return tuple(TicketKey(each) for each in secrets_found)


def _create(path: Path) -> None:
    # Written apart and linked into place, so that no other process can find the file empty or half written; of
    # several that try, the first link stays and the others read it.
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _read_private(path: Path) -> str:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise SetupError(f"others may read the ticket key file {path}; run: chmod 600 {path}")
        return file.read(4_096).decode("ascii", "replace")
