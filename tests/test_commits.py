"""Callbacks that wait for the same commit: each is told what became of it, whoever is interrupted or leaves."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from recording_tracker import InDoubtError, Receipt, StorageError
from recording_tracker.commits import Commits
from recording_tracker.events import Callback
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


def test_who_comes_after_the_end_is_told_so() -> None:
    commits = Commits(receipts)

    async def late() -> None:
        await commits.acommit(parsed(0))
        commits.close()
        await asyncio.wait_for(commits.acommit(parsed(1)), PATIENCE_S)

    with pytest.raises(StorageError, match="the tracker is closed"):
        asyncio.run(late())
