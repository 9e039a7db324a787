"""The summary of a run."""

import msgspec

from client.records import Records
from client.result import Outcome, Result
from shared.domain.entries import GapCause
from shared.wire.messages import Draft, EntrySent, PolishedSent, ServerMessage
from tests.unit.client.doubles import SESSION, TAKE, entry


def result(*messages: ServerMessage) -> Result:
    records = Records()
    for message in messages:
        records.read(message)
    return Result(SESSION, TAKE, Outcome.FINISHED, 20_000, 16_000, 3, records=records)


def test_the_summary_has_exactly_these_fields() -> None:
    gap = EntrySent(1, 1, 4_000, 8_000, cause=GapCause.LOST_AFTER_ACK, wall_ms=0)
    told = result(entry(0, "made up"), gap, PolishedSent(0, 0, 0, "Made up."), Draft("saved", 2)).summary()
    assert msgspec.json.decode(msgspec.json.encode(told)) == {
        "type": "summary",
        "session": SESSION,
        "audio_samples": 20_000,
        "covered_samples": 16_000,
        "gaps": [
            {"index": 1, "take": 1, "start": 4_000, "until": 8_000, "cause": "lost_after_ack", "wall_ms": 0}
        ],
        "entries": 2,
        "text": "made up",
        "polished_text": "Made up.",
        "reconnects": 3,
        "draft_state": "saved",
    }


def test_a_draft_nobody_spoke_of_is_null() -> None:
    assert result().summary()["draft_state"] is None


def test_words_stay_out_of_repr() -> None:
    assert "secret" not in repr(result(entry(0, "secret")))
