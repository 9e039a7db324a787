"""What a clinician reads in an export: polished where there is polish, raw where not, gaps where they happened."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as st

from services.ingest.export import Format, Note, gap_text, render
from services.ingest.summary import Summary
from shared.domain.entries import Entry, Gap, GapCause, Logged, Polished
from shared.domain.session import SessionState
from shared.domain.takes import Take
from shared.domain.values import LogId, Span
from tests.unit.services.ingest.web import SESSION, gap, segment, take

LOG = (
    segment("the patient is", 0, 2),
    segment("well", 2, 3, utterance_end=True),
    gap(GapCause.LOST_AFTER_ACK, 12, 15),
    segment("no fever", 15, 17, utterance_end=True),
)


def note(
    entries: Sequence[Entry] = LOG,
    polished: Sequence[Polished] = (),
    takes: Sequence[Take] = (take(1, covered_s=20),),
    label: str = "",
) -> Note:
    summary = Summary(SESSION, label, SessionState.FINISHED, 1_700_000_000_000, 20_000, 0, len(takes))
    logged = [Logged(index, entry) for index, entry in enumerate(entries)]
    return Note(summary, LogId("a"), tuple(takes), logged, list(polished))


def text(given: Note) -> list[str]:
    return render(given, Format.TXT).decode().splitlines()


def markdown(given: Note) -> str:
    return render(given, Format.MD).decode()


def test_raw_words_are_joined_up_to_their_utterance_and_gaps_stand_where_they_happened() -> None:
    assert text(note()) == ["the patient is well", "[gap 0:12-0:15: lost_after_ack]", "no fever"]


def test_polished_text_stands_for_its_utterance_and_raw_words_for_the_rest() -> None:
    polished = [Polished(0, 0, 1, "The patient is well.")]
    assert text(note(polished=polished)) == [
        "The patient is well.",
        "[gap 0:12-0:15: lost_after_ack]",
        "no fever",
    ]


def test_of_two_polished_texts_of_an_utterance_the_later_wins() -> None:
    polished = [Polished(0, 0, 1, "The patient is wel."), Polished(1, 0, 1, "The patient is well.")]
    assert text(note(polished=polished))[0] == "The patient is well."


def test_a_gap_inside_a_polished_utterance_stays() -> None:
    polished = [Polished(0, 0, 2, "The patient is well.")]
    assert text(note(polished=polished))[:2] == ["The patient is well.", "[gap 0:12-0:15: lost_after_ack]"]
    leading: list[Entry] = [LOG[2], segment("no fever", 15, 17)]
    assert text(note(leading, [Polished(0, 0, 1, "No fever.")])) == [
        "[gap 0:12-0:15: lost_after_ack]",
        "No fever.",
    ]


def test_overlapping_polished_texts_never_say_words_twice_or_lose_any() -> None:
    polished = [Polished(0, 0, 1, "The patient is well."), Polished(1, 1, 3, "Well. No fever.")]
    assert text(note(polished=polished)) == [
        "the patient is",
        "Well. No fever.",
        "[gap 0:12-0:15: lost_after_ack]",
    ]


def test_polish_of_entries_that_are_not_in_the_log_is_left_out() -> None:
    assert text(note(LOG[:2], [Polished(0, 0, 9, "Something else.")])) == ["the patient is well"]


@st.composite
def notes(draw: st.DrawFn) -> Note:
    """Any log of two takes, with polished texts over any of its entries, which say what they stand for."""
    count = draw(st.integers(1, 12))
    entries: list[Entry] = []
    for index in range(count):
        number = draw(st.integers(1, 2))
        ends = draw(st.booleans())
        entries.append(
            segment(f"{index}-{index}", index, index + 1, take=number, utterance_end=ends)
            if draw(st.integers(0, 3))
            else gap(GapCause.ABANDONED, index, index + 1, take=number)
        )
    spans = draw(st.lists(st.tuples(st.integers(0, count), st.integers(0, 4)), max_size=6))
    polished = [
        Polished(index, first, first + more, f"{first}-{first + more}")
        for index, (first, more) in enumerate(spans)
    ]
    return note(entries, polished, takes=(take(1), take(2)))


@whatever(notes())
def test_whatever_is_polished_every_word_and_gap_is_told_exactly_once(given_note: Note) -> None:
    told: list[int] = []
    gaps = 0
    for line in text(given_note):
        if line.startswith("[gap"):
            gaps += 1
        elif line and not line.startswith("Take"):
            for part in line.split(" "):
                first, last = map(int, part.split("-"))
                told.extend(range(first, last + 1))
    is_gap = [isinstance(each.entry, Gap) for each in given_note.entries]
    assert gaps == sum(is_gap)
    assert sorted(index for index in told if not is_gap[index]) == [
        index for index, each in enumerate(is_gap) if not each
    ]


def test_an_utterance_polished_to_nothing_says_nothing() -> None:
    assert text(note([segment("um", 0, 1, utterance_end=True)], [Polished(0, 0, 0, "")])) == []


def test_it_is_read_take_by_take_with_what_each_has_not_delivered() -> None:
    takes = (take(1, covered_s=2, captured_s=4.1), take(2, covered_s=1), take(3))
    entries = [segment("one", 0, 1), segment("two", 0, 1, take=2), segment("more of one", 1, 2)]
    assert text(note(entries, takes=takes)) == [
        "Take 1",
        "one more of one",
        "[3 s not yet delivered]",
        "",
        "Take 2",
        "two",
    ]
    assert markdown(note(entries, takes=takes)).split("\n\n") == [
        "# Dictation",
        "## Take 1",
        "one more of one",
        "[3 s not yet delivered]",
        "## Take 2",
        "two\n",
    ]


def test_an_empty_session_is_an_empty_text() -> None:
    assert text(note([])) == []
    assert markdown(note([], label="Nobody")) == "# Nobody\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (gap(GapCause.ABANDONED, 12.9, 14.1), "[gap 0:12-0:15: abandoned]"),
        (gap(GapCause.UNRECOGNISED, 0, 0.1), "[gap 0:00-0:01: unrecognised]"),
        (gap(GapCause.LOST_AFTER_ACK, 3_599, 3_725), "[gap 59:59-1:02:05: lost_after_ack]"),
        (gap(GapCause.DEVICE_LOST, 12, 12, wall_ms=2_001), "[gap 0:12-0:12: device_lost, 3 s not captured]"),
    ],
)
def test_a_gap_never_reads_shorter_than_it_is(given: Gap, said: str) -> None:
    assert gap_text(given) == said


def test_the_label_is_the_title_on_one_line() -> None:
    assert markdown(note([], label=" Made\u2028Up  Patient ")).startswith("# Made Up Patient\n")
    assert markdown(note([], label="a\nb\n")).startswith("# a b\n")


@pytest.mark.parametrize("turning", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_nothing_unseen_turns_the_direction_of_what_markdown_shows(turning: str) -> None:
    assert markdown(note([], label=turning)) == "# Dictation\n"
    assert markdown(note([segment(f"12{turning} mg", 0, 1)], label=f"a{turning}b")) == "# ab\n\n12 mg\n"


def test_the_marks_of_arabic_and_hebrew_stay() -> None:
    assert markdown(note([], label="אב\u200f\u200e\u061c")) == "# אב\u200f\u200e\u061c\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("# of tablets", r"\# of tablets"),
        ("- none", r"\- none"),
        ("1. rest", r"1\. rest"),
        ("120 over 80", "120 over 80"),
        ("5.5 mg", "5.5 mg"),
        ("[a](javascript:b) *c*", r"\[a\](javascript:b) \*c\*"),
        ("one\ntwo\n\nthree", "one\\\ntwo\n\nthree"),
        ("two\n--- three", "two\\\n\\--- three"),
    ],
)
def test_markdown_shows_words_and_labels_as_they_are(said: str, shown: str) -> None:
    assert markdown(note([segment(said, 0, 1)])) == f"# Dictation\n\n{shown}\n"


def test_plain_text_is_not_escaped() -> None:
    assert text(note([segment("<b> & #1 *", 0, 1)])) == ["<b> & #1 *"]


# --- remarks

NUMBER = "Kept as dictated: the polished text changed a number."
SIDE = "Kept as dictated: the polished text changed a side."


def test_a_text_that_the_guard_kept_is_marked_and_each_remark_is_written_once_at_the_end() -> None:
    said = ["ramipril five", "left knee", "aspirin ten", "no fever"]
    entries = [segment(text, n, n + 1, take=1 + n // 3) for n, text in enumerate(said)]
    flags = ["gemini_changed_number", "gemini_changed_side", "gemini_changed_number", "upgrade_due"]
    polished = [Polished(n, n, n, f"{text}.", flags=(flags[n],)) for n, text in enumerate(said)]
    given = note(entries, polished, takes=(take(1, covered_s=3), take(2, covered_s=1)))
    assert text(given) == [
        "Take 1",
        "ramipril five. [note 1]",
        "left knee. [note 2]",
        "aspirin ten. [note 1]",
        "",
        "Take 2",
        "no fever.",
        "",
        f"[note 1] {NUMBER}",
        f"[note 2] {SIDE}",
    ]
    assert markdown(given).split("\n\n")[2:] == [
        "ramipril five.[^1]",
        "left knee.[^2]",
        "aspirin ten.[^1]",
        "## Take 2",
        "no fever.",
        f"[^1]: {NUMBER}",
        f"[^2]: {SIDE}\n",
    ]


def test_a_mark_goes_when_a_later_text_needs_none() -> None:
    kept = Polished(0, 0, 1, "The patient is well.", flags=("gemini_changed_number",))
    again = Polished(1, 0, 1, "The patient is well.")
    assert text(note(polished=[kept]))[0] == "The patient is well. [note 1]"
    assert "[note" not in render(note(polished=[kept, again]), Format.TXT).decode()


def test_a_mark_stands_outside_of_whatever_the_words_end_in() -> None:
    polished = [Polished(0, 0, 1, "Rest \\\n", flags=("gemini_changed_side",))]
    assert markdown(note(LOG[:2], polished)) == f"# Dictation\n\nRest \\\\[^1]\n\n[^1]: {SIDE}\n"


def test_json_holds_everything_with_the_names_of_the_wire() -> None:
    given = note(polished=[Polished(0, 0, 1, "The patient is well.", flags=("guard",))], label="Made Up")
    given = replace(given, takes=(take(1, covered_s=20, captured_s=21),))
    told = json.loads(render(given, Format.JSON))
    assert told["session"] == {
        "id": SESSION,
        "label": "Made Up",
        "state": "finished",
        "created_at_ms": 1_700_000_000_000,
        "covered_ms": 20_000,
        "undelivered_ms": 0,
        "takes": 1,
    }
    assert told["log_id"] == "a"
    assert told["takes"] == [{"take": 1, "covered_ms": 20_000, "undelivered_ms": 1_000}]
    assert [entry["index"] for entry in told["entries"]] == [0, 1, 2, 3]
    assert told["entries"][2]["cause"] == "lost_after_ack"
    assert told["entries"][3]["text"] == "no fever"
    assert told["polished"] == [
        {
            "type": "polished",
            "index": 0,
            "first": 0,
            "last": 1,
            "text": "The patient is well.",
            "flags": ["guard"],
        }
    ]


def test_json_lists_entries_take_by_take() -> None:
    entries = [segment("a", 0, 1), segment("b", 0, 1, take=2), segment("c", 1, 2)]
    told = json.loads(render(note(entries, takes=(take(1), take(2))), Format.JSON))
    assert [(each["take"], each["index"]) for each in told["entries"]] == [(1, 0), (1, 2), (2, 1)]


def test_a_span_of_samples_that_is_no_whole_second_is_rounded_outwards() -> None:
    assert gap_text(Gap(1, Span(15_999, 16_001), GapCause.ABANDONED)) == "[gap 0:00-0:02: abandoned]"


def test_no_words_show_in_what_a_note_says_of_itself() -> None:
    assert "fever" not in repr(note(label="fever"))
