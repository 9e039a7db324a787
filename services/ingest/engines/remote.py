"""Stage 6 of 13. One stream of an engine at a vendor's: what the vendors have in common stands here, once.

Audio waits in a short line and is sent at the pace the vendor allows; what the vendor says is told in samples of the
take. A flush that the vendor does not answer becomes the end of the connection, which it always answers: only then is
it known that nothing was left unsaid. A stream that has ended so is spent, and says so to whoever feeds it again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Final as Constant

from services.ingest.engines.base import Final, Hint, Hypothesis
from services.ingest.engines.remote_failures import Kind, VendorFailure, Verdict
from services.ingest.engines.remote_pace import FRAME_MS_MAX, FRAME_MS_MIN, Limits, Pace
from services.ingest.engines.remote_positions import Positions
from services.ingest.engines.remote_wire import Ended, Fact, Finalised, Finished, Interim, Said, Wire
from services.ingest.engines.voice import Voice
from shared.domain.entries import Word
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_MS, Span, samples
from shared.observe import get_logger
from shared.ports import Clock
from shared.tasks import stop, together

WAITING_MAX: Constant = samples(5)
"""Audio not sent yet; beyond it `feed` waits, so that credit stops. 160 kB a stream."""

LAG: Constant = samples(3)
"""Vendors answer about once a second. Less than this unanswered is no sign of anything."""

log = get_logger("engines")

FRAME: Constant = FRAME_MS_MAX * SAMPLES_PER_MS
FRAME_LEAST: Constant = FRAME_MS_MIN * SAMPLES_PER_MS


@dataclass(slots=True)
class _Audio:
    start: int
    pcm: bytearray


@dataclass(frozen=True, slots=True)
class _Flush:
    at: int


class RemoteStream:
    """An open stream over `wire`, which it owns from here on."""

    def __init__(self, vendor: str, wire: Wire, limits: Limits, clock: Clock, start: int) -> None:
        self._vendor = vendor
        self._wire = wire
        self._limits = limits
        self._clock = clock
        self._positions = Positions(start)
        self._position = start
        """Where what was fed ends."""
        self._reached = start
        """Where the last final ends, or what was told to be final after it."""
        self._told = start
        self._said_until = start
        """Where the last word ends."""
        self._hinting = False
        self._flushed = False
        self._line: deque[_Audio | _Flush] = deque()
        self._waiting = 0
        self._voice = Voice(f"this stream of {vendor}")
        self._pace = Pace(limits)
        now_ms = clock.monotonic_ms()
        self._born_ms = self._sent_ms = self._audio_ms = self._progress_ms = now_ms
        self._processed = 0
        self._sent_by_ms: int | None = None
        """When the frame that is on its way must have gone. Looked at by `_watch`: a timer for each would cost more than
        the sending."""
        self._spent: VendorFailure | None = None
        self._ending = False
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._finalised = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._ran)

    # --- what it is fed

    async def feed(self, start: int, pcm: bytes) -> None:
        while self._waiting > WAITING_MAX and not self._voice.is_over:
            self._room.clear()
            await self._room.wait()
        if self._spent is not None:
            self._fail(self._spent)
        self._voice.check()
        follows = start == self._position or (self._flushed and start > self._position)
        assert follows, "audio must follow what was fed"
        last = self._line[-1] if self._line else None
        if isinstance(last, _Audio):
            last.pcm += pcm
        elif pcm:
            self._line.append(_Audio(start, bytearray(pcm)))
        self._position = start + len(pcm) // BYTES_PER_SAMPLE
        self._waiting += len(pcm) // BYTES_PER_SAMPLE
        self._flushed = False
        self._work.set()

    async def flush(self, at: int) -> None:
        self._voice.check()
        assert at >= self._position
        self._position = at
        self._flushed = True
        if self._spent is not None:
            self._reach(at, always=True)
            return
        if self._line and isinstance(self._line[-1], _Flush):
            self._line.pop()
        self._line.append(_Flush(at))
        self._work.set()

    # --- what it sends

    async def _run(self) -> None:
        try:
            await together(self._send(), self._listen(), self._watch())
        finally:
            await self._wire.close()

    def _ran(self, running: "asyncio.Task[None]") -> None:
        error = None if running.cancelled() else running.exception()
        if error is not None:
            kind, code = getattr(error, "kind", "bug"), getattr(error, "code", "")
            log.warning("a stream ended", vendor=self._vendor, kind=kind, code=code, exc_info=error)
        if isinstance(error, VendorFailure):
            self._fail(error)
        elif error is not None:
            # Ours to put right; whoever waits for words must not wait for ever meanwhile.
            failure = self._failed(Kind.PROTOCOL, type(error).__name__)
            failure.__cause__ = error
            self._fail(failure)

    async def _send(self) -> None:
        while self._spent is None:
            item = self._line[0] if self._line and not self._ending else None
            if isinstance(item, _Flush):
                await self._finalise(item.at)
                # A later flush may have taken its place at the end of the line.
                if self._line and self._line[0] is item:
                    self._line.popleft()
            elif item is not None and (
                len(item.pcm) >= FRAME_LEAST * BYTES_PER_SAMPLE or len(self._line) > 1
            ):
                await self._send_frame(item)
            else:
                self._work.clear()
                await self._work.wait()
        if any(isinstance(item, _Audio) for item in self._line):
            self._fail(self._spent)
        elif self._line:
            self._line.clear()
            self._reach(self._position, always=True)

    async def _send_frame(self, audio: _Audio) -> None:
        # Between a vendor that reads slowly and one that is gone, only time can tell.
        self._sent_by_ms = self._clock.monotonic_ms() + self._limits.stall_ms
        await self._wire.ready()
        self._sent_by_ms = None
        while wait_ms := self._pace.wait_ms(self._clock.monotonic_ms()):
            await self._clock.sleep_ms(wait_ms)
        pcm = bytes(audio.pcm[: FRAME * BYTES_PER_SAMPLE])
        del audio.pcm[: len(pcm)]
        length = len(pcm) // BYTES_PER_SAMPLE
        start, audio.start = audio.start, audio.start + length
        if not audio.pcm:
            self._line.popleft()
        self._positions.send(start, length)
        self._waiting -= length
        self._room.set()
        self._sent_by_ms = self._clock.monotonic_ms() + self._limits.send_ms
        await self._wire.audio(pcm)
        self._sent_by_ms = None
        self._audio_ms = self._sent_ms = self._clock.monotonic_ms()
        self._pace.sent(self._sent_ms, length)

    async def _finalise(self, at: int) -> None:
        if self._unsettled:
            self._finalised.clear()
            await self._within(self._limits.send_ms, self._wire.finalise())
            if not await self._came(self._finalised, self._limits.finalise_ms):
                await self._end()
        self._reach(at, always=True)

    async def _end(self) -> None:
        """Nothing more will be sent; what was, is final on return. The stream is spent."""
        self._ending = True
        await self._within(self._limits.send_ms, self._wire.end())
        if not await self._came(self._ended, self._limits.end_ms):
            raise self._failed(Kind.TIMEOUT, "no end")
        self._spent = self._failed(Kind.ROTATE)
        self._reach(self._positions.edge)
        self._work.set()

    async def _came(self, answer: asyncio.Event, limit_ms: int) -> bool:
        try:
            async with asyncio.timeout(limit_ms / 1_000):
                await answer.wait()
        except TimeoutError:
            return False
        return True

    async def _within(self, limit_ms: int, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(limit_ms / 1_000):
                await sending
        except TimeoutError:
            raise self._failed(Kind.TIMEOUT, "not reading") from None

    # --- what it watches

    async def _watch(self) -> None:
        while self._spent is None:
            await self._clock.sleep_ms(self._limits.tick_ms)
            now_ms = self._clock.monotonic_ms()
            if self._sent_by_ms is not None and now_ms >= self._sent_by_ms:
                raise self._failed(Kind.TIMEOUT, "not reading")
            if self._ending:
                continue
            self._check_progress(now_ms)
            self._reach(self._positions.until_of(min(self._wire.quiet_until, self._positions.sent)))
            if self._at_rest and now_ms - self._audio_ms >= self._limits.idle_ms_max:
                await self._end()
            elif self._is_old(now_ms):
                raise self._failed(Kind.ROTATE)
            elif now_ms - self._sent_ms >= self._limits.keep_alive_ms:
                await self._keep_alive()

    def _check_progress(self, now_ms: int) -> None:
        """A vendor that takes audio and says nothing looks like a patient listener for as long as it is believed."""
        behind = self._positions.sent - self._wire.processed
        if self._wire.processed != self._processed or behind < LAG or self._voice.is_full:
            self._processed = self._wire.processed
            self._progress_ms = now_ms
        elif now_ms - self._progress_ms >= self._limits.stall_ms:
            raise self._failed(Kind.TIMEOUT, "no progress")

    def _is_old(self, now_ms: int) -> bool:
        age_ms = now_ms - self._born_ms
        overdue_ms = self._limits.age_ms_max * 11 // 10
        return age_ms >= overdue_ms or (age_ms >= self._limits.age_ms_max and self._at_rest)

    async def _keep_alive(self) -> None:
        if self._wire.lead_in and not self._positions.sent:
            self._positions.pad(self._wire.lead_in)
            await self._within(
                self._limits.send_ms, self._wire.audio(bytes(self._wire.lead_in * BYTES_PER_SAMPLE))
            )
        await self._within(self._limits.send_ms, self._wire.keep_alive())
        self._sent_ms = self._clock.monotonic_ms()

    @property
    def _unsettled(self) -> bool:
        """Whether anything was sent that is not final."""
        return self._reached < self._positions.edge

    @property
    def _at_rest(self) -> bool:
        return not self._line and not self._unsettled

    # --- what it says

    async def _listen(self) -> None:
        async for fact in self._wire.facts():
            await self._voice.has_room()
            self._take(fact)
        # Asked to end: `_send` and `_watch` find out for themselves. Otherwise audio would be sent to nobody from here on.
        if not self._ending:
            raise self._failed(Kind.TRANSPORT, "ended unasked")

    def _take(self, fact: Fact) -> None:
        match fact:
            case Interim():
                self._hint(fact)
            case Finished():
                self._final(fact)
                self._reach(self._positions.until_of(fact.until))
            case Finalised():
                self._finalised.set()
            case Ended():
                self._ended.set()

    def _hint(self, interim: Interim) -> None:
        start = max(self._reached, self._positions.start_of(interim.start))
        until = self._positions.until_of(interim.until)
        # Nothing is worth saying only where it takes words off the screen.
        if start < until and (interim.text or self._hinting):
            self._hinting = bool(interim.text)
            self._voice.say(Hint(Span(start, until), interim.text))

    def _final(self, finished: Finished) -> None:
        words = [word for word in finished.words if word.text]
        new = [word for word in words if not self._is_told(word)]
        text = finished.text if len(new) == len(words) else ""
        text = text or " ".join(word.text for word in new)
        if not any(letter.isalnum() for letter in text):
            return
        low, high = self._reached, self._positions.edge
        if low >= high:
            # Words for audio that was said to be final already would be dropped further on, without a trace.
            raise self._failed(Kind.PROTOCOL, "words too late")
        first, last = low, self._positions.until_of(finished.until)
        # Text without a place of its own belongs to all that becomes final with it.
        if new:
            first = self._positions.start_of(new[0].start)
            last = max(self._positions.until_of(word.until) for word in new)
        start = min(max(low, first), high - 1)
        span = Span(start, min(max(start + 1, last), high))
        placed = tuple(Word(word.text, self._place(word, span)) for word in new)
        ends = finished.utterance_end or self._ending
        self._voice.say(Final(span, text, placed, finished.confidence, ends))
        self._reached = self._said_until = span.until
        self._hinting = False

    def _is_told(self, word: Said) -> bool:
        """By its middle, as wherever spans overlap. A vendor that takes back what it called final is not followed."""
        middle = (self._positions.start_of(word.start) + self._positions.until_of(word.until)) // 2
        return middle < self._said_until

    def _place(self, word: Said, within: Span) -> Span:
        first, last = self._positions.start_of(word.start), self._positions.until_of(word.until)
        return Span(first, max(first, last)).clipped(within.start, within.until)

    def _reach(self, until: int, *, always: bool = False) -> None:
        """Everything before `until` is final; said once, unless a flush asks for it."""
        if until < self._reached or (until <= self._told and not always):
            return
        self._reached = self._told = until
        self._positions.forget(until)
        self._voice.say_through(until)

    def heard(self) -> AsyncIterator[Hypothesis]:
        return self._voice.heard()

    # --- how it ends

    def _failed(self, kind: Kind, code: str = "") -> VendorFailure:
        return VendorFailure(self._vendor, Verdict(kind), code)

    def _fail(self, failure: VendorFailure) -> None:
        self._voice.fail(failure)
        self._wake()

    async def close(self) -> None:
        self._voice.close()
        self._line.clear()
        self._wake()
        await stop(self._running)
        # A task that is cancelled before its first step never comes to its own end.
        await self._wire.close()

    def _wake(self) -> None:
        self._work.set()
        self._room.set()
