"""What the vendors' servers hear with: one of our own engines, in the time of one connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from services.ingest.engines.base import Engine, EngineStream, Final, Hint, Through, Wordless
from shared.domain.entries import Word
from shared.domain.session import SessionConfig
from shared.domain.values import BYTES_PER_SAMPLE, Span
from shared.tasks import stop


@dataclass(frozen=True, slots=True)
class Heard:
    """Words over `span`, in samples of the connection; a hint replaces the one before it."""

    span: Span
    words: tuple[Word, ...]
    final: bool
    utterance_end: bool = False


@dataclass(frozen=True, slots=True)
class Quiet:
    """Everything before `until` is said."""

    until: int


class Recogniser:
    """Calls `tell` with what it hears. After a `finalise` it starts afresh, as if the audio began there."""

    def __init__(self, engine: Engine, tell: Callable[[Heard | Quiet], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._base = 0
        self.heard_until = 0
        self._stream: EngineStream | None = None
        self._telling: asyncio.Task[None] | None = None
        self._flushed = asyncio.Event()

    async def hear(self, pcm: bytes) -> None:
        if self._stream is None:
            self._stream = await self._engine.open(SessionConfig(), 0)
            self._telling = asyncio.create_task(self._listen(self._stream.heard()))
        await self._stream.feed(self.heard_until - self._base, pcm)
        self.heard_until += len(pcm) // BYTES_PER_SAMPLE

    async def finalise(self) -> None:
        """Everything heard is told on return."""
        if self._stream is None:
            return
        self._flushed.clear()
        await self._stream.flush(self.heard_until - self._base)
        await self._flushed.wait()
        await self.close()
        self._base = self.heard_until

    async def close(self) -> None:
        if self._telling is not None:
            await stop(self._telling)
        if self._stream is not None:
            await self._stream.close()
        self._stream = self._telling = None

    async def _listen(self, heard: AsyncIterator[object]) -> None:
        async for each in heard:
            match each:
                case Hint(span=span, text=text):
                    self._tell(Heard(self._placed(span), self._spread(span, text), final=False))
                case Final(span=span):
                    self._tell(
                        Heard(self._placed(span), self._words(each), True, utterance_end=each.utterance_end)
                    )
                case Wordless(span=span):
                    self._tell(Quiet(self._base + span.until))
                case Through(until=until):
                    self._tell(Quiet(self._base + until))
                    if self._base + until == self.heard_until:
                        self._flushed.set()

    def _placed(self, span: Span) -> Span:
        return Span(self._base + span.start, self._base + span.until)

    def _words(self, final: Final) -> tuple[Word, ...]:
        if not final.words:
            return self._spread(final.span, final.text)
        return tuple(Word(_unnumbered(word.text), self._placed(word.span)) for word in final.words)

    def _spread(self, span: Span, text: str) -> tuple[Word, ...]:
        """The words of a text evenly over its span, for engines that do not know when each was said."""
        words = text.split()
        places = (
            [span.start + span.length * each // len(words) for each in range(len(words) + 1)] if words else []
        )
        return tuple(
            Word(_unnumbered(word), self._placed(Span(places[each], places[each + 1])))
            for each, word in enumerate(words)
        )


def _unnumbered(word: str) -> str:
    """`scripted` numbers its cells from where it began, which a vendor's server does not know of the take; the hash
    of what it was sent says enough."""
    number, colon, digest = word.partition(":")
    return digest if colon and number.isdigit() else word
