"""The floor: raw sqlite3 that writes rows which are known beforehand, as few statements as can hold them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from recording_tracker import Tracker
from recording_tracker.journal.connection import connect
from recording_tracker.journal.sqlite import KEYS, SELDOM
from recording_tracker.times import from_ms
from tests.benchmarks.load import PROVIDER, Delivery

MEMORY = Path("/dev/shm")


class Rows(NamedTuple):
    """What one callback leaves: the row of its event, and that of its recording as it stands after it."""

    event: tuple[Any, ...]
    recording: tuple[Any, ...]


def rows_of(deliveries: Sequence[Delivery]) -> list[Rows]:
    """Take *deliveries* in one by one, in memory if there is a file system for that, and read what each leaves."""
    found = []
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None))
        tracker = stack.enter_context(Tracker(scratch := Path(folder) / "rows.db"))
        database = stack.enter_context(closing(sqlite3.connect(scratch)))
        for delivery in deliveries:
            tracker.ingest(PROVIDER, delivery.body, received_at=from_ms(delivery.received_ms))
            event = database.execute("SELECT * FROM events ORDER BY rowid DESC LIMIT 1").fetchone()
            recording = database.execute("SELECT * FROM recordings WHERE id = ?", event[:1]).fetchone()
            found.append(Rows(event, recording))
    return found


Statement = tuple[str, tuple[Any, ...], tuple[Any, ...]]
"""How a recording is written, with what, and the row of its event."""


class Floor:
    """A database with the tracker's own tables, pragmas and statements, without anything that knows what is written."""

    def __init__(self, path: Path) -> None:
        with Tracker(path):
            pass
        self._connection = connect(path, readonly=False, create=False)
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(recordings)")]
        marks = ", ".join("?" * len(columns))
        moving = [name for name in columns if name not in ("id", *KEYS, *SELDOM)]
        self._moving = itemgetter(*(columns.index(name) for name in (*moving, "id")))
        self._update = f"UPDATE recordings SET {', '.join(f'{name} = ?' for name in moving)} WHERE id = ?"
        self._insert = f"INSERT INTO recordings VALUES ({marks})"
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in ("id", "provider"))
        self._upsert = f"{self._insert} ON CONFLICT (id) DO UPDATE SET {updates}"
        events = len(self._connection.execute("PRAGMA table_info(events)").fetchall())
        self._event = f"INSERT INTO events VALUES ({', '.join('?' * events)}) ON CONFLICT DO NOTHING"

    def statements(self, rows: Sequence[Rows]) -> list[Statement]:
        """Return the statement of each of *rows*."""
        known: set[int] = set()
        found = []
        for event, recording in rows:
            is_known = recording[0] in known
            known.add(recording[0])
            found.append(
                (self._update, self._moving(recording), event) if is_known else (self._insert, recording, event)
            )
        return found

    def commit_each(self, statements: Iterable[Statement]) -> None:
        """Write them one commit each."""
        execute = self._connection.execute
        for recording_sql, recording, event in statements:
            execute("BEGIN IMMEDIATE")
            execute(recording_sql, recording)
            execute(self._event, event)
            execute("COMMIT")

    def commit_batches(self, rows: Sequence[Rows], *, size: int = 1_000) -> None:
        """Write them *size* an execution and a commit."""
        for begin in range(0, len(rows), size):
            batch = rows[begin : begin + size]
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(self._upsert, (row.recording for row in batch))
            self._connection.executemany(self._event, (row.event for row in batch))
            self._connection.execute("COMMIT")

    def events(self) -> Iterator[Any]:
        """Return the events that are kept."""
        return self._connection.execute("SELECT * FROM events ORDER BY recording, event_id")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
