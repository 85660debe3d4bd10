"""Large bodies: what reads one in, what it has read out, while the event loop that asked goes on."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from recording_tracker.errors import StorageError
from recording_tracker.parsing import Parsed

Reading = Callable[[], Parsed]


class LargeBodies:
    """
    Reads the large bodies of event loops one after another, in a thread of its own.

    In the thread that commits, or in the loop's executor, what strangers send would keep others waiting. One
    at a time, many of them take no more memory than one, and leave the loop its turns.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tracker-large")
        self._is_closed = False

    async def read(self, reading: Reading) -> Parsed:
        """Have *reading* done; raises StorageError where it is not, because the tracker is closed."""
        try:
            done = asyncio.get_running_loop().run_in_executor(self._executor, partial(self._read, reading))
        except RuntimeError as error:
            raise StorageError("the tracker is closed") from error
        return await done

    def _read(self, reading: Reading) -> Parsed:
        if self._is_closed:
            raise StorageError("the tracker is closed")
        with _garbage.left_alone():
            return reading()

    def close(self) -> None:
        """Wait for what is being read; what waits for its turn is not read any more."""
        self._is_closed = True
        self._executor.shutdown()


class _Garbage:
    """
    What is collected now and then, but not while a large body is read.

    Of one that is all brackets the collections would take nine tenths of the time, and no other thread goes
    on during one; they would find nothing, for a body has no cycles and is let go of when it has been read.
    """

    def __init__(self) -> None:
        self._is_left_alone = False

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Collect nothing inside the block."""
        if not gc.isenabled():
            yield
            return
        self._is_left_alone = True
        gc.disable()
        try:
            yield
        finally:
            self.resume()

    def resume(self) -> None:
        """Collect it again; in the child of a fork, where the thread that would have done so is not, too."""
        if self._is_left_alone:
            gc.enable()
            self._is_left_alone = False


_garbage = _Garbage()
os.register_at_fork(after_in_child=_garbage.resume)
