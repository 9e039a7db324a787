"""How every service starts: its log, what Python must do for us, then its configuration."""

from shared.config import Config, LogLevel, Role, load_config
from shared.errors import SetupError
from shared.observe import configure


def check_assertions() -> None:
    """Raises SetupError where they are switched off: a wrong sum would then go on into somebody's record."""
    if not __debug__:
        raise SetupError(
            "Steno checks its own arithmetic with assertions; run Python without -O and PYTHONOPTIMIZE"
        )


def configured(role: Role) -> Config:
    """Read from the environment; every line that is logged from here on carries the service's name. Raises SetupError."""
    # Before anything can be refused: who logs the refusal would else print a traceback with every local value in it.
    configure(role, LogLevel.INFO)
    check_assertions()
    config = load_config(role)
    configure(role, config.log_level, config.log_format)
    return config
