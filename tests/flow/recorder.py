"""A recorder made of the real link and tape, with a person at it and a microphone whose every sample is known."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Final

from client.delivery import SendAudio
from client.events import (
    AskTicket,
    Came,
    Captured,
    Closed,
    Dial,
    Effect,
    Event,
    FinishPressed,
    Flushed,
    Forget,
    HangUp,
    Missed,
    Moment,
    Opened,
    PausePressed,
    RecordPressed,
    ResumeCapture,
    SendMessage,
    Show,
    StopCapture,
    Tick,
    Ticketed,
    TicketRefused,
)
from client.link import deadline_ms, step
from client.link_state import Intent, Link, Phase
from client.tape import Tape
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, SessionId, TakeId, samples
from shared.wire.frames import encode_frame
from shared.wire.messages import EntrySent, ServerMessage, Welcome, encode_message
from tests.flow.network import Wire
from tests.flow.virtual_time import VirtualClock

CHUNK_MS: Final = 200
SECOND_BYTES: Final = SAMPLES_PER_SECOND * BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class Audio:
    """A take's endless audio: no two seconds of any take are alike."""

    seed: str

    def read(self, start: int, until: int) -> bytes:
        first, begin = start // SAMPLES_PER_SECOND, start * BYTES_PER_SAMPLE
        last = -(-until // SAMPLES_PER_SECOND)
        pcm = b"".join(_second(self.seed, n) for n in range(first, last))
        begin -= first * SECOND_BYTES
        return pcm[begin : begin + (until - start) * BYTES_PER_SAMPLE]


@lru_cache(maxsize=256)
def _second(seed: str, number: int) -> bytes:
    return Random(f"{seed} {number}").randbytes(SECOND_BYTES)


@dataclass
class Service:
    """How a recorder reaches the service."""

    connect: Callable[[int, Wire], bool]
    """Give the wire to the instance whose turn it is; False if nobody listens there."""
    ticket: Callable[[SessionId], str | None]
    """None: no answer."""


@dataclass
class Seen:
    """What the recorder's page shows: the log as it was told."""

    log_id: str = ""
    entries: dict[int, EntrySent] = field(default_factory=dict)

    def show(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome) and message.log_id != self.log_id:
            self.log_id = message.log_id
            self.entries.clear()
        if isinstance(message, EntrySent):
            if message.index == 0:
                self.entries.clear()
            self.entries[message.index] = message


class Recorder:
    def __init__(
        self,
        name: str,
        session: SessionId,
        take_id: TakeId,
        service: Service,
        random: Random,
        clock: VirtualClock,
        tape_samples_max: int = samples(3_600),
    ) -> None:
        self.name = name
        self.audio = Audio(f"{session} {take_id}")
        self.link = Link(session, take_id, tape_samples_max=tape_samples_max)
        self.tape = Tape(tape_samples_max)
        self.seen = Seen()
        self.wire: Wire | None = None
        self.chunk_ms = CHUNK_MS
        self.dials = 0
        self.notes: list[str] = []
        """What happened, for the report of a failure."""
        self.offline = False
        self.marks: set[int] = set()
        """Where the person paused or finished: the engine was flushed there."""
        self.done: Callable[[Recorder], None] = lambda recorder: None
        """Called when this recorder is told that everything is done."""
        self._service = service
        self._random = random
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._capturing = False
        self._microphone: asyncio.Task[None] | None = None
        self._flushing = False
        self._left = False

    # --- the person

    def record(self) -> None:
        self._capturing = True
        if self._microphone is None:
            self._microphone = asyncio.create_task(self._capture())
        self.hear(RecordPressed())

    def pause(self) -> None:
        self._capturing = False
        self.marks.add(self.tape.until)
        self.hear(PausePressed())

    def finish(self) -> None:
        self._capturing = False
        self.marks.add(self.tape.until)
        self.hear(FinishPressed())

    def go_offline(self) -> None:
        """Nothing gets through, and nobody is told."""
        self.offline = True
        if self.wire is not None:
            self.wire.hold()

    def go_online(self) -> None:
        self.offline = False
        if self.wire is not None:
            self.wire.release()

    def lose(self) -> None:
        """The socket fails on this side only."""
        self.wire = None
        self.hear(Closed(self.link.dial, 1006))

    def miss(self, wall_ms: int) -> None:
        """The microphone was gone for a while."""
        self.marks.add(self.tape.until)
        self.hear(Missed("device_lost", wall_ms))

    async def close(self) -> None:
        """As when the page is closed: nothing is said, and nothing is heard."""
        self._left = True
        if self._timer is not None:
            self._timer.cancel()
        if self.wire is not None:
            self.wire.hang_up()
            self.wire = None
        if self._microphone is not None:
            self._microphone.cancel()
            await asyncio.gather(self._microphone, return_exceptions=True)

    # --- the microphone

    async def _capture(self) -> None:
        while True:
            await self._clock.sleep_ms(self.chunk_ms)
            if self._capturing:
                until = self.tape.until + self._random.randint(1, 2 * self.chunk_ms) * 16
                self.tape.add(self.audio.read(self.tape.until, until))
                self.hear(Captured(until))

    # --- the link

    def hear(self, event: Event) -> None:
        if self._left:
            return
        now_ms = self._clock.monotonic_ms()
        before = self.link.phase
        self.link, effects = step(
            self.link, event, Moment(now_ms, self._clock.wall_ms(), self._random.random())
        )
        if self.link.phase is not before:
            bye = f" ({self.link.bye.code})" if self.link.bye else ""
            self.notes.append(f"{now_ms:7} {self.name}: {type(event).__name__} -> {self.link.phase}{bye}")
            if self.link.phase is Phase.DONE:
                self.done(self)
        for effect in effects:
            self._do(effect)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = deadline_ms(self.link)
        if due_ms is not None:
            self._timer = self._loop.call_at(due_ms / 1_000, self.hear, Tick())

    def _do(self, effect: Effect) -> None:
        match effect:
            case Dial(dial=dial):
                self._dial(dial)
            case HangUp():
                if self.wire is not None:
                    self.wire.hang_up()
                    self.wire = None
            case AskTicket():
                self._loop.call_later(self._random.uniform(0.01, 0.2), self._ask_ticket)
            case SendMessage(message=message):
                if self.wire is not None:
                    self.wire.say(encode_message(message))
            case SendAudio(start=start, until=until):
                if self.wire is not None:
                    self.wire.say_bytes(encode_frame(start, self.tape.read(start, until)))
                    self._flush_soon()
            case Forget(covered=covered):
                self.tape.forget(covered)
            case Show(message=message):
                self.seen.show(message)
            case StopCapture():
                self._capturing = False
                self.marks.add(self.tape.until)
            case ResumeCapture():
                self._capturing = self.link.intent is Intent.RECORDING

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_later(0.02, self._flushed)

    def _flushed(self) -> None:
        self._flushing = False
        if self.wire is not None and self.wire.up.held:
            self._flush_soon()  # a full buffer
        else:
            self.hear(Flushed(self.link.dial))

    def _dial(self, dial: int) -> None:
        if self.wire is not None:
            self.wire.hang_up()
        self.dials += 1
        wire = Wire(
            self._random,
            opened=lambda: self.hear(Opened(dial)),
            came=lambda message: self.hear(Came(dial, message)),
            closed=lambda code: self.hear(Closed(dial, code)),
        )
        self.wire = wire
        if self.offline:
            wire.hold()
        if not self._service.connect(self.dials, wire):
            wire.server_died()

    def _ask_ticket(self) -> None:
        if self.link.phase is not Phase.ASKING:
            return
        token = None if self.offline else self._service.ticket(self.link.session)
        self.hear(TicketRefused(0) if token is None else Ticketed(token, 15 * 60_000))
