"""An HTTP server that hands every request on, and tells who looks on what it was. In threads of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx

HOST: Final = "127.0.0.1"
ANSWER_S_MAX: Final = 180
NO_CONTENT: Final = 204
HOP: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers of one connection, which are not handed on."""

Route = Callable[[str], str]
"""Where a request for this path goes: HTTP://HOST:PORT."""

Look = Callable[[str, str, bytes], None]
"""Told method, path and body of a request once it is answered well."""


@contextmanager
def forwarding(route: Route, look: Look) -> Iterator[str]:
    """The address of a forwarder, HOST:PORT."""
    with httpx.Client(trust_env=False, timeout=ANSWER_S_MAX) as client:

        class Handler(_Handler):
            def forward(self, body: bytes) -> httpx.Response:
                kept = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP]
                headers = [*kept, ("Accept-Encoding", "identity")]
                url = f"{route(self.path)}{self.path}"
                answer = client.request(self.command, url, content=body, headers=headers)
                if answer.is_success:
                    look(self.command, self.path.partition("?")[0], body)
                return answer

        server = ThreadingHTTPServer((HOST, 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    """Of a connection on which nothing comes, so that its thread ends with the forwarder."""

    def forward(self, body: bytes) -> httpx.Response:
        raise NotImplementedError

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            answer = self.forward(body)
        except httpx.HTTPError:
            # As the clients of a server that is not there would find it.
            self.close_connection = True
            return
        self.send_response_only(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if answer.status_code != NO_CONTENT:
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # the names that the library calls

    def log_message(self, format: str, *args: object) -> None:
        """Addresses of requests name sessions."""
