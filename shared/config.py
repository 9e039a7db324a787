"""Configuration: everything a process is told, from `STENO_*` variables; every problem of it is said at once."""

import os
from collections.abc import Iterator

from pydantic import ValidationError

from shared.config_rules import EMULATORS, EVERYWHERE, READY, Role, named, unfit, unknown
from shared.errors import SetupError
from shared.settings import LOOPBACK, PREFIX, Config, LogFormat, LogLevel, variable

__all__ = [
    "EMULATORS",
    "EVERYWHERE",
    "LOOPBACK",
    "PREFIX",
    "READY",
    "Config",
    "LogFormat",
    "LogLevel",
    "Role",
    "load_config",
    "variable",
]


def load_config(role: Role = Role.COMMAND, /, **overrides: object) -> Config:
    """The configuration of this process, which is a `role`: `overrides`, then the environment, then defaults.

    Raises:
        SetupError: with every problem found, each naming its variable and saying what to write instead.
    """
    try:
        config = Config(**overrides)  # type: ignore[arg-type]  # each is checked by its own field
    except ValidationError as error:
        problems = [*_invalid(error), *unknown(os.environ, Config.model_fields)]
    else:
        problems = [*unknown(os.environ, Config.model_fields), *unfit(config, role, os.environ)]
    if problems:
        raise SetupError("; ".join(problems))
    return config


def _invalid(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False):
        field, said = str(each["loc"][0]), each["msg"].removeprefix("Value error, ")
        yield f"{named(field)} is {each['input']!r}: {said[0].lower()}{said[1:]}"
