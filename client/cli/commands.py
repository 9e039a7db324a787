"""The groups and commands of `steno`, and what it says of itself."""

from typing import Annotated

import typer

from client.cli import dead_letters, doctor, sessions, stream, up
from client.cli.terminal import put

app = typer.Typer(
    name="steno",
    help=(
        "Live medical dictation that survives the network.\n\n"
        "Start with `steno up`, which serves the recorder page; or, with that running in another terminal,"
        " `steno stream FILE`."
    ),
    epilog="`steno COMMAND --help` explains a command with examples.",
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up", epilog=up.EXAMPLES)(up.up)
app.command("stream", epilog=stream.EXAMPLES)(stream.stream)
app.add_typer(sessions.app, name="sessions")
app.add_typer(dead_letters.app, name="dead-letters")
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)


@app.callback(invoke_without_command=True)
def steno(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        put(f"steno {installed('steno')}")
    elif context.invoked_subcommand is None:
        context.get_help()
