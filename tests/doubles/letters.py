"""A dead-letter box in memory, that fails on demand."""

from shared.errors import Retry
from shared.ports import DeadLetter


class MemoryLetters:
    """`ports.DeadLetterBox`."""

    def __init__(self) -> None:
        self.buried: list[DeadLetter] = []
        self.fails = False

    async def bury(self, letter: DeadLetter) -> None:
        if self.fails:
            raise Retry("the box is shut")
        self.buried.append(letter)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        return self.buried[:limit]

    async def replay(self, letter: DeadLetter) -> bool:
        if letter not in self.buried:
            return False
        self.buried.remove(letter)
        return True

    async def close(self) -> None:
        pass
