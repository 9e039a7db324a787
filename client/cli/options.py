"""Options that several commands share, read and refused alike."""

import math
from typing import Final

import msgspec

from shared.domain.values import SessionId
from shared.errors import SetupError
from shared.wire.messages import Uuid

DEFAULT_URL: Final = "ws://127.0.0.1:8000"


def parse_session(text: str) -> SessionId:
    """Raises SetupError unless it is a UUID; upper case is put right."""
    try:
        return SessionId(msgspec.convert(text.lower(), Uuid))
    except msgspec.ValidationError:
        raise SetupError(
            "a session's id is a UUID, like 0c0ffee0-0000-4000-8000-000000000000; `steno sessions list` shows them"
        ) from None


def at_least(name: str, value: float, lowest: float) -> float:
    """Raises SetupError for what is lower, or no number to count with."""
    if not math.isfinite(value) or value < lowest:
        raise SetupError(f"{name} is a number from {lowest:g} up")
    return value
