"""`steno up`: all of Steno on this machine, under one supervisor."""

import sys
from typing import Annotated, Final

import typer

from client.cli.terminal import put, say
from shared.errors import SetupError

EXAMPLES: Final = """
**Examples**

`steno up` serves on http://127.0.0.1:8000 with the offline engine.

`steno up --instances 2` starts two ingest processes, on port 8000 and the next free one.

`steno up --port 8001 --port 8002 --engine scripted --data-dir ./data` is for trying out what happens when one is killed.

`steno up --backend emulators --instances 2` rehearses the cloud: Firestore, Pub/Sub and Cloud Storage by Google's emulators
(which need Java), polish and autosave as functions that are pushed to. Nothing of it is kept.

Stdout is for programs: `ingest pid=N url=URL` at every start, `ready URL` once all serve. Logs go to stderr. Ctrl-C, or
SIGTERM, drains and ends within 10 s.
"""


def up(
    host: Annotated[
        str | None, typer.Option(help="Loopback address to serve on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        list[int] | None,
        typer.Option(help="Port of an instance; repeat it for more instances.", show_default="8000"),
    ] = None,
    instances: Annotated[
        int | None, typer.Option(help="Ingest processes.", show_default="one for each port")
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Where sessions and drafts are kept.", show_default="~/.local/share/steno"
        ),
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="Where data goes: embedded or emulators.", show_default="embedded")
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="local, deepgram, speechmatics or scripted; repeat it for a fallback order.",
            show_default="local",
        ),
    ] = None,
    provider_url: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="Where a provider is reached; repeat it for more."),
    ] = None,
    polisher: Annotated[str | None, typer.Option(help="rules or gemini.", show_default="rules")] = None,
) -> int:
    """Run Steno on this machine: the recorder page, ingest, polish and autosave."""
    if backend == "gcp":
        raise SetupError("--backend gcp is for the services on Cloud Run; here choose embedded or emulators")
    # Here and not above: `steno stream` should not wait for what only the services need.
    from infra.local.up import Wanted, run
    from shared.config import Role, load_config

    given = {
        "host": host,
        "data_dir": data_dir,
        "backend": backend,
        "engines": tuple(engine) if engine else None,
        "provider_urls": ",".join(provider_url) if provider_url else None,
        "polisher": polisher,
    }
    config = load_config(Role.COMMAND, **{name: value for name, value in given.items() if value is not None})
    return run(config, Wanted(tuple(port or ()), instances), _announce)


def _announce(line: str) -> None:
    put(line)
    event, _, rest = line.partition(" ")
    if event == "ready" and sys.stderr.isatty():
        say(f"open {rest} and press Record, or stream a file: steno stream FILE --url {rest}; Ctrl-C stops")
