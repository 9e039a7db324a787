"""Stage 6 of 13, for engines at a vendor's: what one connection to a vendor is asked for, and what it says, in the
vendor's own count of samples. Each adapter translates its vendor's messages into these."""

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection

from shared.domain.values import samples

WHOLE: Final = samples(0.1)
"""Vendors round their times; a flush that reaches within this of what was sent has heard all of it."""

CLOSE_S_MAX: Final = 1.0
"""A vendor that is gone does not say goodbye; its socket is cut off after this."""


@dataclass(frozen=True, slots=True)
class Said:
    """One word as a vendor heard it."""

    text: str = field(repr=False)
    start: int
    until: int


@dataclass(frozen=True, slots=True)
class Interim:
    """What is heard so far after the last final; empty when nothing is."""

    start: int
    until: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything before `until` is final, and these were its new words, if any."""

    until: int
    text: str = field(default="", repr=False)
    words: Sequence[Said] = field(default=(), repr=False)
    confidence: int | None = None
    utterance_end: bool = False


@dataclass(frozen=True, slots=True)
class Finalised:
    """The answer to `finalise`: all that was sent before it is final."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer to `end`: there is nothing more to come."""


Fact = Interim | Finished | Finalised | Ended


class Wire(Protocol):
    """One open connection. Every method raises VendorFailure when it is broken."""

    lead_in: int
    """Samples of silence that must come first for a keep-alive to count."""

    @property
    def processed(self) -> int:
        """How far the vendor has come in what it was sent."""

    @property
    def quiet_until(self) -> int:
        """Before this nothing was said, though the vendor has not sent a final for it."""

    async def ready(self) -> None:
        """Until the vendor has room for more."""

    async def audio(self, pcm: bytes) -> None: ...

    async def finalise(self) -> None: ...

    async def end(self) -> None: ...

    async def keep_alive(self) -> None: ...

    def facts(self) -> AsyncIterator[Fact]:
        """Until Ended."""

    async def close(self) -> None:
        """Within a second or so, whatever the vendor does."""


@cache
def tls() -> ssl.SSLContext:
    """One for the process: making it takes 30 ms, in which no other session would be served."""
    return ssl.create_default_context()


def proxy_for(url: str) -> Literal[True] | None:
    """Hospitals reach the world through a proxy, and this machine without."""
    host = urlsplit(url).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return None if local else True


def quieten(*loggers: str) -> None:
    """Vendors' libraries log transcripts and headers below WARNING."""
    for name in (*loggers, "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def close_within(closing: Awaitable[object], connection: ClientConnection | None) -> None:
    """Close nicely, or else cut the socket off; on return it is closed."""
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await closing
    except TimeoutError:
        pass
    finally:
        # A connection that was never made has no transport.
        if connection is not None and hasattr(connection, "transport"):
            # After a nice close this does nothing.
            connection.transport.abort()
            await connection.wait_closed()
