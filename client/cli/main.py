"""The command `steno`, from its first moment: the one place where what goes wrong becomes a line and an exit code."""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main() -> int:
    if sys.stdout is None or sys.stderr is None:
        # Closed by whoever started this, who wants to hear nothing; the next file must not be taken for it.
        nowhere = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    with _quietly_interrupted():
        # Here and not above, as in `run`: they take half a second to load, in which Ctrl-C would print a trace.
        from client.cli import commands
        from client.cli.terminal import output
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = output(sys.stdout)
    return run(sys.argv[1:], commands.app)


@contextmanager
def _quietly_interrupted() -> Iterator[None]:
    """Ctrl-C ends the process by itself, as it ends what is not written in Python. Where it is ignored, it stays so."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def run(arguments: Sequence[str], commands: "typer.Typer | None" = None) -> int:
    """The whole command; never raises. Returns the code to exit with."""
    import typer

    from client.cli import terminal
    from client.cli.commands import app
    from shared.errors import DictationError

    try:
        code = (commands or app)(list(arguments), prog_name="steno", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        terminal.say(
            f"steno: {terminal.one_line(error.format_message())} (`steno COMMAND --help` explains the options)"
        )
        return error.exit_code
    except DictationError as error:
        terminal.say(f"steno: {terminal.one_line(str(error))}")
        return terminal.exit_code(error)
    except (KeyboardInterrupt, typer.Abort):
        return terminal.INTERRUPTED_EXIT
    except terminal.OutputLost as lost:
        terminal.forget_output()
        if lost.errno == errno.EPIPE:
            # Whoever read our output has gone, as `head` does, and wants to hear no complaint.
            return terminal.FAILED_EXIT
        terminal.say(f"steno: cannot write the output: {lost.strerror}; make room, or write it elsewhere")
        return terminal.USAGE_EXIT
    except Exception as error:  # noqa: BLE001  # the person gets a line, and the exit code, instead of a trace
        import traceback

        # Where, but not what: the message may quote what was dictated.
        place = traceback.extract_tb(error.__traceback__)[-1]
        terminal.say(
            f"steno: this is a fault of Steno's ({type(error).__name__} at {place.filename}:{place.lineno});"
            " please report it with this line"
        )
        return terminal.FAILED_EXIT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
