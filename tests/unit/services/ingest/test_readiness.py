"""Starting, serving, draining, and never back."""

import pytest

from services.ingest.readiness import NotServing, Phase, Readiness


def test_only_while_serving_may_new_work_come() -> None:
    readiness = Readiness()
    with pytest.raises(NotServing, match="starting"):
        readiness.check()
    readiness.serve()
    readiness.check()
    readiness.drain()
    with pytest.raises(NotServing, match="stopping"):
        readiness.check()


def test_what_drains_never_serves_again() -> None:
    readiness = Readiness()
    readiness.drain()
    readiness.serve()
    assert readiness.phase is Phase.DRAINING
