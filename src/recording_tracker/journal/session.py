"""The session of this process with the database file: its connection, which no fork shares, and what reads by it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from recording_tracker import forks
from recording_tracker.errors import BusyError, DamagedError, StorageError
from recording_tracker.journal import BUSY_TIMEOUT
from recording_tracker.journal.connection import abandon, connect, solitude
from recording_tracker.journal.failures import translated

NOBODY = 0


class Session:
    """
    A connection to the file *path*, which one thread uses at a time.

    *busy_timeout* is how long it waits for another process before it raises BusyError.
    """

    def __init__(
        self, path: Path, *, readonly: bool = False, create: bool = True, busy_timeout: timedelta = BUSY_TIMEOUT
    ) -> None:
        self.path = path
        # The program may change its folder while the journal is open.
        self._place = path.absolute()
        self.readonly = readonly
        self._busy_timeout = busy_timeout
        self._in_use = threading.RLock()
        self._resting = False
        self._process = NOBODY
        forks.register(self)
        with self._in_use:
            self._open(create=create)

    def _open(self, *, create: bool) -> None:
        forks.check(self.path)
        self._handle = connect(self._place, readonly=self.readonly, create=create, busy_timeout=self._busy_timeout)
        self._process = os.getpid()

    @property
    def _connection(self) -> sqlite3.Connection:
        """The connection of this process, opened again after a fork."""
        if self._process != os.getpid():
            self._leave_to_the_parent()
            self._open(create=False)
        elif self._handle.alone is not None and self._handle.alone != solitude(self._place):
            self._check_alone()
            self._handle.close()
            self._process = NOBODY
            self._open(create=False)
        return self._handle

    def _check_alone(self) -> None:
        """Refuse what was read in a transaction of a file that nobody had open, where somebody has written to it."""
        alone = self._handle.alone
        if alone is not None and self._handle.in_transaction and alone != solitude(self._place):
            raise BusyError(f"{self.path}: somebody has begun to write to it while it was read; try again")

    def close(self) -> None:
        forks.forget(self)
        with self._in_use, translated(self.path):
            if self._is_open():
                self._handle.close()

    def __del__(self) -> None:
        """Close what nobody has closed: the reader of a thread that has ended."""
        if getattr(self, "_process", NOBODY) == os.getpid():
            with suppress(sqlite3.Error):
                self._handle.close()

    # Forks

    def rest(self, *, until: float) -> bool:
        """Close the connection as soon as no other thread uses it; the next use opens another."""
        self._resting = self._in_use.acquire(timeout=max(0, until - time.monotonic()))
        if self._resting and self._is_open() and not self._handle.in_transaction:
            with suppress(sqlite3.Error):
                self._handle.close()
                self._process = NOBODY
        return self._resting and self._process == NOBODY

    def wake(self) -> None:
        if self._resting:
            self._in_use.release()
            self._resting = False

    def begin_process(self) -> None:
        self._in_use = threading.RLock()
        self._resting = False
        self._leave_to_the_parent()

    def _is_open(self) -> bool:
        """Tell whether this process has the connection."""
        return self._process == os.getpid()

    def _leave_to_the_parent(self) -> None:
        if self._process != NOBODY:
            abandon(self._handle)
            self._process = NOBODY

    # Reading

    @contextmanager
    def reading(self) -> Iterator[None]:
        forks.give_way()
        with self._in_use, translated(self.path):
            self._check_outside()
            try:
                self._handle.execute("BEGIN")
                yield
                self._check_alone()
            except (sqlite3.Error, ValueError, DamagedError):
                # Pages that change while they are read look like damage.
                self._check_alone()
                raise
            finally:
                # Before any call of ours: an interrupt, which may come at the beginning of each, would leave it open.
                # In a child that was forked in its midst it is the parent's.
                if self._process != NOBODY:
                    self._handle.rollback()

    def _check_outside(self) -> None:
        """Refuse to begin inside a transaction, whose end would not be this one's."""
        if self._connection.in_transaction:
            raise StorageError(f"{self.path}: a transaction has begun already; it has to end first")

    def _one(self, sql: str, *values: Any) -> Any:
        with self._in_use, translated(self.path):
            return self._connection.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with self._in_use, translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _each(self, sql: str, *values: Any) -> Iterator[Any]:
        """Yield rows one by one, for what is large; inside a transaction, for it keeps other threads out meanwhile."""
        with translated(self.path):
            # Not handed on to the cursor: who leaves off would close it, which fails after its connection.
            for row in self._connection.execute(sql, values):  # noqa: UP028
                yield row
