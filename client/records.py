"""What a recorder has read of its session's two logs, and the texts they make. Kept by index, so that a repeat is harmless.

It grows with what was said, by some 60 kB an hour: the text is what a caller asks for.
"""

from dataclasses import dataclass, field

from msgspec import UNSET

from shared.wire.messages import Draft, EntrySent, PolishedSent, ServerMessage, Welcome


@dataclass(slots=True)
class Records:
    log_id: str = ""
    draft: Draft | None = None
    _entries: dict[int, EntrySent] = field(default_factory=dict, repr=False)
    _polished: dict[tuple[int, int], PolishedSent] = field(default_factory=dict, repr=False)

    def read(self, message: ServerMessage) -> None:
        match message:
            case Welcome(log_id=log_id) if log_id != self.log_id:
                # Another life of the log: what was read of the one before may not be in it.
                self.log_id = log_id
                self._entries.clear()
                self._polished.clear()
            case EntrySent(index=index):
                if index == 0:
                    self._entries.clear()
                self._entries[index] = message
            case PolishedSent(index=index, first=first, last=last):
                if index == 0:
                    self._polished.clear()
                self._polished[first, last] = message
            case Draft():
                self.draft = message

    @property
    def entries(self) -> list[EntrySent]:
        """In reading order: take by take, and within a take as logged, which is sample order."""
        return sorted(self._entries.values(), key=lambda entry: (entry.take, entry.index))

    @property
    def gaps(self) -> list[EntrySent]:
        return [entry for entry in self.entries if entry.cause is not UNSET]

    @property
    def text(self) -> str:
        """The words of all takes, in reading order; where a gap is, `gaps` says."""
        return " ".join(entry.text for entry in self.entries if entry.text is not UNSET and entry.text)

    @property
    def polished_text(self) -> str:
        """One utterance a line, in reading order; where the same entries were polished again, the later text."""
        takes = {entry.index: entry.take for entry in self._entries.values()}
        ordered = sorted(self._polished.values(), key=lambda each: (takes.get(each.first, 0), each.first))
        return "\n".join(each.text for each in ordered if each.text)
