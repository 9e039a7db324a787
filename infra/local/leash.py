"""Runs a program that is not ours, and ends it when the process that started us is gone, however that ended.

    python -m infra.local.leash java -jar emulator.jar     # stdin is a pipe of which the starter keeps the other end

`tether.py` does the same for our own modules from within them.
"""

import os
import signal
import subprocess
import sys
import threading
from typing import Final

STOP_S_MAX: Final = 2.0
"""How long the program may take to end on SIGTERM."""

NOT_FOUND_EXIT: Final = 127

Running = subprocess.Popen[bytes]


def main() -> int:
    """Returns the program's exit code, or 128 and the signal that ended it."""
    told = threading.Event()
    # Before there is a program: a signal that came in between would leave it behind.
    signal.signal(signal.SIGTERM, lambda number, frame: told.set())
    # A Ctrl-C in the terminal reaches the program as well; it alone decides what that means to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[1]} ({error.strerror})\n")
        return NOT_FOUND_EXIT
    threading.Thread(target=_stop, args=(told, child), daemon=True).start()
    threading.Thread(target=_watch, args=(sys.stdin.fileno(), child), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _stop(told: threading.Event, child: Running) -> None:
    told.wait()
    child.terminate()
    try:
        child.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        child.kill()


def _watch(descriptor: int, child: Running) -> None:
    while os.read(descriptor, 64):
        pass
    child.kill()


if __name__ == "__main__":
    sys.exit(main())
