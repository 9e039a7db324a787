"""One bounded pool of recognising threads for all streams of a process: finals first, each stream in its turn.

What waits is bounded by who asks: a stream has at most one guess and one hint waiting, the newest, and asks for no more
finals than it may have unanswered. Everything but the recognising itself happens on the event loop, so there is nothing
to lock.
"""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from services.ingest.engines.whisper.recogniser import Recogniser, Task, Words
from shared.errors import EngineUnavailable

Answer = asyncio.Future[Words]


class Rank(IntEnum):
    """Who is served first."""

    FINAL = 0
    GUESS = 1
    """A final, should the pause go on."""
    HINT = 2


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    task: Task
    answer: Answer


class Pool:
    def __init__(self, recogniser: Recogniser, workers: int) -> None:
        assert workers > 0
        self._recogniser = recogniser
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="recogniser")
        self._lanes: list[Lane] = []
        """Whoever has gone longest without being served comes first."""
        self._running: set[asyncio.Future[Words]] = set()
        self._closed = False

    def lane(self) -> "Lane":
        """A stream's way in. Raises EngineUnavailable once the pool is closed."""
        if self._closed:
            raise EngineUnavailable("the speech engine is shutting down")
        lane = Lane(self)
        self._lanes.append(lane)
        return lane

    async def close(self) -> None:
        """Nothing more is recognised; returns once the threads are gone, after what they are at."""
        self._closed = True
        for lane in list(self._lanes):
            lane.close()
        if self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown()

    def start_next(self) -> None:
        while (lane := self._next()) is not None:
            self._lanes.remove(lane)
            self._lanes.append(lane)
            self._run(lane.take())

    def leave(self, lane: "Lane") -> None:
        if lane in self._lanes:
            self._lanes.remove(lane)

    def _next(self) -> "Lane | None":
        free = self._workers - len(self._running)
        # The last free thread is kept from hints, which can take half a second: a final should not wait for one.
        lowest = Rank.HINT if free > 1 or self._workers == 1 else Rank.GUESS
        waiting = [(rank, lane) for lane in self._lanes if (rank := lane.rank) is not None and rank <= lowest]
        if not free or not waiting:
            return None
        return min(waiting, key=lambda each: each[0])[1]

    def _run(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._recogniser.recognise, job.task)
        self._running.add(running)
        running.add_done_callback(partial(self._ran, job.answer))

    def _ran(self, answer: Answer, running: asyncio.Future[Words]) -> None:
        self._running.discard(running)
        error = running.exception()
        if answer.done():
            pass
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(running.result())
        if not self._closed:
            self.start_next()


class Lane:
    """What one stream waits for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._finals: deque[Job] = deque()
        self._guess: Job | None = None
        self._hint: Job | None = None
        self._closed = False

    def final(self, task: Task) -> Answer:
        """Always answered, if only with what a library raised, unless the lane is closed first."""
        job = _job(task)
        self._finals.append(job)
        return self._asked(job)

    def guess(self, task: Task) -> Answer:
        """Answered unless a newer guess comes before it is begun; then it is cancelled."""
        _forget(self._guess)
        self._guess = _job(task)
        return self._asked(self._guess)

    def hint(self, task: Task) -> Answer:
        """Answered unless a newer hint comes before it is begun; then it is cancelled."""
        _forget(self._hint)
        self._hint = _job(task)
        return self._asked(self._hint)

    def promote(self, guess: Answer) -> None:
        """The pause did go on: a guess that still waits is a final now."""
        if self._guess is not None and self._guess.answer is guess:
            self._finals.append(self._guess)
            self._guess = None
            self._pool.start_next()

    def drop_guess(self) -> None:
        """The speaker went on: a guess that still waits is of no use."""
        _forget(self._guess)
        self._guess = None

    @property
    def rank(self) -> Rank | None:
        """Of what waits longest for its turn, or None."""
        if self._finals:
            return Rank.FINAL
        if self._guess is not None:
            return Rank.GUESS
        return None if self._hint is None else Rank.HINT

    def take(self) -> Job:
        if self._finals:
            return self._finals.popleft()
        job = self._guess or self._hint
        assert job is not None
        if job is self._guess:
            self._guess = None
        else:
            self._hint = None
        return job

    def close(self) -> None:
        """Cancel what waits. What is being recognised goes on to its end, and nobody hears of it."""
        self._closed = True
        self._pool.leave(self)
        for job in (*self._finals, self._guess, self._hint):
            _forget(job)
        self._finals.clear()
        self._guess = self._hint = None

    def _asked(self, job: Job) -> Answer:
        assert not self._closed
        self._pool.start_next()
        return job.answer


def _job(task: Task) -> Job:
    return Job(task, asyncio.get_running_loop().create_future())


def _forget(job: Job | None) -> None:
    if job is not None:
        job.answer.cancel()
