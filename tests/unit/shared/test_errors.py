"""Every error says who must act; its code and status follow from that."""

from collections.abc import Iterator

import pytest

from shared import errors
from shared.errors import (
    Broken,
    Busy,
    DialTooOld,
    DictationError,
    Refuse,
    Resync,
    Retry,
    SetupError,
    TakenElsewhere,
)


def every(root: type[DictationError]) -> Iterator[type[DictationError]]:
    for each in root.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from every(each)


ERRORS = list(every(DictationError))
KINDS = (Retry, Resync, Refuse, Broken)

SAID = {
    "Retry": (4503, 503, "unavailable"),
    "Resync": (4509, 409, "resync"),
    "Refuse": (4400, 400, "refused"),
    "Broken": (4500, 500, "internal"),
    "StoreUnavailable": (4503, 503, "unavailable"),
    "BlobsUnavailable": (4503, 503, "unavailable"),
    "EngineUnavailable": (4503, 503, "unavailable"),
    "Busy": (4529, 503, "busy"),
    "WriteConflict": (4509, 409, "resync"),
    "LeaseLost": (4509, 409, "resync"),
    "DialTooOld": (4509, 409, "resync"),
    "SignInNeeded": (4401, 401, "sign_in"),
    "NotYours": (4403, 403, "not_yours"),
    "TakenElsewhere": (4409, 409, "taken"),
    "SessionDeleted": (4410, 410, "deleted"),
    "TooMany": (4413, 413, "too_big"),
    "NotFound": (4400, 404, "not_found"),
    "SetupError": (4500, 500, "setup"),
}


def test_every_error_is_of_one_kind() -> None:
    for each in ERRORS:
        assert len([kind for kind in KINDS if issubclass(each, kind)]) == 1, each


def test_every_error_has_its_code_status_and_word() -> None:
    assert {each.__name__: (each.close_code, each.http_status, each.error) for each in ERRORS} == SAID


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: each.__name__)
def test_the_range_says_whether_to_dial_again(error: type[DictationError]) -> None:
    """The client decides by range alone: 44xx stops it, so only what the peer must put right may be one."""
    stops = 4400 <= error.close_code < 4500
    assert stops == (issubclass(error, Refuse) and error is not SetupError)
    assert 400 <= error.http_status < 600


def test_what_the_recorder_needs_travels_with_the_error() -> None:
    assert Busy("busy", 2_000).retry_after_ms == 2_000
    assert DialTooOld(7).stored_dial == 7
    taken = TakenElsewhere(2, 1_700_000_000_000)
    assert (taken.take, taken.since_ms) == (2, 1_700_000_000_000)
    assert "continue here" in str(taken)
    assert "dial again" in str(DialTooOld(7))
