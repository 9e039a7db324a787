"""`steno sessions` against a service that answers what the test tells it to."""

import io
import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from client.cli.main import run
from tests.unit.client.cli.service import Service, serving
from tests.unit.client.doubles import SESSION

Captured = pytest.CaptureFixture[str]
OTHER = "5e55105e-0000-4000-8000-000000000002"
ONE = f"/v1/sessions/{SESSION}"


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    running.answers.clear()
    running.requests.clear()
    return running


def summary(
    session: str = SESSION, label: str = "", undelivered_ms: int = 0, created_at_ms: int = 0
) -> object:
    return {
        "id": session,
        "label": label,
        "state": "interrupted" if undelivered_ms else "finished",
        "created_at_ms": created_at_ms,
        "covered_ms": 62_000,
        "undelivered_ms": undelivered_ms,
        "takes": 1,
    }


def test_sessions_are_listed_with_what_is_missing(service: Service, capsys: Captured) -> None:
    listed = [summary(label="Jane Roe,\nmade up"), summary(OTHER, undelivered_ms=5_400)]
    service.answers["GET /v1/sessions"] = JSONResponse({"sessions": listed})
    assert run(["sessions", "list", "--url", service.url, "--limit", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "session                               created (UTC)     state        stored  missing  takes  label",
        f"{SESSION}  1970-01-01 00:00  finished     1:02    -        1      Jane Roe, made up",
        f"{OTHER}  1970-01-01 00:00  interrupted  1:02    0:06     1",
    ]


def test_sessions_as_json_are_one_a_line(service: Service, capsys: Captured) -> None:
    service.answers["GET /v1/sessions"] = JSONResponse({"sessions": [summary(), summary(OTHER)]})
    assert run(["sessions", "list", "--url", service.url, "--limit", "2", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [SESSION, OTHER]


def test_no_sessions_say_how_to_start_one(service: Service, capsys: Captured) -> None:
    service.answers["GET /v1/sessions"] = JSONResponse({"sessions": []})
    assert run(["sessions", "list", "--url", service.url]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "there are no sessions yet; start one with: steno stream FILE\n")


def test_more_than_a_page_is_asked_for_from_the_last_one_on(service: Service, capsys: Captured) -> None:
    page = [summary(created_at_ms=1_000 - number) for number in range(100)]
    service.answers["GET /v1/sessions"] = JSONResponse({"sessions": page})
    assert run(["sessions", "list", "--url", service.url, "--limit", "150", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 150
    assert [line for line, _ in service.requests] == [
        "GET /v1/sessions?limit=100",
        "GET /v1/sessions?limit=50&before=901",
    ]


def test_a_session_is_shown_with_its_text(service: Service, capsys: Captured) -> None:
    service.answers[f"GET {ONE}"] = JSONResponse(summary(label='Jane "J" Roe', undelivered_ms=5_400))
    service.answers[f"GET {ONE}/export"] = Response(
        "Made up words. [note 1]\n[gap 0:12-0:15: abandoned]\n\n[note 1] Kept as dictated.\n"
    )
    assert run(["sessions", "show", SESSION, "--url", service.url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"session      {SESSION}",
        'label        "Jane \\"J\\" Roe"',
        "state        interrupted",
        "created      1970-01-01 00:00 UTC",
        "stored       1:02 of audio in 1 take(s)",
        "missing      0:06 captured and not yet delivered by its recorder",
        "",
        "Made up words. [note 1]",
        "[gap 0:12-0:15: abandoned]",
        "",
        "[note 1] Kept as dictated.",
    ]


def test_an_export_goes_to_stdout_as_it_is(
    service: Service, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    service.answers[f"GET {ONE}/export"] = Response("Grüße\x1b[2J\n".encode())
    assert run(["sessions", "export", SESSION, "--url", service.url, "--format", "md"]) == 0
    assert capfdbinary.readouterr().out == "Grüße\x1b[2J\n".encode()
    assert service.requests[-1][0] == f"GET {ONE}/export?format=md"


def test_an_export_into_a_file_is_private_and_writes_over_nothing(
    service: Service, tmp_path: Path, capsys: Captured
) -> None:
    service.answers[f"GET {ONE}/export"] = Response("words\n")
    command = ["sessions", "export", SESSION, "--url", service.url, "--output", str(tmp_path / "note.txt")]
    assert run(command) == 0
    assert (tmp_path / "note.txt").read_text() == "words\n"
    assert (tmp_path / "note.txt").stat().st_mode & 0o777 == 0o600
    assert run(command) == 2
    assert "exists already; choose another name" in capsys.readouterr().err
    assert run([*command[:-1], str(tmp_path / "missing" / "note.txt")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_of_an_export_that_finds_no_room_nothing_is_left(
    service: Service, tmp_path: Path, capsys: Captured
) -> None:
    service.answers[f"GET {ONE}/export"] = Response("words\n" * 10_000)
    note, limits = tmp_path / "note.txt", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        code = run(["sessions", "export", SESSION, "--url", service.url, "--output", str(note)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, note.exists()) == (2, False)
    assert capsys.readouterr().err == (
        f"steno: cannot write {note}: File too large; nothing of it is left there\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["show", SESSION], 4, "there is no such session"),
        (["export", SESSION, "--format", "pdf"], 2, "--format is txt, json or md"),
        (["show", "mine"], 2, "a session's id is a UUID"),
        (["delete", SESSION], 2, "deleting is for good; say --yes where nobody can be asked"),
        (["list", "--limit", "0"], 2, "Invalid value for '--limit'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    service: Service, capsys: Captured, arguments: list[str], code: int, sentence: str
) -> None:
    assert run(["sessions", *arguments, "--url", service.url]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err
    assert told.err.count("\n") == 1


def test_nobody_there_is_one_line_and_exit_5(capsys: Captured) -> None:
    with serving() as service:
        pass
    assert run(["sessions", "list", "--url", service.url]) == 5
    assert "is `steno up` running" in capsys.readouterr().err


def test_deleting_without_asking(service: Service, capsys: Captured) -> None:
    service.answers[f"DELETE {ONE}"] = Response(status_code=204)
    assert run(["sessions", "delete", SESSION, "--yes", "--url", service.url]) == 0
    assert capsys.readouterr().err == f"session {SESSION} is deleted\n"


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code", "deleted"), [("y\n", 0, 1), ("n\n", 130, 0), ("", 130, 0)])
def test_deleting_asks_whoever_can_be_asked(
    service: Service, capsys: Captured, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, deleted: int
) -> None:
    service.answers[f"DELETE {ONE}"] = Response(status_code=204)
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    assert run(["sessions", "delete", SESSION, "--url", service.url]) == code
    assert len(service.requests) == deleted
