"""Wake-ups that failed too often: seen, and given another chance, wherever the backend keeps them."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from infra.local.rehearsal import running
from shared.config import Config, LogLevel
from shared.errors import SetupError
from shared.observe import configure
from shared.ports import DeadLetter, DeadLetters
from shared.wiring import build

LETTERS_MAX: Final = 1_000

T = TypeVar("T")


async def listed(config: Config, limit: int = LETTERS_MAX) -> list[DeadLetter]:
    """Raises SetupError if there is nothing there, or it cannot be used; StoreUnavailable."""
    return await _on_the_bus(config, lambda letters: letters.dead_letters(limit))


async def replayed(config: Config, wanted: Callable[[DeadLetter], bool]) -> int:
    """How many of those wanted are due again now; they are taken up by the running services, or at their next start."""

    async def replay(letters: DeadLetters) -> int:
        found = [letter for letter in await letters.dead_letters(LETTERS_MAX) if wanted(letter)]
        return sum([await letters.replay(letter) for letter in found])

    return await _on_the_bus(config, replay)


async def _on_the_bus(config: Config, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    configure("steno", LogLevel.WARNING)
    if config.backend == "emulators":
        config = running(config)
    if config.backend == "embedded" and not config.database.exists():
        raise SetupError(f"there is no Steno data in {config.data_dir}; say where it is with --data-dir")
    ports = build(config)
    try:
        return await work(ports.letters)
    finally:
        await ports.close()
