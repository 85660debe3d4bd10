"""Callbacks that wait for the same commit: each is told what became of it, whoever is interrupted or leaves."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import pytest

from recording_tracker import InDoubtError, Receipt, StorageError, Tracker
from recording_tracker import commits as where
from recording_tracker.body import MAX_PLAIN_BYTES
from recording_tracker.commits import Commits
from recording_tracker.events import Callback
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.parsing import Parsed

PATIENCE_S = 30


class Interrupted(BaseException):
    """What a signal handler raises, as Python's own does for SIGINT."""


def parsed(number: int) -> Parsed:
    return Parsed(Callback("agora", b"{}", number), "accepted")


def receipts(batch: Sequence[Parsed]) -> list[Receipt]:
    return [Receipt("accepted", detail=str(found.callback.received_ms)) for found in batch]


@pytest.fixture
def interrupts() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, before)


class Gate:
    """A flush that stops in its first batch until it is let go on, or does what it is told there."""

    def __init__(self, first: Callable[[], None] | None = None) -> None:
        self.first = first or self._wait
        self.began, self.open = threading.Event(), threading.Event()
        self.batches: list[int] = []

    def _wait(self) -> None:
        assert self.open.wait(PATIENCE_S)

    def __call__(self, batch: Sequence[Parsed]) -> list[Receipt]:
        self.batches.append(len(batch))
        if len(self.batches) == 1:
            self.began.set()
            self.first()
        return receipts(batch)


def until(commits: Commits, count: int) -> None:
    """Wait until so many wait behind the one who leads; nothing public tells."""
    while len(commits._queue) < count:
        assert not threading.Event().wait(0.001)


def interrupt_the_second(commits: Commits) -> None:
    until(commits, 1)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def test_those_who_come_while_one_commits_share_the_next_commit() -> None:
    gate = Gate()
    commits = Commits(gate)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(commits.commit, parsed(0))
        assert gate.began.wait(PATIENCE_S)
        others = [pool.submit(commits.commit, parsed(number)) for number in range(1, 9)]
        until(commits, 8)
        gate.open.set()
        told = [found.result(PATIENCE_S).detail for found in (first, *others)]

    assert [1, 8] == gate.batches
    assert [str(number) for number in range(9)] == told


@pytest.mark.usefixtures("interrupts")
def test_one_who_is_interrupted_while_he_waits_takes_nobody_with_him() -> None:
    gate = Gate()
    commits = Commits(gate)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(commits.commit, parsed(0))
        assert gate.began.wait(PATIENCE_S)
        pool.submit(interrupt_the_second, commits)
        with pytest.raises(Interrupted):
            commits.commit(parsed(1))
        gate.open.set()
        later = [pool.submit(commits.commit, parsed(number)).result(PATIENCE_S).detail for number in (2, 3)]

    assert first.result().detail == "0"
    assert ["2", "3"] == later


def test_an_interrupt_of_the_one_who_commits_is_his_alone_and_the_others_are_in_doubt() -> None:
    class Twice(Gate):
        def __call__(self, batch: Sequence[Parsed]) -> list[Receipt]:
            if len(self.batches) == 1:
                self.batches.append(len(batch))
                raise Interrupted
            return super().__call__(batch)

    commits = Commits(gate := Twice())
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(commits.commit, parsed(0))
        assert gate.began.wait(PATIENCE_S)
        others = [pool.submit(commits.commit, parsed(number)) for number in (1, 2)]
        until(commits, 2)
        gate.open.set()
        errors = [type(found.exception(PATIENCE_S)) for found in others]
        again = pool.submit(commits.commit, parsed(3)).result(PATIENCE_S)

    assert first.result().detail == "0"
    assert sorted(errors, key=str) == sorted([Interrupted, InDoubtError], key=str)
    assert again.detail == "3"


@contextmanager
def interrupted_at(number: int) -> Iterator[list[int]]:
    """
    Have an interrupt come at the call of that *number* that this thread makes in ``commits``; yield how many it made.

    Python looks for signals when a function of its own begins and when one of C has returned.
    """
    made = [0]

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_filename == where.__file__ and event in ("call", "c_return"):
            made[0] += 1
            if made[0] == number:
                raise Interrupted

    sys.setprofile(profile)
    try:
        yield made
    finally:
        sys.setprofile(None)


def commit_and_be_interrupted(commits: Commits, number: int) -> bool:
    """Tell whether the interrupt came before the commit was over."""
    try:
        with interrupted_at(number) as made:
            commits.commit(parsed(0))
    except Interrupted:
        return True
    return made[0] >= number


def started(call: Callable[[], Any]) -> Future[Any]:
    """Do *call* in a thread for which the end of the tests does not wait."""
    done: Future[Any] = Future()

    def do() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001  whoever asks for the result has it
            done.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return done


def two_more(commits: Commits, gate: Gate, is_over: threading.Event) -> list[BaseException | None]:
    """Have two more wait behind the one who waits already, or has gone, and return what each of them met."""
    while not commits._queue and not is_over.wait(0.001):
        pass
    wanted = len(commits._queue) + 2
    found = [started(partial(commits.commit, parsed(number))) for number in (2, 3)]
    while len(commits._queue) < wanted and not is_over.wait(0.001):
        pass
    gate.open.set()
    return [each.exception(PATIENCE_S) for each in found]


def test_an_interrupt_at_any_moment_keeps_nobody_waiting_for_ever() -> None:
    for number in count(1):
        commits, is_over = Commits(gate := Gate()), threading.Event()
        first = started(partial(commits.commit, parsed(1)))
        assert gate.began.wait(PATIENCE_S)
        others = started(partial(two_more, commits, gate, is_over))
        came = commit_and_be_interrupted(commits, number)
        is_over.set()

        told = [first.exception(PATIENCE_S), *others.result(PATIENCE_S)]
        assert all(error is None or isinstance(error, InDoubtError) for error in told), (number, told)
        assert started(partial(commits.commit, parsed(4))).result(PATIENCE_S).detail == "4"
        if not came:
            break

    assert [1, 3, 1] == gate.batches


def test_an_error_is_raised_by_each_who_waited_for_that_commit() -> None:
    def full(batch: Sequence[Parsed]) -> list[Receipt]:
        raise StorageError("the disk is full")

    with pytest.raises(StorageError, match="the disk is full"):
        Commits(full).commit(parsed(0))


def test_callers_of_an_event_loop_share_commits_in_their_order() -> None:
    gate = Gate(first=lambda: None)
    commits = Commits(gate)

    async def all_of_them() -> list[Receipt]:
        return await asyncio.gather(*(commits.acommit(parsed(number)) for number in range(64)))

    told = [receipt.detail for receipt in asyncio.run(all_of_them())]

    assert [str(number) for number in range(64)] == told
    assert [64] == gate.batches


def test_one_who_is_cancelled_keeps_nobody_else_waiting() -> None:
    gate = Gate()
    commits = Commits(gate)

    async def cancelled() -> tuple[bool, str]:
        waiting = [asyncio.create_task(commits.acommit(parsed(number))) for number in range(2)]
        await asyncio.to_thread(gate.began.wait, PATIENCE_S)
        waiting[0].cancel()
        gate.open.set()
        left: list[Any] = await asyncio.gather(*waiting, return_exceptions=True)
        return isinstance(left[0], asyncio.CancelledError), left[1].detail

    assert asyncio.run(cancelled()) == (True, "1")


class Yielding(asyncio.SelectorEventLoop):
    """Lets other threads go first whenever it is looked up, or asked whether it is closed."""

    def __hash__(self) -> int:
        time.sleep(0)
        return super().__hash__()

    def is_closed(self) -> bool:
        time.sleep(0)
        return super().is_closed()


def test_many_threads_with_loops_of_their_own_begin_at_once() -> None:
    commits = Commits(receipts)

    def commit(number: int) -> str:
        with closing(Yielding()) as loop:
            return loop.run_until_complete(commits.acommit(parsed(number))).detail

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(commit, range(400)))

    assert [str(number) for number in range(400)] == told


def test_who_comes_after_the_end_is_told_so() -> None:
    commits = Commits(receipts)

    async def late() -> None:
        await commits.acommit(parsed(0))
        commits.close()
        await asyncio.wait_for(commits.acommit(parsed(1)), PATIENCE_S)

    with pytest.raises(StorageError, match="the tracker is closed"):
        asyncio.run(late())


@pytest.mark.parametrize("size", [0, MAX_PLAIN_BYTES])
def test_who_comes_while_no_thread_can_be_started_is_told_so_and_the_next_is_taken_in(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def twice() -> str:
        with Tracker(MemoryJournal()) as tracker:
            monkeypatch.setattr(threading.Thread, "start", start)
            with pytest.raises(StorageError, match="can't start new thread"):
                await tracker.aingest("agora", "{" + " " * size + "}")
            monkeypatch.undo()
            return (await tracker.aingest("agora", "{" + " " * size + "}")).result

    assert "quarantined" == asyncio.run(twice())
