"""Where utterances end: a pure function of the log after polish's cursor and the session's state."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.entries import Gap, Logged, Segment
from shared.domain.values import samples

HOLE_SAMPLES = samples(2)
"""Silence between two segments that ends the utterance before it, whatever the engine said."""

UTTERANCE_SAMPLES_MAX = samples(60)
"""Longer ones are cut, so that polished text never lags a speaker who does not pause by more than this."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Consecutive entries of one take up to a natural pause, as indexes `first..last` of the log, inclusive."""

    first: int
    last: int
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]


def complete_utterances(log: Iterable[Logged], *, recording: bool) -> list[Utterance]:
    """The utterances that are complete in `log`, the entries from polish's cursor on.

    `recording` is whether the session's state is recording: once it is not, what is left ends too. Entries after the
    last utterance given are of one that may go on.
    """
    done: list[Utterance] = []
    open_entries: list[Logged] = []

    def end() -> None:
        if open_entries:
            done.append(_utterance(open_entries))
            open_entries.clear()

    for logged in log:
        if open_entries and _ends_before(open_entries, logged):
            end()
        open_entries.append(logged)
        if isinstance(logged.entry, Gap) or logged.entry.utterance_end:
            end()
    if not recording:
        end()
    return done


def _ends_before(open_entries: list[Logged], following: Logged) -> bool:
    first, last, entry = open_entries[0].entry, open_entries[-1].entry, following.entry
    if entry.take != last.take:
        return True
    if entry.span.start - last.span.until >= HOLE_SAMPLES:
        return True
    return entry.span.until - first.span.start > UTTERANCE_SAMPLES_MAX


def _utterance(entries: list[Logged]) -> Utterance:
    return Utterance(
        first=entries[0].index,
        last=entries[-1].index,
        segments=tuple(each.entry for each in entries if isinstance(each.entry, Segment)),
        gaps=tuple(each.entry for each in entries if isinstance(each.entry, Gap)),
    )
