"""Steno as a harness of relays drives it: how it is started, and how one recorder talks to it. Standard library only.

`tests.bench.peers` copies this file among the harness's own adapters; it runs in the harness's Python, not in ours.
"""

import json
import os
import struct
import time
import urllib.request
import uuid
from typing import Final, Protocol

HEADER: Final = struct.Struct(">BBHQ")
BYTES_PER_SAMPLE: Final = 2

Message = tuple[str, bytes]


class Client(Protocol):
    """One recorder of the harness; `steno_captured` is ours to keep on it."""

    sid: int
    steno_captured: int


class Adapter:
    name = "steno"
    note = (
        "Steno: ingest on the embedded backend, engine deepgram; every final sealed, committed and announced"
    )
    audio = "pcm"
    kind = "binary"
    has_stop = True
    fast_ok = False
    path = "/v1/stream"
    ready_s = 30
    cwd = os.environ.get("PEERS_ROOT")
    _argv = ("the harness asks only whether there is something to start",)

    def __init__(self) -> None:
        self._port = 0
        self._run = uuid.uuid4()

    def argv(self, port: int, engine_url: str) -> list[str]:
        return [*json.loads(os.environ["PEERS_PYTHON"]), "-m", "services.ingest.main"]

    def env(self, port: int, engine_url: str) -> dict[str, str]:
        place = os.path.join(os.environ["PEERS_DATA"], f"{time.time_ns()}")
        return {
            "STENO_PORT": str(port),
            "STENO_ENGINES": "deepgram",
            "STENO_PROVIDER_URLS": f"deepgram={engine_url}",
            "STENO_DATA_DIR": os.path.join(place, "data"),
            "STENO_KEY_FILE": os.path.join(place, "key.json"),
            "STENO_TICKET_KEY_FILE": os.path.join(place, "ticket.key"),
            "STENO_SESSIONS_MAX": "1000",
            "STENO_LOG_LEVEL": "warning",
            "STENO_LOG_FORMAT": "json",
        }

    def url(self, port: int, sid: int) -> str:
        self._port = port
        return f"ws://127.0.0.1:{port}{self.path}"

    def headers(self, sid: int) -> dict[str, str]:
        return {"Sec-WebSocket-Protocol": "steno.v1"}

    def open_messages(self, sid: int) -> list[Message]:
        session = str(uuid.uuid5(self._run, f"session {sid}"))
        hello = {
            "type": "hello",
            "version": 1,
            "session": session,
            "ticket": self._ticket(session),
            "take_id": str(uuid.uuid5(self._run, f"take {sid}")),
            "dial": time.time_ns() // 1_000_000,
            "takeover": True,
            "captured_until": 0,
            "gap_no": 0,
            "recording": True,
        }
        return [("text", json.dumps(hello).encode())]

    def _ticket(self, session: str) -> str:
        url = f"http://127.0.0.1:{self._port}/v1/sessions/{session}/tickets"
        with urllib.request.urlopen(
            urllib.request.Request(url, data=b"", method="POST"), timeout=10
        ) as reply:
            token: str = json.load(reply)["token"]
        return token

    def encode(self, session: Client, pcm: bytes) -> bytes:
        start = getattr(session, "steno_captured", 0)
        session.steno_captured = start + len(pcm) // BYTES_PER_SAMPLE
        return HEADER.pack(1, 0, 0, start) + pcm

    def end_messages(self, session: Client) -> list[Message]:
        return [("text", json.dumps({"type": "finish", "until": session.steno_captured}).encode())]

    def is_transcript(self, session: Client, data: bytes) -> bool:
        """Only what is stored: a hint may be repeated, and overtakes the entry that waits for its commit."""
        return data.startswith(b'{"type":"entry"')

    def on_message(self, session: Client, is_text: bool, data: bytes) -> list[Message] | None:
        if not data.startswith(b'{"type":"ping"'):
            return None
        captured = getattr(session, "steno_captured", 0)
        pong = {"type": "pong", "echo": json.loads(data)["echo"], "captured_until": captured, "queued": 0}
        return [("text", json.dumps(pong).encode())]


ADAPTER: Final = Adapter()
