"""The command `steno`: its groups, and the one place where what goes wrong becomes a line and an exit code."""

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from client.cli import dead_letters, doctor, sessions, stream, up
from client.cli.terminal import (
    FAILED_EXIT,
    INTERRUPTED_EXIT,
    USAGE_EXIT,
    OutputLost,
    exit_code,
    forget_output,
    one_line,
    output,
    put,
    say,
)
from shared.errors import DictationError

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


def main() -> int:
    if sys.stdout is None or sys.stderr is None:
        # Closed by whoever started this, who wants to hear nothing; the next file must not be taken for it.
        nowhere = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = output(sys.stdout)
    return run(sys.argv[1:])


def run(arguments: Sequence[str], commands: typer.Typer = app) -> int:
    """The whole command; never raises. Returns the code to exit with."""
    try:
        code = commands(list(arguments), prog_name="steno", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        say(f"steno: {one_line(error.format_message())} (`steno COMMAND --help` explains the options)")
        return error.exit_code
    except DictationError as error:
        say(f"steno: {one_line(str(error))}")
        return exit_code(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED_EXIT
    except OutputLost as lost:
        forget_output()
        if lost.errno == errno.EPIPE:
            # Whoever read our output has gone, as `head` does, and wants to hear no complaint.
            return FAILED_EXIT
        say(f"steno: cannot write the output: {lost.strerror}; make room, or write it elsewhere")
        return USAGE_EXIT
    except Exception as error:  # noqa: BLE001  # the person gets a line, and the exit code, instead of a trace
        # Where, but not what: the message may quote what was dictated.
        place = traceback.extract_tb(error.__traceback__)[-1]
        say(
            f"steno: this is a fault of Steno's ({type(error).__name__} at {place.filename}:{place.lineno});"
            " please report it with this line"
        )
        return FAILED_EXIT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
