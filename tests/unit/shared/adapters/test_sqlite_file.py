"""The file that several processes share: opening it again must not cost this process its hold on it."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.sqlite_file import open_connections
from shared.errors import SetupError

READ = "SELECT value FROM counters WHERE name = 'checks'"
WRITE = "UPDATE counters SET value = 4711 WHERE name = 'checks'"
VISIT = """
import sys
from pathlib import Path
from shared.adapters.sqlite_file import open_connections
for connection in open_connections(Path(sys.argv[1]), 1):
    print(connection.execute(sys.argv[2]).fetchone())
    connection.close()
"""


def another_process(path: Path, statement: str) -> str:
    """Opens the database, asks, closes it and ends, as `steno dead-letters` does beside a running service."""
    done = subprocess.run(
        [sys.executable, "-c", VISIT, str(path), statement],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return done.stdout.strip()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "steno.db"


def test_opening_it_twice_keeps_the_log_from_being_taken_for_abandoned(database: Path) -> None:
    (first,) = open_connections(database, 1)
    with closing(first):
        (second,) = open_connections(database, 1)
        with closing(second):
            another_process(database, READ)
            first.execute(WRITE)
            assert another_process(database, READ) == "(4712,)"  # which counts itself
            assert second.execute(READ).fetchone() == (4712,)


def test_the_file_is_private_and_its_directory_too(database: Path) -> None:
    for connection in open_connections(database, 1):
        connection.close()
    assert database.stat().st_mode & 0o777 == 0o600
    assert database.parent.stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(SetupError, match="is not a directory; choose another one"):
        open_connections(tmp_path / "data" / "steno.db", 1)
