"""`steno doctor`: is this machine fit, and what to do if not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.cli.terminal import FAILED_EXIT, FINISHED_EXIT, console, say

if TYPE_CHECKING:
    from client.cli.checks import Finding

EXAMPLES: Final = """
Each line says what was looked at and, after a semicolon, what to do. `FAIL` must be put right before `steno up` works, `warn`
soon, `-` only for what the line names. Exit 0 if nothing fails, else 1. Settings are read as `steno up` reads them.
"""

_STYLES: Final = {"ok": "green", "FAIL": "bold red", "warn": "yellow", "-": "dim"}


def doctor(
    data_dir: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Where `steno up` is to keep its data.", show_default="~/.local/share/steno"
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Where data is to go: embedded or emulators.", show_default="embedded"
        ),
    ] = None,
) -> int:
    """Check this machine: Python, packages, speech weights, data, keys, ports, and what is optional."""
    out = console()
    failed = 0
    for finding in _findings(data_dir, backend):
        failed += finding.verdict == "FAIL"
        out.print(f"{finding.verdict.value:<5}", style=_STYLES[finding.verdict], end="")
        out.print(f"{finding.about:<17} {finding.told}")
    if failed:
        say(f"{failed} of these must be put right before `steno up` works: the lines with FAIL say how")
    else:
        say("this machine is fit; next: steno up")
    return FAILED_EXIT if failed else FINISHED_EXIT


def _findings(data_dir: str | None, backend: str | None) -> Iterator["Finding"]:
    from client.cli import checks
    from shared.config import load_config
    from shared.errors import SetupError

    yield checks.python()
    yield checks.packages()
    yield checks.ffmpeg()
    try:
        given = {"data_dir": data_dir, "backend": backend}
        config = load_config(**{name: value for name, value in given.items() if value is not None})
    except SetupError as error:
        yield checks.Finding(checks.Verdict.FAIL, "settings", str(error))
        return
    for check in (checks.data_dir, checks.disk, checks.key_file, checks.ticket_key_file, checks.port):
        yield check(config)
    yield checks.weights(config)
    yield from checks.backend(config)
    yield from checks.optional()
