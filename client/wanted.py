"""What a caller asks of a run of the recorder, and how it may look on."""

from dataclasses import dataclass, field
from typing import Final

from client.addresses import Address
from client.link_state import Link
from shared.domain.values import SessionId
from shared.wire.messages import ServerMessage

GIVE_UP_AFTER_MS: Final = 300_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do with a recording. `addresses` are used in turn, the next on every redial."""

    addresses: tuple[Address, ...]
    session: SessionId
    speed: float | None = None
    """Times real time; None: as fast as the server takes it."""
    cut_every: int | None = None
    """Cut the connection after every so many samples sent for the first time."""
    give_up_after_ms: int | None = GIVE_UP_AFTER_MS
    """Without progress; None never gives up."""
    label: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        assert self.addresses
        assert self.speed is None or self.speed > 0


class Watcher:
    """What somebody who looks on is told. Called from the event loop; must not wait."""

    def heard(self, message: ServerMessage) -> None:
        """Every message of the present connection, as it comes."""

    def moved(self, link: Link) -> None:
        """After every event."""

    def troubled(self, sentence: str) -> None:
        """Something did not work, and is tried again."""

    def said(self, sentence: str) -> None:
        """Something the person must know at once: it is not tried again, and goes on without it."""
