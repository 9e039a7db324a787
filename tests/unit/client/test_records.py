"""What a recorder has read of the session's logs."""

from client.records import Records
from shared.domain.entries import GapCause
from shared.wire.messages import Draft, EntrySent, PolishedSent, ServerMessage
from tests.unit.client.doubles import entry, welcome


def read(*messages: ServerMessage) -> Records:
    records = Records()
    for message in messages:
        records.read(message)
    return records


def test_text_is_read_take_by_take_in_the_order_logged() -> None:
    records = read(
        entry(0, "one", take=1), entry(1, "three", take=2), entry(2, "two", take=1), entry(3, "", take=2)
    )
    assert records.text == "one two three"
    assert len(records.entries) == 4


def test_a_repeat_changes_nothing() -> None:
    assert read(entry(0, "one"), entry(1, "two"), entry(1, "two")).text == "one two"


def test_gaps_are_told_apart_and_leave_no_words() -> None:
    gap = EntrySent(1, 1, 4_000, 8_000, cause=GapCause.UNRECOGNISED, wall_ms=0)
    records = read(entry(0, "one"), gap, entry(2, "two", 8_000, 9_000))
    assert records.gaps == [gap]
    assert records.text == "one two"


def test_the_later_polish_of_the_same_entries_wins() -> None:
    records = read(
        entry(0, "a"),
        entry(1, "b"),
        entry(2, "c"),
        PolishedSent(0, 0, 1, "Ab."),
        PolishedSent(1, 2, 2, "C."),
        PolishedSent(2, 0, 1, "A, b."),
    )
    assert records.polished_text == "A, b.\nC."


def test_polish_is_read_take_by_take_and_what_polished_to_nothing_is_left_out() -> None:
    records = read(
        entry(0, "second", take=2),
        entry(1, "first", take=1),
        entry(2, "um", take=1),
        PolishedSent(0, 0, 0, "Second."),
        PolishedSent(1, 1, 1, "First."),
        PolishedSent(2, 2, 2, ""),
    )
    assert records.polished_text == "First.\nSecond."


def test_another_life_of_the_log_begins_anew() -> None:
    records = read(
        welcome(log_id="log-1"),
        entry(0, "old"),
        PolishedSent(0, 0, 0, "Old."),
        welcome(log_id="log-2"),
        entry(0, "new"),
    )
    assert (records.text, records.polished_text) == ("new", "")


def test_the_same_log_goes_on_after_a_welcome() -> None:
    assert read(welcome(), entry(0, "one"), welcome(), entry(1, "two")).text == "one two"


def test_a_log_sent_from_its_beginning_again_replaces_what_was_read() -> None:
    assert read(entry(0, "a"), entry(1, "b"), entry(0, "c")).text == "c"


def test_the_latest_draft_counts() -> None:
    assert read(Draft("pending", 0), Draft("saved", 2)).draft == Draft("saved", 2)


def test_words_stay_out_of_repr() -> None:
    assert "secret" not in repr(read(entry(0, "secret")))
