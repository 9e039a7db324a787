"""What streaming a recording came to, for callers and for the summary line of `steno stream --json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from client.records import Records
from shared.domain.values import SessionId, TakeId
from shared.wire.messages import Bye, EntrySent


class Outcome(StrEnum):
    FINISHED = "finished"
    """The session is finished and everything captured is stored, as words, silence or gaps."""
    REFUSED = "refused"
    """The server said 44xx: dialling again would change nothing, a person must act."""
    GAVE_UP = "gave_up"
    CUT_SHORT = "cut_short"
    """As finished, but what was captured is not the whole recording: it could not be read to its end."""


@dataclass(frozen=True, slots=True)
class Result:
    """Audio and covered are this take's; gaps, entries and texts are the session's."""

    session: SessionId
    take_id: TakeId
    outcome: Outcome
    audio_samples: int
    covered_samples: int
    reconnects: int
    """How often a lost connection was welcomed again."""
    bye: Bye | None = None
    """What the server said when it refused."""
    records: Records = field(default_factory=Records, repr=False)

    @property
    def gaps(self) -> list[EntrySent]:
        return self.records.gaps

    @property
    def text(self) -> str:
        return self.records.text

    @property
    def polished_text(self) -> str:
        return self.records.polished_text

    @property
    def draft_state(self) -> str | None:
        return self.records.draft.state if self.records.draft else None

    def summary(self) -> Mapping[str, object]:
        return {
            "type": "summary",
            "session": self.session,
            "audio_samples": self.audio_samples,
            "covered_samples": self.covered_samples,
            "gaps": [_gap(entry) for entry in self.gaps],
            "entries": len(self.records.entries),
            "text": self.text,
            "polished_text": self.polished_text,
            "reconnects": self.reconnects,
            "draft_state": self.draft_state,
        }


def _gap(entry: EntrySent) -> Mapping[str, object]:
    """As the wire says it, without the name of the message."""
    fields: dict[str, object] = msgspec.to_builtins(entry)
    return {name: value for name, value in fields.items() if name != "type"}
