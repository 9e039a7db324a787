"""Entries show no words, and a gap's span agrees with its cause."""

import pytest

from shared.domain.entries import NEVER_CAPTURED, Gap, GapCause, Logged, Polished, Segment, Word
from shared.domain.values import Span

SPAN = Span(0, 16_000)


@pytest.mark.parametrize("cause", list(GapCause))
def test_what_was_never_captured_has_no_samples(cause: GapCause) -> None:
    assert Gap(1, Span(7, 7), cause, 250).span.is_empty
    if cause in NEVER_CAPTURED:
        with pytest.raises(AssertionError):
            Gap(1, SPAN, cause)
    else:
        assert Gap(1, SPAN, cause).span == SPAN


def test_no_entry_shows_its_words() -> None:
    segment = Segment(1, SPAN, "Ada Example", (Word("Ada", SPAN),), "scripted", 93, True)
    for each in (segment, Logged(3, segment), segment.words[0], Polished(0, 0, 1, "Ada Example.")):
        assert "Ada" not in repr(each)
    assert "until=16000" in repr(segment)
