"""What a vendor's server does wrong when told to: `NAME` or `NAME=SECONDS`, the seconds being of audio received."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

NAMES: Final = frozenset(
    "http-302 http-400 http-401 http-402 http-403 http-404 http-405 http-429 http-500 http-503 hang abort-at abort-every close-1000-at"
    " close-1003-at close-1008-at close-1011-at mute-at freeze-at ends-at bad-json-at bad-message-at unknown flood never-close"
    " no-finalise-reply deaf no-vocabulary silent-vocabulary slow-start quota-at-start auth-at-start config-at-start"
    " error-at never-ack early-mark no-partials no-transcripts".split()
)


@dataclass(slots=True)
class Faults:
    given: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    """Faults `...-at` happen once in a server's life, so that whoever comes again is served."""

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def seconds(self, name: str) -> float:
        return self.given.get(name, 0.0)

    def happens(self, name: str, heard_s: float) -> bool:
        """Whether a fault `NAME=SECONDS` happens now; those `...-every` do on each connection."""
        if name not in self.given or heard_s < self.given[name] or name in self.done:
            return False
        if not name.endswith("-every"):
            self.done.add(name)
        return True

    @property
    def status(self) -> int | None:
        """The HTTP status with which every handshake is refused."""
        return next(
            (int(name.removeprefix("http-")) for name in self.given if name.startswith("http-")), None
        )


def parse(given: Iterable[str]) -> Faults:
    """Raises ValueError for a name that no server knows, or a number that is none."""
    pairs = [each.partition("=") for each in given]
    if unknown := [name for name, _, _ in pairs if name not in NAMES]:
        raise ValueError(f"there is no fault {unknown[0]!r}; choose from {', '.join(sorted(NAMES))}")
    return Faults({name: float(seconds or 0) for name, _, seconds in pairs})
