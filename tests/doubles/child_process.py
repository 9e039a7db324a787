"""A service's process as the supervisor sees it, with the behaviour that the variable BEHAVIOUR names."""

import http.server
import os
import signal
import sys
import threading
from types import FrameType
from typing import ClassVar


class _Handler(http.server.BaseHTTPRequestHandler):
    # What it says of itself, one answer after the other; the last one from then on.
    answers: ClassVar[list[tuple[int, bytes]]] = [(200, b"")]

    def do_GET(self) -> None:
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


def _serve(*, obedient: bool) -> None:
    server = http.server.HTTPServer(("127.0.0.1", int(os.environ["STENO_PORT"])), _Handler)

    def stop(number: int, frame: FrameType | None) -> None:
        if obedient:
            print("stopping", file=sys.stderr, flush=True)
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print("serving", file=sys.stderr, flush=True)
    server.serve_forever()


def _wait() -> None:
    # Blocked first, so that a signal that comes between two lines is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("waiting", flush=True)
    signal.sigwait({signal.SIGTERM})


def main() -> None:
    match os.environ["BEHAVIOUR"]:
        case "serves":
            _serve(obedient=True)
        case "ails for a while":
            ill = (503, b'{"error": "unavailable", "message": "the well is dry; dig deeper"}')
            _Handler.answers = [(200, b""), (200, b""), ill, ill, ill, (200, b"")]
            _serve(obedient=True)
        case "stubborn":
            _serve(obedient=False)
        case "waits":
            _wait()
        case "misconfigured":
            print("the sky is missing; put it back", file=sys.stderr)
            sys.exit(2)
        case "crashes":
            sys.exit(7)
        case "leaves a child behind":
            _leave_child()


def _leave_child() -> None:
    """A grandchild that holds the log's pipe open until the tether breaks, which is after its parent is missed."""
    if os.fork():
        return
    print("left behind", flush=True)
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
