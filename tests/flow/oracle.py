"""What must be true once everybody is done, whatever happened: every sample once, in order, and the words of that audio."""

import hashlib
from itertools import pairwise

from services.ingest.engines.scripted import CELL
from shared.domain.entries import NEVER_CAPTURED, Gap, Logged, Segment
from shared.domain.session import SessionDocument
from shared.domain.takes import Take
from shared.domain.values import Span
from tests.flow.recorder import Audio, Recorder


def check_log(document: SessionDocument, log: list[Logged], recorders: list[Recorder]) -> None:
    """Raises AssertionError, saying what is wrong with the session as stored."""
    assert [logged.index for logged in log] == list(range(document.next_index)), "the log has a hole"
    for take in document.takes:
        recorder = next(each for each in recorders if each.link.take_id == take.take_id)
        mine = [logged.entry for logged in log if logged.entry.take == take.number]
        _check_order(mine)
        _check_samples(mine, take, recorder)
        _check_words([entry for entry in mine if isinstance(entry, Segment)], recorder.audio)
        _check_cuts([entry for entry in mine if isinstance(entry, Segment)], take, recorder)


def check_seen(log: list[Logged], recorder: Recorder) -> None:
    """A page that was told everything shows the log as it is."""
    shown = [recorder.seen.entries[index] for index in sorted(recorder.seen.entries)]
    assert [each.index for each in shown] == [logged.index for logged in log][: len(shown)]
    for each, logged in zip(shown, log, strict=False):
        entry = logged.entry
        assert (each.take, each.start, each.until) == (entry.take, entry.span.start, entry.span.until)
        assert isinstance(entry, Gap) or each.text == entry.text


def _check_order(entries: list[Segment | Gap]) -> None:
    for before, after in pairwise(entries):
        assert before.span.until <= after.span.start, f"{before.span} is followed by {after.span}"


def _check_samples(entries: list[Segment | Gap], take: Take, recorder: Recorder) -> None:
    """The scripted engine has a word for every sample, so that nothing may be silence."""
    at = 0
    for entry in entries:
        assert entry.span.start == at, f"take {take.number}: samples {at} to {entry.span.start} are nowhere"
        at = entry.span.until
    assert at == take.covered, f"take {take.number}: entries reach {at}, covered says {take.covered}"
    assert take.covered <= take.captured_until
    never = [entry for entry in entries if isinstance(entry, Gap) and entry.cause in NEVER_CAPTURED]
    assert all(entry.span.is_empty for entry in never)


def _check_words(segments: list[Segment], audio: Audio) -> None:
    for segment in segments:
        span = segment.span
        assert span.start // CELL == (span.until - 1) // CELL, f"{span} is more than one word"
        said = hashlib.sha256(audio.read(span.start, span.until)).hexdigest()[:8]
        assert segment.text == f"{span.start // CELL}:{said}", f"other words than were spoken at {span}"


def _check_cuts(segments: list[Segment], take: Take, recorder: Recorder) -> None:
    """A word is cut in two only where the engine had to be flushed: at marks, and where a client was lost for good."""
    cuts = {edge for segment in segments for edge in (segment.span.start, segment.span.until) if edge % CELL}
    unexplained = cuts - recorder.marks
    assert len(unexplained) <= recorder.dials, f"take {take.number}: words are cut at {sorted(unexplained)}"


def spans_missing(log: list[Logged], take: int, captured_until: int) -> list[Span]:
    """The parts of what was captured that no entry holds."""
    missing: list[Span] = []
    at = 0
    for logged in log:
        if logged.entry.take == take:
            if logged.entry.span.start > at:
                missing.append(Span(at, logged.entry.span.start))
            at = max(at, logged.entry.span.until)
    return [*missing, Span(at, captured_until)] if at < captured_until else missing
