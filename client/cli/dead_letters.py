"""`steno dead-letters`: polish and drafts that failed too often on this machine, seen and tried again."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.cli.options import parse_session
from client.cli.terminal import help_without_command, put, say

if TYPE_CHECKING:
    from shared.config import Config
    from shared.ports import DeadLetter

app = typer.Typer(
    help="Polish and drafts that failed too often: list them, or have them tried again.",
    callback=help_without_command,
    invoke_without_command=True,
    rich_markup_mode="markdown",
)

DataDir = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="Where `steno up` keeps its data on this machine.",
        show_default="~/.local/share/steno",
    ),
]

Backend = Annotated[
    str | None, typer.Option(help="Where they are: embedded, emulators, gcp.", show_default="embedded")
]

LIST_EXAMPLES: Final = """
One line each: session, subscriber, attempts, the kind of the last failure, and when it was given up (UTC). Words that were
dictated are never part of it. A dead letter is tried again by itself when its session changes; `replay` does it now.
"""


@app.command("list", epilog=LIST_EXAMPLES)
def list_letters(data_dir: DataDir = None, backend: Backend = None) -> int:
    """Show what failed, oldest first."""
    from infra.local.dead_letters import listed

    letters = asyncio.run(listed(_config(data_dir, backend)))
    for letter in letters:
        put(_line(letter))
    if not letters:
        say("there are no dead letters")
    return 0


@app.command("replay")
def replay_letters(
    session: Annotated[str | None, typer.Argument(help="Only those of this session.")] = None,
    data_dir: DataDir = None,
    backend: Backend = None,
) -> int:
    """Have them tried again, all or one session's: at once where Steno runs, else at its next start."""
    from infra.local.dead_letters import replayed

    wanted = None if session is None else parse_session(session)
    count = asyncio.run(
        replayed(_config(data_dir, backend), lambda letter: wanted is None or letter.session == wanted)
    )
    put(f"{count} tried again")
    return 0


def _config(data_dir: str | None, backend: str | None) -> "Config":
    from shared.config import load_config

    given = {"data_dir": data_dir, "backend": backend}
    return load_config(**{name: value for name, value in given.items() if value is not None})


def _line(letter: "DeadLetter") -> str:
    died = datetime.fromtimestamp(letter.died_at_ms / 1_000, UTC)
    return "\t".join(
        [
            letter.session,
            letter.subscriber,
            f"{letter.attempts} attempts",
            letter.error,
            died.isoformat(timespec="seconds"),
        ]
    )
