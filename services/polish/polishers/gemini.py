"""Gemini on Vertex AI through google-genai: one request an utterance, with a deadline around all that is tried.

Whatever the vendor does ends in a text or in `NotPolished`. Its exceptions can carry words of the request, so none of
them is chained to ours.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2
from google import genai
from google.auth.exceptions import GoogleAuthError
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from services.polish.polishers.base import Answer, NotPolished, Reason
from services.polish.prompt import VERSION, compose
from shared.domain.session import SessionConfig
from shared.ports import Clock

ATTEMPTS_MAX: Final = 2
RETRY_MS: Final = 300
ATTEMPT_MS_MIN: Final = 500
"""Less time than this left is not worth another attempt."""
RETRY_AFTER_MS_MAX: Final = 3_600_000
CONNECT_S_MAX: Final = 2.0
CONNECTIONS_MAX: Final = 16
OUTPUT_TOKENS_MAX: Final = 4_096
TEXT_CHARACTERS_MAX: Final = 20_000

_ODD_BODY: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What comes of a body that is no JSON, or no response, or nested without end: the SDK reads it as it comes, and raises
whatever that raises."""

_VENDOR_LOGGERS: Final = ("google_genai", "google.auth", "httpx2", "httpcore2")
_SECONDS: Final = "s"


@dataclass(frozen=True, slots=True)
class Model:
    """What one model understands: a wrong thinking level is refused, and sampling is not to be relied on."""

    name: str
    thinking: types.ThinkingLevel
    samples: bool = False
    """Whether it heeds a temperature."""


MODELS: Final = {
    model.name: model
    for model in (
        Model("gemini-3.5-flash-lite", types.ThinkingLevel.MINIMAL),
        Model("gemini-3.1-flash-lite", types.ThinkingLevel.MINIMAL),
        Model("gemini-3.7-flash", types.ThinkingLevel.LOW),
        Model("gemini-3.8-flash", types.ThinkingLevel.LOW),
    )
}

_SCHEMA: Final = {
    "type": "OBJECT",
    "properties": {"text": {"type": "STRING"}},
    "required": ["text"],
}


@dataclass(frozen=True, slots=True)
class Access:
    """Where Vertex AI is, and as whom: an express key, or a project and a location with this machine's credentials."""

    key: str = ""
    project: str = ""
    location: str = ""
    url: str = ""
    """Its own address where empty."""
    token: str = ""
    """For a rehearsal that is to see a project's requests."""


class GeminiPolisher:
    """Implements `base.Polisher`. Make one per process: making it costs up to 0.1 s of the event loop."""

    prompt_version = VERSION

    def __init__(self, access: Access, model: Model, deadline_ms: int, clock: Clock) -> None:
        for name in _VENDOR_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        self.model = model.name
        self._model = model
        self._deadline_ms = deadline_ms
        self._clock = clock
        # Injected, so that no other transport is chosen because some package happens to be installed.
        self._http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            timeout=httpx2.Timeout(deadline_ms / 1_000, connect=CONNECT_S_MAX),
            trust_env=False,
        )
        self._client = _client(access, self._http, deadline_ms)

    async def polish(self, text: str, config: SessionConfig, before: Sequence[str] = ()) -> Answer:
        """Raises NotPolished, at the latest when the deadline has passed."""
        prompt = compose(text, config, before)
        asked = self._asked(prompt.instructions)
        until_ms = self._clock.monotonic_ms() + self._deadline_ms
        try:
            async with asyncio.timeout(self._deadline_ms / 1_000):
                return Answer(await self._attempts(prompt.document, asked, until_ms))
        except TimeoutError:
            raise NotPolished(Reason.DEADLINE) from None

    async def close(self) -> None:
        await self._http.aclose()

    async def _attempts(self, document: str, asked: types.GenerateContentConfig, until_ms: int) -> str:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._attempt(document, asked)
            except NotPolished as failed:
                wait_ms = RETRY_MS if failed.retry_after_ms is None else failed.retry_after_ms
                left_ms = until_ms - self._clock.monotonic_ms() - wait_ms
                if attempt == ATTEMPTS_MAX or not _may_differ(failed.reason) or left_ms < ATTEMPT_MS_MIN:
                    raise
                await self._clock.sleep_ms(wait_ms)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, document: str, asked: types.GenerateContentConfig) -> str:
        failed: NotPolished
        try:
            response = await self._client.aio.models.generate_content(
                model=self.model, contents=document, config=asked
            )
        except errors.APIError as error:
            failed = _refused(error)
        except httpx2.TimeoutException:
            failed = NotPolished(Reason.DEADLINE)
        except (httpx2.HTTPError, OSError):
            failed = NotPolished(Reason.UNAVAILABLE)
        except GoogleAuthError:
            failed = NotPolished(Reason.CREDENTIALS)
        except _ODD_BODY:
            failed = NotPolished(Reason.MALFORMED)
        else:
            return _text(response)
        raise failed

    def _asked(self, instructions: str) -> types.GenerateContentConfig:
        return types.GenerateContentConfig(
            system_instruction=instructions,
            response_mime_type="application/json",
            response_schema=_SCHEMA,
            max_output_tokens=OUTPUT_TOKENS_MAX,
            candidate_count=1,
            temperature=0.0 if self._model.samples else None,
            thinking_config=types.ThinkingConfig(thinking_level=self._model.thinking),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            automatic_continuation=False,
        )


def _client(access: Access, http: httpx2.AsyncClient, deadline_ms: int) -> genai.Client:
    options = types.HttpOptions(
        base_url=access.url or None, httpx_async_client=http, timeout=deadline_ms, api_version="v1beta1"
    )
    if access.key:
        return genai.Client(vertexai=True, api_key=access.key, http_options=options)
    return genai.Client(
        vertexai=True,
        project=access.project,
        location=access.location,
        credentials=Credentials(token=access.token) if access.token else None,  # type: ignore[no-untyped-call]
        http_options=options,
    )


def _text(response: types.GenerateContentResponse) -> str:
    if response.prompt_feedback is not None and response.prompt_feedback.block_reason is not None:
        raise NotPolished(Reason.BLOCKED)
    if not response.candidates:
        raise NotPolished(Reason.MALFORMED)
    finish = response.candidates[0].finish_reason
    if finish is types.FinishReason.MAX_TOKENS:
        raise NotPolished(Reason.TRUNCATED)
    if finish is None:
        raise NotPolished(Reason.MALFORMED)
    if finish is not types.FinishReason.STOP:
        raise NotPolished(Reason.BLOCKED)
    text = _said(response.text or "")
    if not text or len(text) > TEXT_CHARACTERS_MAX:
        raise NotPolished(Reason.MALFORMED)
    return text


def _said(body: str) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        # Raising in here would chain the error, which holds the body.
        return ""
    text = said.get("text") if isinstance(said, dict) else None
    return text.strip() if isinstance(text, str) else ""


# --- what an error means


def _may_differ(reason: Reason) -> bool:
    return reason in (Reason.QUOTA, Reason.UNAVAILABLE, Reason.MALFORMED)


def _refused(error: errors.APIError) -> NotPolished:
    code = int(error.code or 0)
    details = _details(error)
    if code == 429:
        return NotPolished(Reason.QUOTA, _retry_after_ms(error, details))
    if code in (408, 504):
        return NotPolished(Reason.DEADLINE)
    if code >= 500:
        return NotPolished(Reason.UNAVAILABLE, _retry_after_ms(error, details))
    if code in (401, 403, 404) or any(each.get("reason") == "API_KEY_INVALID" for each in details):
        # A person must put it right; until then every utterance waits for its upgrade.
        return NotPolished(Reason.CREDENTIALS)
    return NotPolished(Reason.REFUSED)


def _details(error: errors.APIError) -> list[Mapping[str, object]]:
    body = error.details
    inner = body.get("error", body) if isinstance(body, dict) else {}
    details = inner.get("details") if isinstance(inner, dict) else None
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _retry_after_ms(error: errors.APIError, details: Sequence[Mapping[str, object]]) -> int | None:
    """What the server asks to wait, in its body or its header; None if it asks nothing that can be read."""
    headers = getattr(error.response, "headers", None) or {}
    asked = [str(each["retryDelay"]) for each in details if "retryDelay" in each]
    for each in (*asked, str(headers.get("retry-after") or "")):
        try:
            return min(max(0, round(float(each.removesuffix(_SECONDS)) * 1_000)), RETRY_AFTER_MS_MAX)
        except (ValueError, OverflowError):
            continue
    return None
