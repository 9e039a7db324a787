"""Stage 6 of 13, for engines at a vendor's: what can go wrong with them, who must act, and what the person reads.

Whatever fails here costs no word: audio is covered only once its final is stored, so all after that is still held and
is given to the next stream. Each adapter maps its vendor's errors to these kinds in one table.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.errors import EngineUnavailable


class Kind(StrEnum):
    CONFIG = "config"
    """The vendor does not take what we ask for: a model, a language, an option."""
    AUTH = "auth"
    QUOTA = "quota"
    TIMEOUT = "timeout"
    """It is connected, and does not answer."""
    IDLE = "idle"
    CONNECT = "connect"
    SERVER = "server"
    TRANSPORT = "transport"
    PROTOCOL = "protocol"
    """It says what its documentation does not, or we did."""
    ROTATE = "rotate"
    """Nothing is wrong: this connection has served its time, and the next one should go on."""


class Who(StrEnum):
    """Who must act before it can work again."""

    NOBODY = "nobody"
    ADMINISTRATOR = "administrator"
    MAINTAINER = "maintainer"


@dataclass(frozen=True, slots=True)
class Meaning:
    who: Who
    sentence: str
    """What happened, after the vendor's name."""


MEANINGS: Final[dict[Kind, Meaning]] = {
    Kind.CONFIG: Meaning(Who.ADMINISTRATOR, "does not offer what this installation asks it for"),
    Kind.AUTH: Meaning(Who.ADMINISTRATOR, "does not accept this installation's key"),
    Kind.QUOTA: Meaning(Who.ADMINISTRATOR, "has no capacity left for this installation"),
    Kind.TIMEOUT: Meaning(Who.NOBODY, "does not answer"),
    Kind.IDLE: Meaning(Who.NOBODY, "ended a connection on which nothing was said"),
    Kind.CONNECT: Meaning(Who.NOBODY, "cannot be reached"),
    Kind.SERVER: Meaning(Who.NOBODY, "has a failure of its own"),
    Kind.TRANSPORT: Meaning(Who.NOBODY, "was cut off"),
    Kind.PROTOCOL: Meaning(Who.MAINTAINER, "answers in a way that Steno does not understand"),
    Kind.ROTATE: Meaning(Who.NOBODY, "is asked for a fresh connection"),
}

SAFE: Final = "nothing is lost: what is not yet text is kept and will be heard again"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one error of a vendor comes to."""

    kind: Kind
    retry_after_ms: int | None = 0
    """How long to leave the vendor alone; 0 is up to whoever backs off. None: never again with this configuration."""


class VendorFailure(EngineUnavailable):
    """A vendor's stream could not be opened, or died. `code` is the vendor's own word for it, for the log."""

    def __init__(self, vendor: str, verdict: Verdict, code: str = "") -> None:
        self.vendor = vendor
        self.kind = verdict.kind
        self.who = MEANINGS[verdict.kind].who
        self.code = code
        self.retryable = verdict.retry_after_ms is not None
        self.retry_after_ms = verdict.retry_after_ms
        super().__init__(f"the speech service {vendor} {MEANINGS[verdict.kind].sentence}; {SAFE}")
