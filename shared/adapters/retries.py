"""When a failed wake-up is tried again, and when it is given up: pure, and the same for every bus that is pulled from."""

from typing import Final

RETRY_FIRST_MS: Final = 1_000
"""Most failures are somebody's restart, which takes about this long."""

RETRY_MS_MAX: Final = 300_000
"""An outage that is over is noticed within five minutes, without anybody doing anything."""

ATTEMPTS_MAX: Final = 10
"""Together about eight minutes of trying. What fails for longer needs a person, who finds it among the dead letters."""

HIDDEN_MS_MAX: Final = 600_000
"""No wake-up is hidden for longer, by a lease or by a retry: one that says so was written under a wrong clock."""

ERROR_CHARACTERS_MAX: Final = 100
"""An error's kind is its class's name; whatever is longer is not one."""

LOST_WORKER: Final = "WorkerLost"
"""The error of a wake-up whose last worker never said what became of it."""


def retry_after_ms(attempts: int) -> int:
    """How long to wait after the failure of attempt number `attempts`, from 1."""
    assert attempts >= 1
    return min(RETRY_FIRST_MS << min(attempts - 1, 30), RETRY_MS_MAX)
