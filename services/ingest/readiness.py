"""Whether this instance takes new work: one state, three words."""

from enum import StrEnum
from typing import Final

from shared.errors import Retry


class Phase(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class NotServing(Retry):
    """This instance takes no new work; the same request may be answered by another, or by this one later."""

    error = "not_serving"


_WHY_NOT: Final = {
    Phase.STARTING: "this server is starting; try again in a moment",
    Phase.DRAINING: "this server is stopping; another one answers in a moment",
}


class Readiness:
    """Goes from starting to serving to draining, and never back."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING

    def serve(self) -> None:
        if self.phase is Phase.STARTING:
            self.phase = Phase.SERVING

    def drain(self) -> None:
        self.phase = Phase.DRAINING

    def check(self) -> None:
        """Raises NotServing unless new work may come."""
        if self.phase is not Phase.SERVING:
            raise NotServing(_WHY_NOT[self.phase])
