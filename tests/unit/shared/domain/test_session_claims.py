"""Whether a recorder gets the lease: the protocol's order of precedence, and what holds whatever is asked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.session import (
    STALE_AFTER_MS,
    Claim,
    Granted,
    NewSession,
    NothingToWrite,
    SessionDocument,
    SessionState,
    judge_claim,
)
from shared.domain.takes import TAKES_MAX, Take
from shared.domain.values import NOBODY, Holder, LogId, Principal, SessionId, TakeId
from shared.errors import DialTooOld, DictationError, NotYours, SessionDeleted, TakenElsewhere, TooMany

NOW_MS = 1_700_000_000_000
ME, SOMEBODY = Principal("dr.example"), Principal("dr.other")
RECORDING, INTERRUPTED, FINISHING, FINISHED, PURGED = SessionState


def take(number: int) -> Take:
    return Take(TakeId(f"take-{number}"), number, dial=10, covered=100, captured_until=100, gaps_through=1)


DOCUMENT = SessionDocument(
    owner=ME,
    log_id=LogId("log"),
    state=RECORDING,
    holder=Holder("other"),
    heartbeat_at_ms=NOW_MS - 1_000,
    created_at_ms=NOW_MS - 9_000,
    next_index=4,
    take=2,
    taken_at_ms=NOW_MS - 5_000,
    takes=(take(1), take(2)),
    wrapped_key=b"key",
    config=b"config",
    finished_at_ms=NOW_MS - 10,
)
CURRENT = Claim(
    SessionId("session"), ME, Holder("mine"), TakeId("take-2"), 11, False, False, captured_until=100, gap_no=1
)
ANOTHER = replace(CURRENT, take_id=TakeId("take-1"))
UNKNOWN = replace(CURRENT, take_id=TakeId("take-99"), captured_until=0, gap_no=0)
NEW = NewSession(LogId("new log"), b"new key", b"new config", NOW_MS + 99)


def judged(document: SessionDocument | None, claim: Claim) -> Granted | NothingToWrite:
    return judge_claim(document, claim, NEW, NOW_MS)


def granted(document: SessionDocument | None, claim: Claim) -> Granted:
    verdict = judged(document, claim)
    assert isinstance(verdict, Granted)
    return verdict


FULL = replace(DOCUMENT, takes=tuple(take(number) for number in range(1, TAKES_MAX + 1)))

PRECEDENCE: list[tuple[str, SessionDocument, Claim, type[DictationError]]] = [
    (
        "somebody else's, though deleted",
        replace(DOCUMENT, state=PURGED),
        replace(CURRENT, principal=SOMEBODY),
        NotYours,
    ),
    (
        "somebody else's, though finished",
        replace(DOCUMENT, state=FINISHED),
        replace(CURRENT, principal=SOMEBODY),
        NotYours,
    ),
    (
        "deleted, though the dial is old",
        replace(DOCUMENT, state=PURGED),
        replace(CURRENT, dial=1),
        SessionDeleted,
    ),
    ("deleted, though another has it", replace(DOCUMENT, state=PURGED, takes=()), UNKNOWN, SessionDeleted),
    ("the dial is old, though another has it", DOCUMENT, replace(ANOTHER, dial=9), DialTooOld),
    ("the dial is the same", DOCUMENT, replace(CURRENT, dial=10), DialTooOld),
    (
        "the dial is old, whatever it takes over",
        DOCUMENT,
        replace(ANOTHER, dial=10, takeover=True),
        DialTooOld,
    ),
    ("another has it", DOCUMENT, ANOTHER, TakenElsewhere),
    ("another has it, though there is no room", FULL, UNKNOWN, TakenElsewhere),
    ("there is no room", FULL, replace(UNKNOWN, takeover=True), TooMany),
]


@pytest.mark.parametrize(
    ("document", "claim", "error"),
    [each[1:] for each in PRECEDENCE],
    ids=[each[0] for each in PRECEDENCE],
)
def test_the_first_reason_that_applies_is_said(
    document: SessionDocument, claim: Claim, error: type[DictationError]
) -> None:
    with pytest.raises(error):
        judged(document, claim)


def test_reasons_carry_what_the_recorder_needs() -> None:
    with pytest.raises(DialTooOld) as old:
        judged(DOCUMENT, replace(CURRENT, dial=3))
    assert old.value.stored_dial == 10
    with pytest.raises(TakenElsewhere) as taken:
        judged(DOCUMENT, ANOTHER)
    assert (taken.value.take, taken.value.since_ms) == (2, DOCUMENT.taken_at_ms)


FREE = replace(DOCUMENT, holder=NOBODY)
STALE = replace(DOCUMENT, heartbeat_at_ms=NOW_MS - STALE_AFTER_MS)


@pytest.mark.parametrize(
    ("document", "claim", "number"),
    [
        (DOCUMENT, CURRENT, 2),
        (FREE, CURRENT, 2),
        (FREE, ANOTHER, 1),
        (STALE, ANOTHER, 1),
        (DOCUMENT, replace(ANOTHER, takeover=True), 1),
        (FREE, UNKNOWN, 3),
        (STALE, UNKNOWN, 3),
        (DOCUMENT, replace(UNKNOWN, takeover=True), 3),
    ],
)
def test_who_gets_the_lease(document: SessionDocument, claim: Claim, number: int) -> None:
    verdict = granted(document, claim)
    after = verdict.document
    assert (verdict.take, after.take, after.holder) == (number, number, claim.holder)
    assert (after.heartbeat_at_ms, after.finished_at_ms, after.state) == (NOW_MS, None, RECORDING)
    assert after.taken_at_ms == (DOCUMENT.taken_at_ms if number == 2 else NOW_MS)
    mine = after.take_numbered(number)
    assert (mine.take_id, mine.dial, mine.seen_at_ms) == (claim.take_id, claim.dial, NOW_MS)


def test_a_new_session_begins_with_what_was_drawn_for_it() -> None:
    after = granted(None, UNKNOWN).document
    assert (after.owner, after.log_id, after.wrapped_key, after.config) == (
        ME,
        "new log",
        b"new key",
        b"new config",
    )
    assert (after.next_index, after.created_at_ms, after.purge_at_ms) == (0, NOW_MS, NOW_MS + 99)
    assert [each.number for each in after.takes] == [1]


def test_what_was_captured_is_the_most_that_was_ever_said() -> None:
    more = granted(DOCUMENT, replace(CURRENT, captured_until=500)).document
    assert more.take_numbered(2).captured_until == 500
    assert granted(more, replace(CURRENT, dial=12)).document.take_numbered(2).captured_until == 500


BRINGS = [{"recording": True}, {"captured_until": 101}, {"gap_no": 2}]
LESS = [{}, {"captured_until": 99}, {"gap_no": 0}, {"takeover": True}]


@pytest.mark.parametrize("brought", BRINGS)
@pytest.mark.parametrize("state", [FINISHING, FINISHED])
def test_who_brings_something_opens_it_again(state: SessionState, brought: dict[str, int | bool]) -> None:
    claim = replace(CURRENT, **brought)  # type: ignore[arg-type]  # field names and values travel in one table
    after = granted(replace(FREE, state=state), claim).document
    assert (after.state, after.finished_at_ms) == (RECORDING, None)


@pytest.mark.parametrize("brought", LESS)
def test_who_brings_nothing_to_a_finished_session_reads(brought: dict[str, int | bool]) -> None:
    claim = replace(CURRENT, **brought)  # type: ignore[arg-type]  # field names and values travel in one table
    finished = replace(FREE, state=FINISHED)
    assert judged(finished, claim) == NothingToWrite(finished, 2)
    assert judged(finished, replace(claim, dial=0)) == NothingToWrite(finished, 2)


def test_who_is_new_to_a_finished_session_and_brings_nothing_reads_as_the_next_take() -> None:
    finished = replace(FREE, state=FINISHED)
    assert judged(finished, UNKNOWN) == NothingToWrite(finished, 3)


def test_a_session_that_waits_for_its_last_commit_stays_finishing() -> None:
    after = granted(replace(FREE, state=FINISHING), CURRENT).document
    assert (after.state, after.holder) == (FINISHING, CURRENT.holder)


# --- whatever is asked

small = st.integers(0, 3)


@st.composite
def documents(draw: st.DrawFn) -> SessionDocument:
    state = draw(st.sampled_from(SessionState))
    count = 0 if state is PURGED else draw(st.sampled_from([1, 2, 3, TAKES_MAX]))
    takes = tuple(
        Take(TakeId(f"take-{n}"), n, draw(small), draw(small), 3, draw(small)) for n in range(1, count + 1)
    )
    return SessionDocument(
        owner=draw(st.sampled_from([ME, SOMEBODY])),
        log_id=LogId("log"),
        state=state,
        holder=draw(st.sampled_from([NOBODY, Holder("other")])),
        heartbeat_at_ms=NOW_MS - draw(st.sampled_from([0, STALE_AFTER_MS - 1, STALE_AFTER_MS])),
        created_at_ms=NOW_MS - 9,
        next_index=draw(small),
        take=draw(st.integers(1, count)) if count else 0,
        takes=takes,
    )


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    return Claim(
        SessionId("session"),
        draw(st.sampled_from([ME, ME, SOMEBODY])),
        Holder("mine"),
        TakeId(f"take-{draw(st.integers(1, 4))}"),
        dial=draw(small),
        takeover=draw(st.booleans()),
        recording=draw(st.booleans()),
        captured_until=draw(small),
        gap_no=draw(small),
    )


@given(documents(), claims())
def test_a_grant_changes_its_own_take_and_nothing_that_is_stored(
    document: SessionDocument, claim: Claim
) -> None:
    try:
        verdict = judged(document, claim)
    except DictationError:
        return
    known = document.find_take(claim.take_id)
    assert document.owner == claim.principal
    assert document.state is not PURGED
    if isinstance(verdict, NothingToWrite):
        assert verdict.document == document
        assert document.state is FINISHED
        return
    after, mine = verdict.document, verdict.document.take_numbered(verdict.take)
    assert known is None or known.dial < claim.dial == mine.dial
    assert claim.takeover or not document.held(NOW_MS) or (known and known.number == document.take)
    assert [each.number for each in after.takes] == list(range(1, len(after.takes) + 1))
    assert len(after.takes) <= TAKES_MAX
    others = [each for each in after.takes if each != mine]
    assert others == [each for each in document.takes if each.take_id != claim.take_id]
    if known:
        assert (mine.number, mine.covered, mine.gaps_through) == (
            known.number,
            known.covered,
            known.gaps_through,
        )
    unchanged = ("owner", "log_id", "created_at_ms", "next_index", "published_through", "purge_at_ms")
    assert all(getattr(after, each) == getattr(document, each) for each in unchanged)
    assert after.state in (RECORDING, FINISHING)


def answer(document: SessionDocument, claim: Claim) -> type:
    try:
        return type(judged(document, claim))
    except DictationError as error:
        return type(error)


@given(documents(), claims())
def test_a_refusal_is_true_and_no_stronger_one_is(document: SessionDocument, claim: Claim) -> None:
    known = document.find_take(claim.take_id)
    reasons = {
        NotYours: document.owner != claim.principal,
        SessionDeleted: document.state is PURGED,
        DialTooOld: known is not None and claim.dial <= known.dial,
        TakenElsewhere: document.held(NOW_MS)
        and not claim.takeover
        and not (known and known.number == document.take),
        TooMany: known is None and len(document.takes) == TAKES_MAX,
    }
    applying = [error for error, applies in reasons.items() if applies]
    said = answer(document, claim)
    assert said in (applying[0], NothingToWrite) if applying else said in (Granted, NothingToWrite)
