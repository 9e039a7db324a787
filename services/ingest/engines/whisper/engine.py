"""The local engine: Whisper on this machine's own processors, nothing sent anywhere.

Two kinds of thread serve all streams of a process, never the event loop: one listens (4 ms for a second of audio), and a
few recognise. CTranslate2 and ONNX Runtime let go of the interpreter while they work.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from services.ingest.engines.base import Capabilities
from services.ingest.engines.whisper.ear import Ear
from services.ingest.engines.whisper.endpointer import RULES
from services.ingest.engines.whisper.pool import Pool
from services.ingest.engines.whisper.recogniser import Recogniser
from services.ingest.engines.whisper.stream import WhisperStream
from shared.domain.session import SessionConfig
from shared.domain.values import milliseconds
from shared.errors import DictationError, EngineUnavailable
from shared.speech_detector import Network, SpeechDetector

SETTLES_IN_MS = milliseconds(RULES.end_after) + 1_500
"""The pause that ends an utterance, and the recognition of a long and doubtful one."""


@dataclass(frozen=True, slots=True)
class Models:
    recogniser: Recogniser
    network: Network


class WhisperEngine:
    def __init__(self, load: Callable[[], Models], workers: int) -> None:
        """`load` blocks, and raises SetupError; `workers` recognitions run at once."""
        self._load = load
        self._workers = workers
        self._loading = asyncio.Lock()
        self._listener = ThreadPoolExecutor(1, thread_name_prefix="listener")
        self._models: Models | None = None
        self._pool: Pool | None = None
        self._streams: set[WhisperStream] = set()
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="local",
            word_times=False,
            settles_in_ms=SETTLES_IN_MS,
            utterance_ms_max=milliseconds(RULES.longest),
            streams_max=self._workers,
        )

    async def open(self, config: SessionConfig, start: int) -> WhisperStream:
        """Raises Refuse, too: for a language the model does not know."""
        models, pool = await self._loaded()
        models.recogniser.check_language(config.language)
        ear = Ear(SpeechDetector(models.network), start)
        stream = WhisperStream(pool.lane(), ear, self._listener, start, config.language)
        self._streams = {each for each in self._streams if not each.is_over} | {stream}
        return stream

    async def check(self) -> None:
        await self._loaded()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for stream in self._streams:
            stream.end(EngineUnavailable("the local speech engine is shutting down"))
        self._streams.clear()
        if self._pool is not None:
            await self._pool.close()
        # The listener does one thing after the other: once it has done nothing, it has done everything.
        await asyncio.get_running_loop().run_in_executor(self._listener, int)
        self._listener.shutdown()

    async def _loaded(self) -> tuple[Models, Pool]:
        async with self._loading:
            if self._closed:
                raise EngineUnavailable("the local speech engine is shutting down")
            if self._models is None or self._pool is None:
                loading = asyncio.get_running_loop().run_in_executor(self._listener, self._load)
                await asyncio.wait([loading])
                self._models = _given(loading)
                self._pool = Pool(self._models.recogniser, self._workers)
            return self._models, self._pool


def _given(loading: asyncio.Future[Models]) -> Models:
    error = loading.exception()
    if error is not None and not isinstance(error, DictationError):
        raise EngineUnavailable("the local speech engine could not be loaded") from error
    return loading.result()
