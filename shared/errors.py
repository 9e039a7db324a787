"""Every error says who must act: Retry (the world), Resync (the caller's picture), Refuse (the caller), Broken (us).

    DictationError
    ├── Retry      the world failed; the same call may work later
    ├── Resync     the caller's picture is old; start again from what is stored
    ├── Refuse     the caller is wrong; never retry
    └── Broken     we are wrong; stop, keep the evidence

Messages are sentences for the person who must act. They never carry words of speech, labels, vocabularies or tickets.
"""

from typing import ClassVar


class DictationError(Exception):
    """The root. `close_code` is what a WebSocket is closed with, `http_status` what a request is answered with."""

    close_code: ClassVar[int] = 4500
    http_status: ClassVar[int] = 500
    error: ClassVar[str] = "internal"
    """The short, stable word of an HTTP error body."""


class Retry(DictationError):
    close_code = 4503
    http_status = 503
    error = "unavailable"


class Resync(DictationError):
    close_code = 4509
    http_status = 409
    error = "resync"


class Refuse(DictationError):
    close_code = 4400
    http_status = 400
    error = "refused"


class Broken(DictationError):
    """We are wrong. Nothing was lost that was acknowledged; the evidence is in the log."""


class StoreUnavailable(Retry):
    """The store did not answer, or answered that it cannot. What was asked may or may not have happened."""


class BlobsUnavailable(Retry):
    """The blob storage did not answer, or cannot write."""


class EngineUnavailable(Retry):
    """The speech engine failed or cannot be reached."""


class Busy(Retry):
    """This instance serves as many sessions as it may; another one, or this one later, will."""

    close_code = 4529
    error = "busy"

    def __init__(self, message: str, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class WriteConflict(Resync):
    """Somebody else wrote first: the version given is not the stored one, or what should be new exists."""


class LeaseLost(Resync):
    """Another connection holds the session; nothing more may be written under this lease."""


class DialTooOld(Resync):
    """A connection of the same take, dialled at the same time or later, was admitted before."""

    def __init__(self, stored_dial: int) -> None:
        super().__init__("a newer connection of this recorder was here first; dial again")
        self.stored_dial = stored_dial


class SignInNeeded(Refuse):
    close_code = 4401
    http_status = 401
    error = "sign_in"


class NotYours(Refuse):
    close_code = 4403
    http_status = 403
    error = "not_yours"


class TakenElsewhere(Refuse):
    """Another take has the session."""

    close_code = 4409
    http_status = 409
    error = "taken"

    def __init__(self, take: int, since_ms: int) -> None:
        super().__init__("another recorder has this session; continue here to take it over")
        self.take = take
        self.since_ms = since_ms


class SessionDeleted(Refuse):
    close_code = 4410
    http_status = 410
    error = "deleted"


class TooMany(Refuse):
    close_code = 4413
    http_status = 413
    error = "too_big"


class NotFound(Refuse):
    http_status = 404
    error = "not_found"


class SetupError(Refuse):
    """The machine or its configuration is wrong: the message says what is, and what to do. The command line exits 2."""

    # Who dials or asks is not to blame, and once the machine is put right the same call works: never 44xx or 4xx.
    close_code = 4500
    http_status = 500
    error = "setup"
