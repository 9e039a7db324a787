"""`steno sessions`: what is stored, read, exported and deleted over the service's own addresses."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
import typer
from rich.cells import cell_len

from client.addresses import parse_address
from client.api import Api, ExportFormat, SessionSummary, open_api
from client.cli.options import DEFAULT_URL, parse_session
from client.cli.terminal import help_without_command, minutes, printable, put, say
from shared.domain.values import SAMPLES_PER_MS
from shared.errors import SetupError

EXAMPLES: Final = """
**Examples**

`steno sessions list` shows what there is, and the ids that the other commands want.

`steno sessions show 0c0ffee0-0000-4000-8000-000000000000` shows one with its text; `export` writes it into a file.

**Exit codes**: 0 done; 2 an option is wrong, or the output cannot be written; 4 refused, as when there is no such session; 5 the
server does not answer.
"""

app = typer.Typer(
    help="Dictations that are stored: list, show, export, delete. Steno must be running: `steno up`.",
    epilog=EXAMPLES,
    callback=help_without_command,
    invoke_without_command=True,
    rich_markup_mode="markdown",
)

PAGE_MAX: Final = 100
_COLUMNS: Final = ("session", "created (UTC)", "state", "stored", "missing", "takes", "label")

Url = Annotated[str, typer.Option(help="Where Steno serves.", metavar="URL")]
Session = Annotated[
    str, typer.Argument(metavar="SESSION", help="The session's id, as `steno sessions list` shows it.")
]

T = TypeVar("T")

LIST_EXAMPLES: Final = """
**Examples**

`steno sessions list` shows the newest twenty. What a recorder has captured and not yet delivered is shown as missing.

`steno sessions list --json | jq -r .id` is for programs: one JSON object a line.
"""

EXPORT_EXAMPLES: Final = """
**Examples**

`steno sessions export 0c0ffee0-0000-4000-8000-000000000000 > note.txt`

`steno sessions export 0c0ffee0-0000-4000-8000-000000000000 --format md --output note.md` writes a file that only you may read.
"""


@app.command("list", epilog=LIST_EXAMPLES)
def list_sessions(
    url: Url = DEFAULT_URL,
    limit: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """List the sessions that are yours, newest first."""
    address = parse_address(url)

    async def ask(api: Api) -> list[SessionSummary]:
        found: list[SessionSummary] = []
        before_ms: int | None = None
        while len(found) < limit:
            page = await api.sessions(address, min(PAGE_MAX, limit - len(found)), before_ms)
            found += page
            if not page:
                break
            before_ms = page[-1].created_at_ms
        return found[:limit]

    sessions = _asked(ask)
    if as_json:
        for session in sessions:
            put(msgspec.json.encode(session).decode())
    elif sessions:
        for line in _table(sessions):
            put(line)
    else:
        say("there are no sessions yet; start one with: steno stream FILE")
    return 0


@app.command("show")
def show_session(session: Session, url: Url = DEFAULT_URL) -> int:
    """Show one session: its state, how much is stored, and its text."""
    address, wanted = parse_address(url), parse_session(session)

    async def ask(api: Api) -> tuple[SessionSummary, bytes]:
        return await api.session(address, wanted), await api.export(address, wanted, "txt")

    summary, text = _asked(ask)
    for name, value in _facts(summary):
        put(f"{name:<12} {value}")
    put("")
    put(printable(text.decode("utf-8", "replace")).rstrip("\n"))
    return 0


@app.command("export", epilog=EXPORT_EXAMPLES)
def export_session(
    session: Session,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="txt, json (with everything) or md (Markdown).")
    ] = "txt",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A new file, instead of stdout; only you may read it.", dir_okay=False
        ),
    ] = None,
    url: Url = DEFAULT_URL,
) -> int:
    """Write a session's note, take by take; a gap reads like [gap 0:12-0:15: cause], a remark is a footnote."""
    address, wanted = parse_address(url), parse_session(session)
    chosen = _format(form)
    note = _asked(lambda api: api.export(address, wanted, chosen))
    if output is None:
        sys.stdout.buffer.write(note)
        sys.stdout.buffer.flush()
    else:
        _write_new(output, note)
        say(f"written to {output}")
    return 0


@app.command("delete")
def delete_session(
    session: Session,
    url: Url = DEFAULT_URL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete a session for good: its text, its drafts and its key. Asks first, unless told not to."""
    address, wanted = parse_address(url), parse_session(session)
    if not yes:
        if not sys.stdin.isatty():
            raise SetupError("deleting is for good; say --yes where nobody can be asked")
        typer.confirm(f"Delete session {wanted} for good?", abort=True, err=True)
    _asked(lambda api: api.delete(address, wanted))
    say(f"session {wanted} is deleted")
    return 0


def _asked(ask: Callable[[Api], Awaitable[T]]) -> T:
    async def asking() -> T:
        async with open_api() as api:
            return await ask(api)

    return asyncio.run(asking())


def _format(form: str) -> ExportFormat:
    match form:
        case "txt" | "json" | "md":
            return form
        case _:
            raise SetupError("--format is txt, json or md")


def _table(sessions: list[SessionSummary]) -> Iterator[str]:
    """Columns as wide as they need to be: what is cut off could not be copied into the next command."""
    rows = [_COLUMNS, *(_row(session) for session in sessions)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(session: SessionSummary) -> tuple[str, ...]:
    return (
        session.id,
        _created(session),
        session.state,
        _length(session.covered_ms),
        _missing(session.undelivered_ms) if session.undelivered_ms else "-",
        str(session.takes),
        printable(session.label).replace("\n", " "),
    )


def _facts(session: SessionSummary) -> list[tuple[str, str]]:
    missing = session.undelivered_ms
    told = f"{_missing(missing)} captured and not yet delivered by its recorder" if missing else "nothing"
    return [
        ("session", session.id),
        ("label", json.dumps(session.label, ensure_ascii=False) if session.label else "-"),
        ("state", session.state),
        ("created", f"{_created(session)} UTC"),
        ("stored", f"{_length(session.covered_ms)} of audio in {session.takes} take(s)"),
        ("missing", told),
    ]


def _created(session: SessionSummary) -> str:
    return datetime.fromtimestamp(session.created_at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def _length(length_ms: int) -> str:
    return minutes(length_ms * SAMPLES_PER_MS)


def _missing(length_ms: int) -> str:
    """Rounded up: what is missing must never read as nothing."""
    return _length(-(-length_ms // 1_000) * 1_000)


def _write_new(path: Path, note: bytes) -> None:
    """Only the owner may read what was dictated; an older file is not written over."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise SetupError(f"{path} exists already; choose another name") from None
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(note)
    except OSError as error:
        # Half a note reads like a whole one.
        path.unlink(missing_ok=True)
        raise SetupError(f"cannot write {path}: {error.strerror}; nothing of it is left there") from None
