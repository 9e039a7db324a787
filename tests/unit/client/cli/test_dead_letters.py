"""`steno dead-letters` on a data directory that has some."""

import asyncio
import re
from pathlib import Path

import pytest

from client.cli.main import run
from shared.config import LogLevel, load_config
from shared.domain.values import LogId, SessionId
from shared.observe import configure
from shared.ports import Subscriber, Wakeup
from shared.wiring import build
from tests.unit.client.doubles import SESSION

Captured = pytest.CaptureFixture[str]
OTHER = SessionId("5e55105e-0000-4000-8000-000000000002")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("STENO_DATA_DIR", str(tmp_path / "data"))


async def bury(*sessions: SessionId) -> None:
    """Their polish failed in a way that no repeat can mend; their drafts are done."""
    configure("test", LogLevel.WARNING)
    ports = build(load_config())
    assert ports.pulled is not None
    try:
        for session in sessions:
            await ports.bus.publish(Wakeup(session, LogId("log-1"), 1))
            for subscriber in Subscriber:
                delivery = await ports.pulled.take(subscriber, lease_ms=60_000)
                assert delivery is not None
                if subscriber is Subscriber.POLISH:
                    await ports.pulled.failed(delivery, "GuardRefused", permanent=True)
                else:
                    await ports.pulled.done(delivery)
    finally:
        await ports.close()


def test_they_are_listed_one_a_line(capsys: Captured) -> None:
    asyncio.run(bury(SESSION))
    assert run(["dead-letters", "list"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    session, subscriber, attempts, error, died = line.split("\t")
    assert (session, subscriber, error) == (SESSION, "polish", "GuardRefused")
    assert re.fullmatch(r"\d+ attempts", attempts)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", died)


def test_all_are_replayed_and_then_none_is_left(capsys: Captured) -> None:
    asyncio.run(bury(SESSION, OTHER))
    assert run(["dead-letters", "replay"]) == 0
    assert capsys.readouterr().out == "2 tried again\n"
    assert run(["dead-letters", "list"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "there are no dead letters\n")


def test_those_of_one_session_are_replayed(capsys: Captured) -> None:
    asyncio.run(bury(SESSION, OTHER))
    assert run(["dead-letters", "replay", SESSION]) == 0
    assert capsys.readouterr().out == "1 tried again\n"
    assert run(["dead-letters", "list"]) == 0
    assert capsys.readouterr().out.startswith(OTHER)


def test_a_data_directory_without_a_name_is_not_the_one_one_is_in(capsys: Captured) -> None:
    assert run(["dead-letters", "list", "--data-dir", ""]) == 2
    assert "--data-dir (STENO_DATA_DIR) is '': name a place" in capsys.readouterr().err


def test_a_data_directory_may_be_named(tmp_path: Path, capsys: Captured) -> None:
    assert run(["dead-letters", "list", "--data-dir", str(tmp_path / "elsewhere")]) == 2
    told = capsys.readouterr()
    assert told.err == (
        f"steno: there is no Steno data in {tmp_path / 'elsewhere'}; say where it is with --data-dir\n"
    )
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_key_is_one_line_and_exit_2(tmp_path: Path, capsys: Captured) -> None:
    asyncio.run(bury(SESSION))
    (tmp_path / "config" / "steno" / "key-encryption.json").unlink()
    assert run(["dead-letters", "list"]) == 2
    told = capsys.readouterr()
    assert "key-encryption.json is missing" in told.err
    assert told.err.count("\n") == 1


def test_a_session_that_is_none_is_refused(capsys: Captured) -> None:
    assert run(["dead-letters", "replay", "mine"]) == 2
    assert "a session's id is a UUID" in capsys.readouterr().err


def test_where_no_emulators_run_it_says_so_and_what_starts_them(tmp_path: Path, capsys: Captured) -> None:
    options = ["--backend", "emulators", "--data-dir", str(tmp_path / "nothing")]
    for command in ("list", "replay"):
        assert run(["dead-letters", command, *options]) == 2
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert "no emulators run on" in told.err
        assert "steno up --backend emulators" in told.err
