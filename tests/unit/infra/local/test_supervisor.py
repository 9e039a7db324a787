"""Every decision of the supervisor, on a manual clock."""

import pytest

from infra.local.supervisor import (
    BACKOFF_MS_MAX,
    DEATHS_BEFORE_READY_MAX,
    DRAIN_MS,
    KILL_MS,
    YOUNG_MS,
    Action,
    Announce,
    Charge,
    Exited,
    Hangs,
    Kill,
    Launch,
    Launched,
    Leave,
    Phase,
    Report,
    Says,
    Serves,
    StopAsked,
    Supervisor,
    Terminate,
    backoff_ms,
)

INGEST = Charge("ingest-1", "http://127.0.0.1:8000")
SECOND = Charge("ingest-2", "http://127.0.0.1:8001")
POLISH = Charge("polish")


def without_reports(actions: list[Action]) -> list[Action]:
    return [action for action in actions if not isinstance(action, Report)]


def serving(*charges: Charge) -> Supervisor:
    supervisor = Supervisor(charges, now_ms=0)
    supervisor.wake(0)
    for charge in charges:
        supervisor.handle(Serves(charge.name), 1)
    assert supervisor.phase is Phase.SERVING
    return supervisor


def test_everything_is_launched_and_ready_is_said_once_all_serve() -> None:
    supervisor = Supervisor([INGEST, SECOND, POLISH], now_ms=0)
    assert supervisor.deadline_ms == 0
    assert supervisor.wake(0) == [Launch("ingest-1"), Launch("ingest-2"), Launch("polish")]
    assert supervisor.deadline_ms is None
    assert supervisor.handle(Launched("ingest-1", 11), 1) == [
        Announce("ingest pid=11 url=http://127.0.0.1:8000")
    ]
    assert supervisor.handle(Serves("polish"), 2) == []
    assert supervisor.handle(Serves("ingest-2"), 3) == []
    assert supervisor.handle(Serves("ingest-1"), 4) == [Announce("ready http://127.0.0.1:8000")]


def test_a_child_that_dies_is_started_again_at_once_and_ready_is_not_said_again() -> None:
    supervisor = serving(INGEST, POLISH)
    actions = supervisor.handle(Exited("ingest-1", -9), 60_000)
    assert without_reports(actions) == [Launch("ingest-1")]
    assert supervisor.handle(Launched("ingest-1", 12), 60_001) == [
        Announce("ingest pid=12 url=http://127.0.0.1:8000")
    ]
    assert supervisor.handle(Serves("ingest-1"), 60_002) == []


def test_one_that_keeps_dying_young_is_started_ever_more_slowly_and_old_age_forgives() -> None:
    supervisor, now_ms, waits = serving(INGEST), 20_000, []
    for _ in range(8):
        actions = without_reports(supervisor.handle(Exited("ingest-1", 1), now_ms))
        due_ms = supervisor.deadline_ms
        if not actions:
            assert due_ms is not None
            assert supervisor.wake(due_ms - 1) == []
            assert supervisor.wake(due_ms) == [Launch("ingest-1")]
        waits.append((due_ms or now_ms) - now_ms)
        now_ms += waits[-1] + 1
    assert waits == [0, 250, 500, 1_000, 2_000, 4_000, BACKOFF_MS_MAX, BACKOFF_MS_MAX]
    assert without_reports(supervisor.handle(Exited("ingest-1", 1), now_ms + YOUNG_MS)) == [
        Launch("ingest-1")
    ]


def test_backoff_stays_bounded_for_ever() -> None:
    assert backoff_ms(10**6) == BACKOFF_MS_MAX


def test_a_child_that_cannot_be_set_up_ends_the_start() -> None:
    supervisor = Supervisor([INGEST, POLISH], now_ms=0)
    supervisor.wake(0)
    assert without_reports(supervisor.handle(Exited("ingest-1", 2), 100)) == [Terminate("polish")]
    assert supervisor.handle(Exited("polish", 0), 200) == [Leave(2)]


def test_so_does_one_that_crashes_again_and_again() -> None:
    supervisor = Supervisor([INGEST], now_ms=0)
    actions, now_ms = supervisor.wake(0), 0
    for _ in range(DEATHS_BEFORE_READY_MAX):
        assert actions == [Launch("ingest-1")]
        actions = without_reports(supervisor.handle(Exited("ingest-1", 1), now_ms))
        if not actions and supervisor.deadline_ms is not None:
            now_ms = supervisor.deadline_ms
            actions = supervisor.wake(now_ms)
    assert actions == [Leave(1)]


def test_once_all_served_a_child_that_cannot_be_set_up_is_tried_again() -> None:
    supervisor = serving(INGEST)
    assert without_reports(supervisor.handle(Exited("ingest-1", 2), 60_000)) == [Launch("ingest-1")]


def test_stop_drains_everything_and_leaves_with_0() -> None:
    supervisor = serving(INGEST, POLISH)
    assert supervisor.handle(StopAsked(), 5_000) == [Terminate("ingest-1"), Terminate("polish")]
    assert supervisor.deadline_ms == 5_000 + DRAIN_MS
    assert supervisor.handle(Exited("polish", 0), 6_000) == []
    assert supervisor.handle(Exited("ingest-1", 0), 7_000) == [Leave(0)]


def test_what_does_not_stop_is_killed_within_ten_seconds() -> None:
    supervisor = serving(INGEST, POLISH)
    supervisor.handle(StopAsked(), 0)
    supervisor.handle(Exited("polish", 0), 1)
    assert supervisor.wake(DRAIN_MS - 1) == []
    assert without_reports(supervisor.wake(DRAIN_MS)) == [Kill("ingest-1")]
    assert supervisor.handle(Exited("ingest-1", -9), DRAIN_MS + 5) == [Leave(0)]
    assert DRAIN_MS + KILL_MS < 10_000


def test_asked_twice_it_does_not_wait_for_the_drain() -> None:
    supervisor = serving(INGEST)
    supervisor.handle(StopAsked(), 0)
    assert without_reports(supervisor.handle(StopAsked(), 10)) == [Kill("ingest-1")]


def test_a_child_that_waits_for_its_restart_is_not_started_once_we_stop() -> None:
    supervisor = serving(INGEST, POLISH)
    supervisor.handle(Exited("polish", 1), 100)
    supervisor.handle(Exited("polish", 1), 200)
    assert supervisor.handle(StopAsked(), 300) == [Terminate("ingest-1")]
    assert supervisor.handle(Exited("ingest-1", 0), 400) == [Leave(0)]


@pytest.mark.parametrize("phase", ["starting", "serving"])
def test_stop_is_heard_in_every_phase(phase: str) -> None:
    supervisor = Supervisor([INGEST], now_ms=0) if phase == "starting" else serving(INGEST)
    actions = [*supervisor.handle(StopAsked(), 10)]
    if phase == "starting":
        assert actions == [Leave(0)]
    else:
        assert actions == [Terminate("ingest-1")]


def test_what_the_others_need_is_stopped_once_they_have_ended() -> None:
    supervisor = serving(Charge("firestore", stops_last=True), INGEST, POLISH)
    assert supervisor.handle(StopAsked(), 0) == [Terminate("ingest-1"), Terminate("polish")]
    assert supervisor.handle(Exited("polish", 0), 10) == []
    assert supervisor.handle(Exited("ingest-1", 0), 20) == [Terminate("firestore")]
    assert supervisor.handle(Exited("firestore", 143), 30) == [Leave(0)]


def test_at_the_deadline_they_are_killed_together() -> None:
    supervisor = serving(Charge("firestore", stops_last=True), INGEST)
    supervisor.handle(StopAsked(), 0)
    assert set(without_reports(supervisor.wake(DRAIN_MS))) == {Kill("firestore"), Kill("ingest-1")}


def test_where_nothing_else_runs_they_are_stopped_at_once() -> None:
    supervisor = serving(Charge("firestore", stops_last=True), INGEST)
    supervisor.handle(Exited("ingest-1", 1), 100)
    supervisor.handle(Exited("ingest-1", 1), 110)
    assert supervisor.handle(StopAsked(), 120) == [Terminate("firestore")]
    assert supervisor.handle(Exited("firestore", 0), 130) == [Leave(0)]


def test_a_child_that_hangs_is_killed_and_started_again() -> None:
    supervisor = serving(INGEST, SECOND)
    assert supervisor.handle(Hangs("ingest-1"), YOUNG_MS) == [
        Report("ingest-1 does not answer and is killed"),
        Kill("ingest-1"),
    ]
    assert without_reports(supervisor.handle(Exited("ingest-1", -9), YOUNG_MS + 2)) == [Launch("ingest-1")]


def test_one_that_hangs_is_killed_once_and_while_stopping_by_the_deadline_only() -> None:
    supervisor = serving(INGEST, SECOND)
    supervisor.handle(Exited("ingest-1", -9), YOUNG_MS)
    assert supervisor.handle(Hangs("ingest-1"), YOUNG_MS) == [], "it is being started again already"
    supervisor.handle(StopAsked(), YOUNG_MS)
    assert supervisor.handle(Hangs("ingest-2"), YOUNG_MS) == []


def test_what_a_child_says_is_wrong_is_told_once_and_it_is_left_running() -> None:
    supervisor = serving(INGEST, SECOND)
    assert supervisor.handle(Says("ingest-1", ""), 10) == []
    told = [Report("ingest-1 cannot serve: the disk is full")]
    assert supervisor.handle(Says("ingest-1", "the disk is full"), 20) == told
    assert supervisor.handle(Says("ingest-1", "the disk is full"), 30) == []
    assert supervisor.handle(Says("ingest-2", "the disk is full"), 30) != []
    assert supervisor.handle(Says("ingest-1", ""), 40) == [Report("ingest-1 serves again")]


def test_trouble_ends_with_the_process_that_had_it() -> None:
    supervisor = serving(INGEST)
    supervisor.handle(Says("ingest-1", "the disk is full"), 10)
    supervisor.handle(Exited("ingest-1", -9), YOUNG_MS)
    assert supervisor.handle(Says("ingest-1", "the disk is full"), YOUNG_MS) == [], "it does not serve yet"
    supervisor.handle(Serves("ingest-1"), YOUNG_MS)
    assert supervisor.handle(Says("ingest-1", "the disk is full"), YOUNG_MS) != []
    supervisor.handle(StopAsked(), YOUNG_MS)
    assert supervisor.handle(Says("ingest-1", "this server is stopping"), YOUNG_MS) == []
