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

Providers' keys and all other settings are environment variables, such as `STENO_DEEPGRAM_KEY`; docs/operations.md lists them.
`steno doctor` says whether this machine is fit.

Stdout is for programs: `ingest pid=N url=URL` at every start, `ready URL` once all serve. Logs go to stderr. Ctrl-C, or
SIGTERM, drains and ends within 10 s.
"""


Ports = Annotated[
    list[int] | None,
    typer.Option(metavar="P", help="Port of an instance; repeat it for more instances.", show_default="8000"),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        metavar="PATH", help="Where sessions and drafts are kept.", show_default="~/.local/share/steno"
    ),
]
Engines = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Who recognises speech: local (offline), deepgram, speechmatics or scripted (no words, for trying"
        " out); repeat it for a fallback order.",
        show_default="local",
    ),
]


def up(
    host: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Loopback address to serve on.", show_default="127.0.0.1"),
    ] = None,
    port: Ports = None,
    instances: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many ingest processes; a recorder may use any.",
            show_default="one for each port",
        ),
    ] = None,
    data_dir: DataDir = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where data goes: embedded (files on this machine) or emulators.",
            show_default="embedded",
        ),
    ] = None,
    engine: Engines = None,
    provider_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=URL",
            help="Where a provider is reached, if not at its own address; repeat it for more.",
        ),
    ] = None,
    polisher: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Who polishes the text: rules (offline) or gemini.", show_default="rules"
        ),
    ] = None,
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
