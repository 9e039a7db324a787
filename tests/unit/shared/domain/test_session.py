"""The session document: every state and move, and the verdicts that need no recorder."""

from dataclasses import fields, replace

import pytest

from shared.domain.session import (
    MOVES,
    STALE_AFTER_MS,
    Move,
    Outcome,
    SessionConfig,
    SessionDocument,
    SessionState,
    judge_outcome,
    judge_upkeep,
    why_lost,
)
from shared.domain.takes import Take
from shared.domain.values import NOBODY, Holder, LogId, Principal, TakeId
from shared.errors import DialTooOld, Refuse, Resync, SessionDeleted, TakenElsewhere

NOW_MS = 1_700_000_000_000
MINE, OTHER = Holder("mine"), Holder("other")
RECORDING, INTERRUPTED, FINISHING, FINISHED, PURGED = SessionState


def take(number: int, dial: int = 10) -> Take:
    return Take(TakeId(f"take-{number}"), number, dial)


DOCUMENT = SessionDocument(
    owner=Principal("dr.example"),
    log_id=LogId("log"),
    state=RECORDING,
    holder=MINE,
    heartbeat_at_ms=NOW_MS,
    created_at_ms=NOW_MS - 5_000,
    next_index=9,
    published_through=7,
    take=2,
    taken_at_ms=NOW_MS - 1_000,
    takes=(take(1), take(2, dial=20)),
    wrapped_key=b"key",
    config=b"config",
    finished_at_ms=NOW_MS - 10,
    purge_at_ms=NOW_MS + 10,
)

BECOMES = {
    RECORDING: {Move.RECORD: RECORDING, Move.LET_GO: INTERRUPTED, Move.FINISH: FINISHING},
    INTERRUPTED: {Move.RECORD: RECORDING, Move.LET_GO: INTERRUPTED, Move.FINISH: FINISHING},
    FINISHING: {
        Move.RECORD: RECORDING,
        Move.LET_GO: FINISHING,
        Move.FINISH: FINISHING,
        Move.COMPLETE: FINISHED,
    },
    FINISHED: {
        Move.RECORD: RECORDING,
        Move.LET_GO: FINISHED,
        Move.FINISH: FINISHED,
        Move.COMPLETE: FINISHED,
    },
    PURGED: {},
}
"""As the design states it, without `purge`, which any state allows."""


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("state", list(SessionState))
def test_every_move_of_every_state(state: SessionState, move: Move) -> None:
    document = replace(DOCUMENT, state=state)
    becomes = PURGED if move is Move.PURGE else BECOMES[state].get(move)
    if becomes is None:
        with pytest.raises(KeyError):
            document.moved(move)
    else:
        assert document.moved(move) == replace(document, state=becomes)


def test_what_is_purged_stays_purged() -> None:
    assert set(MOVES[PURGED].values()) == {PURGED}


@pytest.mark.parametrize(("state", "becomes"), [(RECORDING, INTERRUPTED), (FINISHING, FINISHING)])
def test_letting_go_leaves_nobody(state: SessionState, becomes: SessionState) -> None:
    document = replace(DOCUMENT, state=state)
    after = document.let_go(NOW_MS + 9)
    assert after == replace(document, state=becomes, holder=NOBODY, heartbeat_at_ms=NOW_MS + 9)


@pytest.mark.parametrize(
    ("holder", "age_ms", "held"),
    [
        (MINE, 0, True),
        (MINE, STALE_AFTER_MS - 1, True),
        (MINE, STALE_AFTER_MS, False),
        (MINE, -1_000, True),
        (MINE, 1 - STALE_AFTER_MS, True),
        (MINE, -STALE_AFTER_MS, False),
        (MINE, -2 * 3_600_000, False),
        (NOBODY, 0, False),
    ],
)
def test_a_lease_is_held_until_its_holder_is_stale(holder: Holder, age_ms: int, held: bool) -> None:
    assert replace(DOCUMENT, holder=holder).held(NOW_MS + age_ms) is held


@pytest.mark.parametrize("state", list(SessionState))
def test_a_tombstone_keeps_who_and_when_and_nothing_else(state: SessionState) -> None:
    after = replace(DOCUMENT, state=state).tombstone(OTHER, NOW_MS + 9)
    kept = {"owner", "log_id", "created_at_ms", "finished_at_ms", "purge_at_ms"}
    assert {each for each in kept if getattr(after, each) == getattr(DOCUMENT, each)} == kept
    assert (after.state, after.holder, after.heartbeat_at_ms) == (PURGED, OTHER, NOW_MS + 9)
    emptied = {each.name for each in fields(after)} - kept - {"state", "holder", "heartbeat_at_ms"}
    assert {each for each in emptied if getattr(after, each)} == set()


def test_takes_are_found_by_id_and_by_number() -> None:
    assert DOCUMENT.find_take(TakeId("take-2")) == DOCUMENT.take_numbered(2) == take(2, dial=20)
    assert DOCUMENT.find_take(TakeId("take-3")) is None


def test_a_take_is_added_or_put_in_its_place() -> None:
    assert DOCUMENT.with_take(take(3)).takes == (take(1), take(2, dial=20), take(3))
    assert DOCUMENT.with_take(take(1, dial=99)).takes == (take(1, dial=99), take(2, dial=20))
    with pytest.raises(AssertionError):
        DOCUMENT.with_take(take(5))


def test_a_configuration_shows_nothing_that_may_name_people() -> None:
    config = SessionConfig("en", ("Ada Example",), (("sig", "Ada Example"),), "as Ada writes")
    assert "Ada" not in repr(config)


# --- upkeep


@pytest.mark.parametrize("state", [RECORDING, INTERRUPTED, FINISHING, FINISHED])
@pytest.mark.parametrize("holder", [NOBODY, OTHER])
def test_upkeep_gets_what_nobody_looks_after(state: SessionState, holder: Holder) -> None:
    document = replace(DOCUMENT, state=state, holder=holder)
    now_ms = NOW_MS + STALE_AFTER_MS
    assert judge_upkeep(document, MINE, now_ms) == replace(document, holder=MINE, heartbeat_at_ms=now_ms)


def test_upkeep_does_not_disturb_who_is_alive() -> None:
    with pytest.raises(TakenElsewhere) as refusal:
        judge_upkeep(DOCUMENT, OTHER, NOW_MS + STALE_AFTER_MS - 1)
    assert (refusal.value.take, refusal.value.since_ms) == (2, DOCUMENT.taken_at_ms)


def test_upkeep_of_what_is_gone_is_refused() -> None:
    with pytest.raises(Refuse, match="no such session"):
        judge_upkeep(None, MINE, NOW_MS)
    for holder in (NOBODY, OTHER):
        with pytest.raises(SessionDeleted):
            judge_upkeep(replace(DOCUMENT, state=PURGED, holder=holder), MINE, NOW_MS)


# --- what became of a commit


@pytest.mark.parametrize(
    ("holder", "next_index", "first", "until", "outcome"),
    [
        (MINE, 5, 5, 7, Outcome.RESEND),
        (MINE, 7, 5, 7, Outcome.LANDED),
        (MINE, 9, 5, 7, Outcome.LANDED),
        (MINE, 4, 5, 7, Outcome.LOST),
        (MINE, 5, 5, 5, Outcome.RESEND),
        (MINE, 7, 5, 5, Outcome.RESEND),
        (MINE, 4, 5, 5, Outcome.LOST),
        (OTHER, 5, 5, 7, Outcome.LOST),
        (OTHER, 7, 5, 7, Outcome.LOST),
        (NOBODY, 7, 5, 7, Outcome.LOST),
        (NOBODY, 5, 5, 5, Outcome.LOST),
    ],
)
def test_what_became_of_a_commit(
    holder: Holder, next_index: int, first: int, until: int, outcome: Outcome
) -> None:
    document = replace(DOCUMENT, holder=holder, next_index=next_index)
    assert judge_outcome(document, MINE, first, until) is outcome


def test_a_commit_to_a_session_that_is_gone_is_lost() -> None:
    assert judge_outcome(None, MINE, 0, 1) is Outcome.LOST
    assert judge_outcome(DOCUMENT.tombstone(OTHER, NOW_MS), MINE, 0, 1) is Outcome.LOST


# --- why a lease is gone


@pytest.mark.parametrize(
    ("document", "take_number", "said", "code"),
    [
        (None, 1, SessionDeleted, 4410),
        (DOCUMENT.tombstone(OTHER, NOW_MS), 1, SessionDeleted, 4410),
        (DOCUMENT, 1, TakenElsewhere, 4409),
        (DOCUMENT, 2, DialTooOld, 4509),
        (replace(DOCUMENT, takes=()), 2, DialTooOld, 4509),
    ],
)
def test_a_connection_learns_why_its_lease_is_gone(
    document: SessionDocument | None, take_number: int, said: type[Refuse | Resync], code: int
) -> None:
    why = why_lost(document, take_number)
    assert (type(why), why.close_code) == (said, code)


def test_who_lost_to_themselves_learns_the_stored_dial_and_who_lost_to_another_learns_who() -> None:
    own, other = why_lost(DOCUMENT, 2), why_lost(DOCUMENT, 1)
    assert isinstance(own, DialTooOld)
    assert own.stored_dial == 20
    assert isinstance(other, TakenElsewhere)
    assert (other.take, other.since_ms) == (2, DOCUMENT.taken_at_ms)
