"""Stage 3 of 13. The shell of the recorder's link: a recording goes through it as through a microphone.

`link.py` decides; this file does what it says, with a real tape, clock and connection. `stream_file` is what the command,
tests and benchmarks call.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from client.addresses import Address
from client.api import Api, open_api
from client.audio import BadAudio, measure
from client.chores import Chores
from client.cuts import Cuts
from client.delivery import SendAudio
from client.events import (
    AskTicket,
    Came,
    Captured,
    Dial,
    Effect,
    Event,
    FinishPressed,
    Forget,
    HangUp,
    Moment,
    RecordPressed,
    ResumeCapture,
    SendMessage,
    Show,
    StopCapture,
    Tick,
    Ticketed,
    TicketRefused,
)
from client.line import Line
from client.link import deadline_ms, step
from client.link_state import Intent, Link, Phase
from client.pace import Pace
from client.patience import Patience
from client.records import Records
from client.result import Outcome, Result
from client.sockets import Dialler, dial
from client.source import opened
from client.take_ids import take_id_of
from client.tape import Tape
from client.wanted import Wanted, Watcher
from shared.domain.values import BYTES_PER_SAMPLE, SAMPLES_PER_SECOND, TakeId, samples
from shared.errors import DictationError, Refuse, Retry
from shared.ports import Clock
from shared.tasks import stop, together
from shared.wire.frames import Frame
from shared.wire.messages import Bye, ServerMessage, Welcome

TAPE_AHEAD_MAX: Final = samples(300)
"""How much of a file is read ahead of what is covered, 10 MB: a file waits, so nothing of it is ever lost."""

CHUNK_SAMPLES: Final = SAMPLES_PER_SECOND // 10
FAST: Final = 5.0
"""From this speed on a second is captured at a time, and never a tenth of one."""

LABEL_TRIES_MAX: Final = 3
LABEL_AGAIN_MS: Final = 1_000


class MachineClock:
    """`ports.Clock` over the operating system."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1_000)


@dataclass(frozen=True, slots=True)
class Tools:
    """The world: tests have their own."""

    api: Api
    dialler: Dialler = dial
    clock: Clock = field(default_factory=MachineClock)
    draw: Callable[[], float] = random.random


async def stream_file(path: Path, wanted: Wanted, watcher: Watcher | None = None) -> Result:
    """Stream a recording into a session and wait until it is finished, refused, or given up.

    The same file resumes: it is the same take of the session. Raises BadAudio where it is no recording from the
    beginning; one that breaks off, or changes, while it is streamed is cut short there.
    """
    measured = await asyncio.to_thread(measure, path)
    take_id = take_id_of(wanted.session, measured.digest)
    async with open_api() as api, opened(path, measured) as source:
        return await Recorder(wanted, take_id, Tools(api), watcher or Watcher()).run(source)


class Recorder:
    """One run. `finish` and `give_up` may be called at any time while `run` runs."""

    def __init__(self, wanted: Wanted, take_id: TakeId, tools: Tools, watcher: Watcher) -> None:
        self.link = Link(wanted.session, take_id)
        self.tape = Tape()
        self._wanted = wanted
        self._tools = tools
        self._watcher = watcher
        self._records = Records()
        self._pace = Pace(wanted.speed)
        self._patience = Patience(wanted.give_up_after_ms, tools.clock.monotonic_ms())
        self._line = Line(tools.dialler, Cuts(wanted.cut_every), self._happened, self._troubled, self._fail)
        self._turn = 0
        self._welcomes = 0
        self._is_label_settled = wanted.label == ""
        self._is_cut_short = False
        self._has_room = asyncio.Event()
        self._is_due_earlier = asyncio.Event()
        self._waiting_until_ms: int | None = None
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._chores = Chores(self._fail)

    async def run(self, source: AsyncIterator[bytes]) -> Result:
        """Starting counts as pressing Record: for 30 s it may displace another recorder of the session."""
        try:
            self._happened(RecordPressed())
            self._chores.start("capture", self._capture(source))
            outcome = await together(self._ended(), self._keep_time())
        finally:
            await self._line.close()
            await self._chores.close()
        if not self._is_label_settled:
            self._watcher.said("the label is not saved")
        return self._result(outcome)

    def finish(self) -> bool:
        """Stop capturing here, and finish what was captured; False if capture was over already."""
        if self.link.intent is Intent.FINISHED:
            return False
        self._chores.cancel("capture")
        self._happened(FinishPressed())
        return True

    def give_up(self) -> None:
        """End now. What was not covered is lost to this run; another one of the same file delivers it."""
        self._end(self._finished() if self._is_stored() else Outcome.GAVE_UP)

    def _is_stored(self) -> bool:
        """Only polish or the draft is still awaited."""
        return self.link.finished_at_ms is not None and self.link.delivery.is_delivered

    # --- capture

    async def _capture(self, source: AsyncIterator[bytes]) -> None:
        try:
            await self._capture_all(source)
        except BadAudio as error:
            # As a microphone that breaks: what was captured before is still delivered.
            self._is_cut_short = True
            self._watcher.said(f"{error}; what was captured before is being finished")
        self._happened(FinishPressed())

    async def _capture_all(self, source: AsyncIterator[bytes]) -> None:
        async for block in source:
            for chunk in self._chunks(block):
                await self._until_room()
                await self._until_spoken(len(chunk) // BYTES_PER_SAMPLE)
                self.tape.add(chunk)
                # What an earlier run delivered is captured again, and needs no room.
                self.tape.forget(self.link.delivery.covered)
                self._happened(Captured(self.tape.until))

    def _chunks(self, block: bytes) -> Iterator[bytes]:
        is_fast = self._pace.speed is None or self._pace.speed >= FAST
        size = (SAMPLES_PER_SECOND if is_fast else CHUNK_SAMPLES) * BYTES_PER_SAMPLE
        return (block[at : at + size] for at in range(0, len(block), size))

    async def _until_room(self) -> None:
        """A file can wait: where a microphone's tape would overflow, nothing more is read."""
        if self._is_full():
            while self._is_full():
                self._has_room.clear()
                await self._has_room.wait()
            self._pace.begin(self._tools.clock.monotonic_ms(), self.tape.until)

    def _is_full(self) -> bool:
        return self.tape.until - self.tape.start >= TAPE_AHEAD_MAX

    async def _until_spoken(self, length: int) -> None:
        until, covered = self.tape.until + length, self.link.delivery.covered
        now_ms = self._tools.clock.monotonic_ms()
        due_ms = self._pace.due_ms(self.tape.until, until, covered, now_ms)
        if due_ms > now_ms:
            await self._tools.clock.sleep_ms(due_ms - now_ms)

    # --- the link

    def _happened(self, event: Event) -> None:
        if self._over.done():
            # What ends late must not begin anything: nobody would be left to close it.
            return
        clock = self._tools.clock
        moment = Moment(clock.monotonic_ms(), clock.wall_ms(), self._tools.draw())
        if isinstance(event, Came) and event.dial == self.link.dial:
            self._watcher.heard(event.message)
        before = self.link
        self.link, effects = step(before, event, moment)
        for effect in effects:
            self._do(effect)
        self._patience.stepped(before, self.link, moment.now_ms)
        self._watcher.moved(self.link)
        if self.link.phase is Phase.DONE:
            self._end(self._finished())
        elif self.link.phase is Phase.STOPPED:
            self._end(Outcome.REFUSED)
        self._look_at_the_time()

    def _do(self, effect: Effect) -> None:
        match effect:
            case Dial(dial=number):
                self._line.dial(number, self._address().stream)
                self._turn += 1
            case HangUp():
                self._line.hang_up()
            case AskTicket():
                self._chores.start("ticket", self._ask_ticket(self._address()))
            case SendMessage(message=message):
                self._line.send(message)
            case SendAudio(start=start, until=until):
                self._line.send(Frame(start, self.tape.read(start, until)))
            case Forget(covered=covered):
                self.tape.forget(covered)
                self._has_room.set()
            case Show(message=message):
                self._show(message)
            case StopCapture() | ResumeCapture():
                raise AssertionError("a file waits long before the tape is full")

    def _show(self, message: ServerMessage) -> None:
        self._records.read(message)
        match message:
            case Welcome():
                self._welcomes += 1
                if self._wanted.label and not self._chores.has("label"):
                    self._chores.start("label", self._put_label(self._dialled()))
            case Bye(retry=True, reason=reason):
                self._troubled(reason)

    # --- the service

    def _address(self) -> Address:
        """Whose turn it is."""
        return self._wanted.addresses[self._turn % len(self._wanted.addresses)]

    def _dialled(self) -> Address:
        return self._wanted.addresses[(self._turn - 1) % len(self._wanted.addresses)]

    async def _ask_ticket(self, address: Address) -> None:
        try:
            granted = await self._tools.api.ticket(address, self._wanted.session)
        except DictationError as error:
            self._turn += 1
            self._troubled(str(error))
            status = error.http_status if isinstance(error, Refuse) else 0
            self._happened(TicketRefused(status, str(error)))
        else:
            self._happened(Ticketed(granted.token, granted.expires_in_ms))

    async def _put_label(self, address: Address) -> None:
        for _ in range(LABEL_TRIES_MAX):
            try:
                await self._tools.api.put_label(address, self._wanted.session, self._wanted.label)
            except Retry:
                await self._tools.clock.sleep_ms(LABEL_AGAIN_MS)
            except DictationError as refusal:
                return self._settle_label(f"the label was not taken: {refusal}")
            else:
                return self._settle_label()
        self._settle_label("the label could not be saved; put it on the session's page")

    def _settle_label(self, failure: str = "") -> None:
        self._is_label_settled = True
        if failure:
            # Not as trouble with the connection, which is forgotten once it is there: this is for good.
            self._watcher.said(failure)

    def _troubled(self, sentence: str) -> None:
        self._watcher.troubled(sentence)

    # --- time, and the end

    async def _keep_time(self) -> None:
        while True:
            await self._until_due()
            now_ms = self._tools.clock.monotonic_ms()
            if self._patience.is_over(now_ms):
                self.give_up()
                return
            due_ms = deadline_ms(self.link)
            if due_ms is not None and now_ms >= due_ms:
                self._happened(Tick())

    async def _until_due(self) -> None:
        """Until the next deadline, or until there is an earlier one."""
        clock = self._tools.clock
        self._is_due_earlier.clear()
        self._waiting_until_ms = self._due_ms()
        waits: list[Coroutine[Any, Any, Any]] = [self._is_due_earlier.wait()]
        if self._waiting_until_ms is not None:
            waits.append(clock.sleep_ms(max(0, self._waiting_until_ms - clock.monotonic_ms())))
        tasks = [asyncio.create_task(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(*tasks)

    def _due_ms(self) -> int | None:
        dues = [due for due in (deadline_ms(self.link), self._patience.due_ms) if due is not None]
        return min(dues, default=None)

    def _look_at_the_time(self) -> None:
        due_ms = self._due_ms()
        if due_ms is not None and (self._waiting_until_ms is None or due_ms < self._waiting_until_ms):
            self._is_due_earlier.set()

    async def _ended(self) -> Outcome:
        outcome = await self._over
        if outcome is self._finished():
            await self._chores.wait("label")
        return outcome

    def _finished(self) -> Outcome:
        return Outcome.CUT_SHORT if self._is_cut_short else Outcome.FINISHED

    def _end(self, outcome: Outcome) -> None:
        if not self._over.done():
            self._over.set_result(outcome)

    def _fail(self, error: BaseException) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    def _result(self, outcome: Outcome) -> Result:
        covered = self.link.delivery.covered
        return Result(
            session=self._wanted.session,
            take_id=self.link.take_id,
            outcome=outcome,
            audio_samples=max(self.tape.until, covered),
            covered_samples=covered,
            reconnects=max(0, self._welcomes - 1),
            bye=self.link.bye if outcome is Outcome.REFUSED else None,
            records=self._records,
        )
