"""
Forks: what a process waits for before it splits, so that a child inherits nothing that a thread had only begun.

A lock that another thread held is never let go of in a child, and SQLite there takes its parent's locks on a
file for its own: what the child commits would be lost as soon as the parent closes.
https://sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol
from weakref import WeakSet

from recording_tracker.errors import StorageError

WAIT_S: Final = 6.0
"""How long a fork waits for other threads: longer than they wait for another process that has the database."""


class Divisible(Protocol):
    """What has to be in a known state when the process splits."""

    def rest(self, *, until: float) -> bool:
        """Come to rest before the moment *until* of the monotonic clock, and stay so; tell whether it does."""

    def wake(self) -> None:
        """Go on, in the parent."""

    def begin_process(self) -> None:
        """Begin without what the parent has, in the child."""


class _State:
    """What the hooks below share."""

    def __init__(self) -> None:
        self.known: WeakSet[Divisible] = WeakSet()
        self.turn = threading.Lock()
        self.loading = threading.RLock()
        self.forking = 0
        """The thread that forks, while it does."""
        self.loads_rest = False
        self.at_rest = False
        self.torn = False


_state = _State()


def register(divisible: Divisible) -> None:
    """Have *divisible* rest at every fork from now on."""
    with _state.turn:
        _state.known.add(divisible)


def forget(divisible: Divisible) -> None:
    """Have it no more."""
    with _state.turn:
        _state.known.discard(divisible)


def give_way() -> None:
    """Let a fork that waits go first: threads that are always busy would keep it waiting for ever."""
    with _state.turn:
        pass


@contextmanager
def loading() -> Iterator[None]:
    """Import inside the block: in a child of a fork in its midst, the module would never be there."""
    check("the modules of the tracker")
    with _state.loading:
        yield


def check(what: object) -> None:
    """Refuse *what* in a child that has inherited it in mid-use; it could wait for ever, or lose what it commits."""
    if _state.torn:
        raise StorageError(
            f"{what}: this process was forked while its parent was at work on it; "
            "fork before threads take callbacks in, or start the process anew"
        )


def _before() -> None:
    # Another fork is over before that; without a turn this one comes from a signal that interrupted who had it.
    if not _state.turn.acquire(timeout=2 * WAIT_S):
        return
    _state.forking = threading.get_ident()
    # An interrupt may end this at any moment, and the process is split all the same.
    _state.loads_rest = _state.at_rest = False
    until = time.monotonic() + WAIT_S
    at_rest = [divisible.rest(until=until) for divisible in list(_state.known)]
    # Last: who uses a database may have to load something for it.
    _state.loads_rest = _state.loading.acquire(timeout=max(0, until - time.monotonic()))
    _state.at_rest = _state.loads_rest and all(at_rest)


def _after_in_parent() -> None:
    if _state.forking != threading.get_ident():
        return
    for divisible in list(_state.known):
        divisible.wake()
    if _state.loads_rest:
        _state.loading.release()
    _state.forking = 0
    _state.turn.release()


def _after_in_child() -> None:
    # A thread keeps its number in the child, where there is no other.
    had_turn = _state.forking == threading.get_ident()
    _state.torn = _state.torn or not (had_turn and _state.at_rest)
    _state.forking = 0
    _state.turn, _state.loading = threading.Lock(), threading.RLock()
    for divisible in list(_state.known):
        divisible.begin_process()


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
