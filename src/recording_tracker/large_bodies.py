"""Large bodies: what reads one in, what it has read out, while the event loop that asked goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        """Have *reading* done; raises StorageError where it is not."""
        try:
            done = asyncio.get_running_loop().run_in_executor(self._executor, partial(self._read, reading))
        except RuntimeError as error:
            raise StorageError(f"the tracker is closed, or has no thread: {error}") from error
        return await done

    def _read(self, reading: Reading) -> Parsed:
        if self._is_closed:
            raise StorageError("the tracker is closed")
        return reading()

    def close(self) -> None:
        """Wait for what is being read; what waits for its turn is not read any more."""
        self._is_closed = True
        self._executor.shutdown()
