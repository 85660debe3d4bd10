"""Readers: one journal in; for each thread that reads, a journal of its own out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from recording_tracker.errors import StorageError
from recording_tracker.journal import Journal


class Readers:
    """The journals that threads read from; where nobody writes to *journal*, it serves the first of them itself."""

    def __init__(self, journal: Journal, *, readonly: bool) -> None:
        self._journal = journal
        self._readonly = readonly
        self._by_thread: dict[threading.Thread, Journal] = {}
        self._is_closed = False

    @property
    def own(self) -> Journal:
        """The journal for reading from this thread; raises StorageError when it has been let go of."""
        if self._is_closed:
            raise StorageError("the tracker is closed")
        thread = threading.current_thread()
        reader = self._by_thread.get(thread)
        if reader is None:
            reader = self._by_thread[thread] = self._new()
        return reader

    def _new(self) -> Journal:
        for thread in list(self._by_thread):
            if not thread.is_alive():
                # It closes when nobody has it any more: a generator may go on in another thread.
                self._by_thread.pop(thread, None)
        is_free = self._readonly and self._journal not in self._by_thread.values()
        return self._journal if is_free else self._journal.reader()

    @contextmanager
    def reading(self) -> Iterator[Journal]:
        """See the journal at one moment."""
        reader = self.own
        with reader.reading():
            yield reader

    def close(self) -> None:
        """Let go of all of them."""
        self._is_closed = True
        # A copy: other threads may begin to read just now.
        for reader in list(self._by_thread.values()):
            reader.close()
        self._by_thread.clear()
