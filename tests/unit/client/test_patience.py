"""How long a run goes on without getting anywhere."""

from dataclasses import replace

from client.link_state import Link, Phase
from client.patience import LIFE_MS, Patience
from tests.unit.client.doubles import SESSION, TAKE

DIALLING = Link(SESSION, TAKE, phase=Phase.DIALLING)
LIVE = replace(DIALLING, phase=Phase.LIVE, welcomed_at_ms=1_000)
WAITING = replace(DIALLING, phase=Phase.WAITING, welcomed_at_ms=1_000)


def covered(link: Link, samples: int) -> Link:
    return replace(link, delivery=replace(link.delivery, covered=samples))


def test_it_runs_from_the_start() -> None:
    patience = Patience(3_000, now_ms=500)
    assert patience.due_ms == 3_500
    assert not patience.is_over(3_499)
    assert patience.is_over(3_500)


def test_without_a_limit_it_never_runs_out() -> None:
    assert Patience(None, now_ms=0).due_ms is None
    assert not Patience(None, now_ms=0).is_over(10**12)


def test_while_welcomed_it_does_not_run() -> None:
    patience = Patience(3_000, now_ms=0)
    patience.stepped(DIALLING, LIVE, 1_000)
    assert patience.due_ms is None


def test_a_connection_lost_at_once_changes_nothing() -> None:
    patience = Patience(3_000, now_ms=0)
    patience.stepped(DIALLING, LIVE, 1_000)
    patience.stepped(LIVE, WAITING, 1_000 + LIFE_MS - 1)
    assert patience.due_ms == 3_000


def test_a_connection_that_lived_begins_it_anew() -> None:
    patience = Patience(3_000, now_ms=0)
    patience.stepped(DIALLING, LIVE, 1_000)
    patience.stepped(LIVE, WAITING, 1_000 + LIFE_MS)
    assert patience.due_ms == 1_000 + LIFE_MS + 3_000


def test_covered_that_grew_begins_it_anew() -> None:
    patience = Patience(3_000, now_ms=0)
    patience.stepped(DIALLING, LIVE, 1_000)
    patience.stepped(LIVE, covered(LIVE, 16_000), 1_500)
    patience.stepped(covered(LIVE, 16_000), covered(WAITING, 16_000), 1_600)
    assert patience.due_ms == 4_500
