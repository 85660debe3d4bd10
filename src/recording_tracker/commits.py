"""Commits: callbacks that come at the same time in, each with what became of it out; they share a commit."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from recording_tracker.errors import InDoubtError
from recording_tracker.parsing import Parsed
from recording_tracker.results import Receipt

Outcome = Receipt | BaseException
Flush = Callable[[Sequence[Parsed]], Sequence[Outcome]]
"""Commits callbacks in one transaction and returns what became of each; raises where none was committed."""


class Commits:
    """
    Has callbacks committed by *flush*, all that wait at the same time together.

    Of threads that wait one commits for all, so a single caller pays for no other thread, and many pay
    for one fsync. For event loops a thread of its own commits what has gathered while it was at work.
    """

    def __init__(self, flush: Flush) -> None:
        self._flush = flush
        self._mutex = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._batch: Collection[_Waiting] = ()
        """Those whom the one who leads commits for, until all of them have been told."""
        self._is_led = False
        self._loops: dict[asyncio.AbstractEventLoop, _Gathering] = {}
        self._executor: ThreadPoolExecutor | None = None

    def commit(self, parsed: Parsed) -> Receipt:
        """Have *parsed* committed by this thread, or by another that commits for it."""
        waiting = _Waiting(parsed)
        # From here on an interrupt, which may come after every call, leaves nobody behind who waits for ever.
        try:
            with self._mutex:
                waiting.turn.acquire()
                waiting.leads, self._is_led = not self._is_led, True
                self._queue.append(waiting)
            if not waiting.leads:
                waiting.turn.acquire()
            if waiting.leads:
                self._lead(waiting)
        except BaseException:
            self._leave(waiting)
            raise
        assert waiting.outcome is not None
        return _settled(waiting.outcome)

    def _lead(self, leader: _Waiting) -> None:
        """Commit for all who wait."""
        with self._mutex:
            self._batch, self._queue = self._queue, deque()
        self._tell(_flushed(self._flush, [waiting.parsed for waiting in self._batch]))
        self._pass_on(leader)

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tell all of the batch what became of them, but who has been told before an interrupt."""
        for waiting, outcome in zip(self._batch, outcomes, strict=True):
            if waiting.outcome is None:
                waiting.outcome = outcome
                waiting.turn.release()

    def _pass_on(self, leader: _Waiting) -> None:
        """Let the first that still waits lead next."""
        with self._mutex:
            leader.leads, self._batch = False, ()
            heir = self._queue[0] if self._queue else None
            self._is_led = heir is not None
            if heir is not None:
                heir.leads = True
                heir.turn.release()

    def _leave(self, waiting: _Waiting) -> None:
        """Wait no more, after an interrupt; what was not committed yet is not, and who led lets go of the others."""
        with self._mutex, suppress(ValueError):
            self._queue.remove(waiting)
        if waiting.leads:
            self._tell([_interrupted()] * len(self._batch))
            self._pass_on(waiting)

    async def acommit(self, parsed: Parsed) -> Receipt:
        """Have *parsed* committed without blocking the event loop."""
        loop = asyncio.get_running_loop()
        gathering = self._loops.get(loop) or self._gathering(loop)
        return _settled(await gathering.add(parsed))

    def _gathering(self, loop: asyncio.AbstractEventLoop) -> _Gathering:
        # Other threads have loops of their own, and may begin one just now.
        with self._mutex:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tracker")
            gathering = _Gathering(loop, self._flush, self._executor)
            self._loops = {known: old for known, old in self._loops.items() if not known.is_closed()}
            self._loops[loop] = gathering
        return gathering

    def close(self) -> None:
        """Wait for what is being committed for event loops."""
        if self._executor is not None:
            self._executor.shutdown()


@dataclass(slots=True, eq=False)
class _Waiting:
    """A callback whose thread waits until it is committed, or until it is its turn to commit for all."""

    parsed: Parsed
    turn: threading.Lock = field(default_factory=threading.Lock)
    outcome: Outcome | None = None
    leads: bool = False


class _Gathering:
    """The callbacks of one event loop that wait for the next commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop, flush: Flush, executor: ThreadPoolExecutor) -> None:
        self._loop = loop
        self._flush = flush
        self._executor = executor
        self._waiting: list[tuple[Parsed, asyncio.Future[Outcome]]] = []
        self._is_busy = False

    def add(self, parsed: Parsed) -> asyncio.Future[Outcome]:
        """Have *parsed* committed after all that is ready in this turn of the loop has come too."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiting.append((parsed, future))
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_soon(self._send)
        return future

    def _send(self) -> None:
        batch, self._waiting = self._waiting, []
        futures = [future for _, future in batch]
        try:
            done = self._executor.submit(_flushed, self._flush, [parsed for parsed, _ in batch])
        except RuntimeError as error:
            # Where no thread can be started, the executor does it as soon as it has one.
            told = f"the tracker is closed, or has no thread: {error}; it may be stored or not: send it again"
            self._settle(futures, [InDoubtError(told)] * len(batch))
        else:
            done.add_done_callback(lambda found: self._tell(futures, found))

    def _tell(self, futures: Sequence[asyncio.Future[Outcome]], done: Future[Sequence[Outcome]]) -> None:
        # Nobody waits any more in a loop that is closed.
        with suppress(RuntimeError):
            error = done.exception()
            outcomes = done.result() if error is None else [_interrupted()] * len(futures)
            self._loop.call_soon_threadsafe(self._settle, futures, outcomes)

    def _settle(self, futures: Sequence[asyncio.Future[Outcome]], outcomes: Sequence[Outcome]) -> None:
        for future, outcome in zip(futures, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)
        self._is_busy = bool(self._waiting)
        if self._is_busy:
            self._send()


def _flushed(flush: Flush, batch: Sequence[Parsed]) -> Sequence[Outcome]:
    try:
        return flush(batch)
    except BaseException as error:
        # What interrupts one thread is raised in no other.
        if not isinstance(error, Exception):
            raise
        return [error] * len(batch)


def _interrupted() -> InDoubtError:
    return InDoubtError("the commit was interrupted, so it may be stored or not: send it again")


def _settled(outcome: Outcome) -> Receipt:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
