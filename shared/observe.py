"""Logging: one line of JSON per event on stderr (plain words on a terminal), and never a word of speech.

    log = get_logger("sweep")
    log.info("interrupted a stale session", session=session, take=2)

What may be said is a rule of the house that `tests/rules` checks; `withhold` is the last line of defence.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

from shared.config import LogFormat, LogLevel
from shared.errors import DictationError

FORBIDDEN: Final = frozenset(
    "authorization config cookie hint label macro macros note pcm phrase secret text ticket token transcript"
    " vocabulary word words".split()
)
"""Names under which words of speech, labels or credentials would travel."""

WITHHELD: Final = "[withheld]"
FRAMES_MAX: Final = 20
LIBRARY_LINE_CHARS_MAX: Final = 200

Event = MutableMapping[str, Any]


def configure(
    service: str, level: LogLevel, form: LogFormat = LogFormat.AUTO, stream: TextIO | None = None
) -> None:
    """Once per process, from its `main.py`; every line then carries `service`."""
    target = stream or sys.stderr
    plain = form is LogFormat.PLAIN or (form is LogFormat.AUTO and target.isatty())
    rank = logging.getLevelNamesMapping()[level.upper()]

    def add_service(logger: object, method: str, event: Event) -> Event:
        return {"service": service, **event}

    structlog.configure(
        processors=[
            add_service,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_error,
            withhold,
            structlog.dev.ConsoleRenderer(colors=False) if plain else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(rank),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Libraries(logging.WARNING)], level=logging.WARNING, force=True)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(source=name)
    return logger


def withhold(logger: object, method: str, event: Event) -> Event:
    """Blanks every value, however deep in mappings, whose name says that it may hold words or credentials."""
    return {name: _checked(name, value) for name, value in event.items()}


def _checked(name: str, value: object) -> object:
    if name.lower() in FORBIDDEN or isinstance(value, bytes | bytearray | memoryview):
        return WITHHELD
    if isinstance(value, dict):
        return {str(inner): _checked(str(inner), each) for inner, each in value.items()}
    return value


def name_error(logger: object, method: str, event: Event) -> Event:
    """`exc_info` as the error's kind and where it came from. What it says only if it is ours: a library's message
    may quote what it was given."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = _places(error)
        if isinstance(error, DictationError):
            event["said"] = str(error)
    return event


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


class _Libraries(logging.Handler):
    """What libraries log: the first line of the sentence before its arguments are put in, and the kind of error."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = str(record.msg).splitlines() or [""]
        get_logger(record.name).warning(lines[0][:LIBRARY_LINE_CHARS_MAX], exc_info=record.exc_info)
