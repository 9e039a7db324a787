"""One rehearsal of the cloud for all tests that leave it as they found it: its eight processes take a while to start."""

from collections.abc import Iterator

import pytest

from tests.faults.cloud import Cloud, rehearsal
from tests.faults.command import Machine


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with rehearsal(Machine(tmp_path_factory.mktemp("machine")), instances=2) as running:
        yield running
