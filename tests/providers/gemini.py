"""Gemini's generateContent as it is on the wire, both path families, strict: what it does not know it reports and refuses.

It answers as the rules polish, or as `edit` says; `faults` are played one a request, in order, the last one forever where
`forever`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from services.polish.polishers.rules.polish import polish
from shared.adapters.clocks import SystemClock

_PATH: Final = re.compile(
    r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?models/[a-z0-9.-]+:generateContent"
)
_TOP: Final = frozenset("contents systemInstruction generationConfig safetySettings labels".split())
_GENERATION: Final = frozenset(
    "temperature topP candidateCount maxOutputTokens stopSequences seed responseMimeType responseSchema"
    " responseJsonSchema thinkingConfig".split()
)
_THINKING: Final = frozenset({"thinking_level", "thinkingLevel", "thinking_budget", "thinkingBudget"})
BODY_BYTES_MAX: Final = 1 << 20
PIECE_MS: Final = 200

Edit = Callable[[str], str]
Json = dict[str, Any]

FINISHES: Final = {
    "safety": "SAFETY",
    "recitation": "RECITATION",
    "max-tokens": "MAX_TOKENS",
    "odd-finish": "TIRED",
}
BODIES: Final = {
    "empty": b"",
    "no-object": b"{}",
    "truncated": b'{"candidates":[{"content":{"par',
    "html-200": b"<html>hello</html>",
    "blocked": b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}',
    "odd-body": b"7",
    "odd-candidates": b'{"candidates":5}',
    "odd-candidate": b'{"candidates":[[]]}',
    "number-finish": b'{"candidates":[{"finishReason":7}]}',
    "number-block": b'{"promptFeedback":{"blockReason":9}}',
    "deep": b"[" * 100_000,
    "deep-text": b'{"candidates":[{"finishReason":"STOP","content":{"parts":[{"text":"%s"}]}}]}'
    % (b"[" * 100_000),
}
STATUSES: Final = {
    "bad-key": (400, "INVALID_ARGUMENT", [{"@type": "x/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]),
    "bad-request": (400, "INVALID_ARGUMENT", []),
    "401": (401, "UNAUTHENTICATED", []),
    "403": (403, "PERMISSION_DENIED", []),
    "404": (404, "NOT_FOUND", []),
    "429": (429, "RESOURCE_EXHAUSTED", []),
    "429-soon": (429, "RESOURCE_EXHAUSTED", [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "0.1s"}]),
    "429-late": (429, "RESOURCE_EXHAUSTED", [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "27s"}]),
    "429-ages": (429, "RESOURCE_EXHAUSTED", [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "1e300s"}]),
    "500": (500, "INTERNAL", []),
    "503": (503, "UNAVAILABLE", []),
    "504": (504, "DEADLINE_EXCEEDED", []),
}
_SIDES: Final = {"left": "right", "right": "left"}
CHANGES: Final[dict[str, Edit]] = {
    "change-number": lambda text: re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text, count=1),
    "change-unit": lambda text: re.sub(r"\bmg\b", "g", text, count=1),
    "drop-denial": lambda text: re.sub(r"\b(no|not|denies|without) ", "", text, count=1, flags=re.IGNORECASE),
    "swap-side": lambda text: re.sub(r"\b(left|right)\b", lambda side: _SIDES[side[0]], text, count=1),
    "add-finding": lambda text: f"{text} Pneumonia is confirmed.",
}
"""What a model must never do to a text, done wherever the text has something to do it to."""

FAULTS: Final = frozenset(
    {
        *FINISHES,
        *BODIES,
        *STATUSES,
        *CHANGES,
        "html-502",
        "hang",
        "drip",
        "drop",
        "no-schema",
        "blank",
        "no-text",
    }
)


@dataclass
class Gemini:
    """What one server was told and has seen."""

    faults: list[str] = field(default_factory=list)
    forever: bool = False
    edit: Edit = lambda text: text
    time_scale: float = 1.0
    """How much faster than the vendor's its own time runs."""
    violations: list[str] = field(default_factory=list)
    documents: list[Json] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def fault(self) -> str:
        if not self.faults:
            return ""
        return self.faults[0] if self.forever and len(self.faults) == 1 else self.faults.pop(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(min(length, BODY_BYTES_MAX))
        problem = self._problem(line, headers, body)
        if problem:
            self.violations.append(problem)
            await _send(writer, 400, _error(400, "INVALID_ARGUMENT", []))
            return True
        self.paths.append(line.split()[1])
        return await self._answer(reader, writer, json.loads(body))

    def _problem(self, line: str, headers: dict[str, str], body: bytes) -> str:
        method, path, _ = line.split()
        if method != "POST" or not _PATH.fullmatch(path):
            return f"{method} {path}"
        if not headers.get("x-goog-api-key") and not headers.get("authorization", "").startswith("Bearer "):
            return "no credentials"
        try:
            asked = json.loads(body)
        except ValueError:
            return "the body is no JSON"
        generation = asked.get("generationConfig", {})
        thinking = generation.get("thinkingConfig", {})
        unknown = [*(set(asked) - _TOP), *(set(generation) - _GENERATION), *(set(thinking) - _THINKING)]
        if unknown:
            return f"unknown field {unknown[0]}"
        if len(thinking) > 1:
            return "a thinking level and a budget"
        if not asked.get("contents") or asked["contents"][-1].get("role") != "user":
            return "the last turn is not the user's"
        return ""

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: Json) -> bool:
        document = json.loads(asked["contents"][-1]["parts"][0]["text"])
        self.documents.append(document)
        fault = self.fault()
        if fault == "drop":
            return False
        if fault == "hang":
            await reader.read()
            return False
        if fault in STATUSES:
            code, status, details = STATUSES[fault]
            await _send(writer, code, _error(code, status, details))
        elif fault == "html-502":
            await _send(writer, 502, b"<html>Bad Gateway</html>", "text/html")
        elif fault in BODIES:
            await _send(writer, 200, BODIES[fault])
        else:
            piece_ms = PIECE_MS / self.time_scale if fault == "drip" else 0.0
            await _send(writer, 200, self._candidate(document, fault), piece_ms=piece_ms)
        return True

    def _candidate(self, document: Json, fault: str) -> bytes:
        ruled = polish(document["dictated"], document["vocabulary"], {}, document["language"]).text
        said = {"no-schema": {"other": 1}, "blank": {"text": "  "}}.get(
            fault, {"text": CHANGES.get(fault, self.edit)(ruled)}
        )
        text = json.dumps(said)
        candidate: Json = {"index": 0, "finishReason": FINISHES.get(fault, "STOP")}
        if fault == "max-tokens":
            text = text[:-4]
        if fault not in ("safety", "recitation", "no-text"):
            candidate["content"] = {"role": "model", "parts": [{"text": text}]}
        usage = {"promptTokenCount": 120, "candidatesTokenCount": 18, "totalTokenCount": 138}
        return json.dumps({"candidates": [candidate], "usageMetadata": usage, "responseId": "r"}).encode()


def _error(code: int, status: str, details: Sequence[Json]) -> bytes:
    error: Json = {"code": code, "message": "It cannot.", "status": status}
    if details:
        error["details"] = list(details)
    return json.dumps({"error": error}).encode()


async def _send(
    writer: asyncio.StreamWriter,
    code: int,
    body: bytes,
    media: str = "application/json",
    *,
    piece_ms: float = 0.0,
) -> None:
    """`piece_ms` after every few bytes; 0 sends all at once."""
    head = f"HTTP/1.1 {code} Said\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode())
    size = 8 if piece_ms else max(1, len(body))
    for at in range(0, len(body), size):
        writer.write(body[at : at + size])
        await writer.drain()
        await SystemClock().sleep_ms(round(piece_ms))
    await writer.drain()


@asynccontextmanager
async def running(gemini: Gemini, port: int = 0) -> AsyncIterator[str]:
    """Serve on 127.0.0.1 and give the address; afterwards no connection is left."""
    tasks: set[asyncio.Task[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await gemini.serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(tracked, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
