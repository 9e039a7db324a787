"""For all tests: fast ones first; drawn examples take as long as the machine needs, and a failure prints how to repeat it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import structlog
from hypothesis import settings

settings.register_profile("steno", deadline=None, print_blob=True)
settings.load_profile("steno")

ORDER: Final = ("rules", "unit", "wire", "contract", "flow", "faults", "browser")
"""The folders of tests, from what fails in seconds to what starts whole systems."""


@pytest.fixture(autouse=True)
def log_ends_with_its_test() -> Iterator[None]:
    """A log that was configured to a stream of one test is no longer there in the next."""
    yield
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    folder = path.relative_to(Path(__file__).parent).parts[0]
    return ORDER.index(folder) if folder in ORDER else len(ORDER)
