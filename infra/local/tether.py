"""Runs a module as `python -m` would, and dies at once when the process that started it is gone, however that ended.

    python -m infra.local.tether services.ingest.main     # stdin is a pipe of which the starter keeps the other end

Without it a supervisor that is killed would leave its children behind, on its ports and its data.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    module = sys.argv[1]
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), name="tether", daemon=True).start()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 64):
        pass
    # Not SIGTERM: nobody is left to wait for a drain, and whoever starts Steno next wants the ports. A group of our own
    # holds what we started as well, like a server's workers.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
