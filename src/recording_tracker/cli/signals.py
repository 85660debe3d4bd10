"""Signals during long work: the first asks it to stop at the next safe place."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(BaseException):
    """SIGTERM has come."""


def terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Break off, as SIGINT does."""
    raise Terminated


class StopRequest:
    """
    Which signal has asked to stop by its *number*, 0 as long as none has.

    *waiting* says whether the work only waits for input, which a signal may break off at any place.
    """

    def __init__(self) -> None:
        self.number = 0
        self.waiting = False


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM instead of breaking off, unless the work waits; a second one breaks off."""
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        request.number = number
        handler = before[signal.Signals(number)]
        signal.signal(number, handler)
        if request.waiting and callable(handler):
            request.waiting = False
            handler(number, frame)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # What the caller has let be ignored stays so: nohup, or a job in the background of a script.
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number in heard:
            signal.signal(number, before[number])
