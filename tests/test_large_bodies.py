"""Large bodies that event loops take in: read in a thread of their own, while the loop and all others go on."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from recording_tracker import Receipt, StorageError, Tracker, UnknownProviderError
from recording_tracker.body import MAX_PLAIN_BYTES
from recording_tracker.events import Callback
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.large_bodies import LargeBodies
from recording_tracker.parsing import Parsed
from recording_tracker.times import from_ms
from tests.lives import START_MS, stamped

PATIENCE_S = 10
LARGE = MAX_PLAIN_BYTES + 1


class Query(dict[str, str]):
    """The parameters of a callback's url, which tell when the callback is read."""

    def __init__(self, read: Callable[[], object]) -> None:
        super().__init__(channel="room")
        self._read = read

    def get(self, key: str, default: Any = None) -> Any:
        self._read()
        return super().get(key, default)


class Gate:
    """Lets nothing be read until it is opened."""

    def __init__(self) -> None:
        self.began, self.opened = threading.Event(), threading.Event()
        self.query = Query(self._wait)

    def _wait(self) -> None:
        self.began.set()
        assert self.opened.wait(PATIENCE_S)


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker(MemoryJournal()) as tracker:
        yield tracker


def sized(size: int, label: str = "a") -> bytes:
    """A good body of so many bytes."""
    body = json.dumps(stamped("aircore", "recording-started", label=label) | {"more": ""}).encode()
    return body[:-2] + b"x" * (size - len(body)) + body[-2:]


def taking(tracker: Tracker, size: int, query: Query | None = None, label: str = "a") -> Coroutine[Any, Any, Receipt]:
    return tracker.aingest("aircore", sized(size, label), query=query, received_at=from_ms(START_MS))


def came(tracker: Tracker) -> int:
    return len(list(tracker.recordings(now=from_ms(START_MS))))


@pytest.mark.parametrize(("size", "elsewhere"), [(MAX_PLAIN_BYTES, False), (LARGE, True)])
def test_only_a_large_body_leaves_the_thread_of_its_loop(tracker: Tracker, size: int, elsewhere: bool) -> None:
    readers: set[int] = set()

    receipt = asyncio.run(taking(tracker, size, Query(lambda: readers.add(threading.get_ident()))))

    assert receipt.result == "accepted"
    assert (readers != {threading.get_ident()}, len(readers)) == (elsewhere, 1)


def test_the_loop_and_what_is_small_go_on_while_a_large_body_is_read(tracker: Tracker) -> None:
    gate = Gate()

    async def both() -> list[str]:
        large = asyncio.create_task(taking(tracker, LARGE, gate.query))
        await asyncio.sleep(0)
        small = await taking(tracker, 1_000, label="b")
        gate.opened.set()
        return [small.result, (await large).result]

    assert asyncio.run(both()) == ["accepted", "accepted"]
    assert came(tracker) == 2


def test_a_large_body_waits_for_nothing_that_the_application_has_in_threads(tracker: Tracker) -> None:
    read = threading.Event()

    async def beside() -> bool:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        work = loop.run_in_executor(None, read.wait, PATIENCE_S)
        await taking(tracker, LARGE)
        read.set()
        return await work

    assert asyncio.run(beside())


def test_of_a_large_body_whose_sender_has_left_nothing_is_taken_in(tracker: Tracker) -> None:
    gate = Gate()

    async def left() -> str:
        large = asyncio.create_task(taking(tracker, LARGE, gate.query))
        await asyncio.to_thread(gate.began.wait, PATIENCE_S)
        large.cancel()
        gate.opened.set()
        await asyncio.gather(large, return_exceptions=True)
        return (await taking(tracker, LARGE, label="b")).result

    assert asyncio.run(left()) == "accepted"
    assert came(tracker) == 1


def test_what_is_wrong_with_a_large_body_or_its_address_is_told_as_ever(tracker: Tracker) -> None:
    rejected = asyncio.run(tracker.aingest("aircore", b"[" * LARGE))

    assert (rejected.result, rejected.detail) == ("rejected", "the body is nested more than 64 deep")
    with pytest.raises(UnknownProviderError):
        asyncio.run(tracker.aingest("zoom", sized(LARGE)))


# The end


def test_after_the_end_no_large_body_is_read(tracker: Tracker) -> None:
    tracker.close()

    with pytest.raises(StorageError, match="the tracker is closed"):
        asyncio.run(taking(tracker, LARGE))


def test_the_end_waits_for_what_is_being_read_and_not_for_what_waits() -> None:
    bodies = LargeBodies()
    read: list[str] = []

    def reading(name: str) -> Parsed:
        ending = threading.Thread(target=bodies.close)
        ending.start()
        # Nothing public tells that it waits.
        while not bodies._is_closed:
            assert not threading.Event().wait(0.001)
        read.append(name)
        return Parsed(Callback("aircore", b"", START_MS), "ignored")

    async def both() -> list[Any]:
        waiting = [bodies.read(partial(reading, name)) for name in ("first", "second")]
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, second = asyncio.run(both())

    assert (read, first.result, str(second)) == (["first"], "ignored", "the tracker is closed")


# Collections


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("by_loop", [True, False])
def test_no_garbage_is_collected_while_a_large_body_is_read(tracker: Tracker, enabled: bool, by_loop: bool) -> None:
    during: list[bool] = []

    def take(body: bytes, query: Query | None = None) -> None:
        if by_loop:
            asyncio.run(tracker.aingest("aircore", body, query=query))
        else:
            tracker.ingest("aircore", body, query=query)

    (gc.enable if enabled else gc.disable)()
    try:
        take(sized(LARGE), Query(lambda: during.append(gc.isenabled())))
        take(b"[" * LARGE)
        after = gc.isenabled()
    finally:
        gc.enable()

    assert (set(during), after) == ({False}, enabled)


# Python 3.12 warns of any fork beside threads. https://docs.python.org/3/library/os.html#os.fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_collects_garbage_and_reads_large_bodies(tracker: Tracker) -> None:
    gate = Gate()

    async def split() -> int:
        large = asyncio.create_task(taking(tracker, LARGE, gate.query))
        await asyncio.to_thread(gate.began.wait, PATIENCE_S)
        child = os.fork()
        if child == 0:
            _end_child(tracker)
        gate.opened.set()
        await large
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert asyncio.run(split()) == 0


def _end_child(tracker: Tracker) -> None:
    """Say by the exit status whether all is well, in a thread for another loop: this one has the parent's."""
    good: list[bool] = []

    def check() -> None:
        good.append(gc.isenabled() and asyncio.run(taking(tracker, LARGE, label="b")).result == "accepted")

    try:
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
    finally:
        os._exit(good != [True])
