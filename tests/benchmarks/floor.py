"""The floor: raw sqlite3 that writes rows which are known beforehand, as few statements as can hold them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from recording_tracker import Tracker
from recording_tracker.journal.connection import connect
from recording_tracker.times import from_ms
from tests.benchmarks.load import PROVIDER, Delivery


class Rows(NamedTuple):
    """What one callback leaves: the row of its event, and that of its recording as it stands after it."""

    event: tuple[Any, ...]
    recording: tuple[Any, ...]


def rows_of(deliveries: Sequence[Delivery], scratch: Path) -> list[Rows]:
    """Take *deliveries* in one by one, and read what each leaves."""
    found = []
    with Tracker(scratch) as tracker, closing(sqlite3.connect(scratch)) as database:
        for delivery in deliveries:
            tracker.ingest(PROVIDER, delivery.body, received_at=from_ms(delivery.received_ms))
            event = database.execute("SELECT * FROM events ORDER BY rowid DESC LIMIT 1").fetchone()
            recording = database.execute("SELECT * FROM recordings WHERE id = ?", event[:1]).fetchone()
            found.append(Rows(event, recording))
    return found


class Floor:
    """A database with the tracker's own tables and pragmas, without anything that knows what is written."""

    def __init__(self, path: Path) -> None:
        with Tracker(path):
            pass
        self._connection = connect(path, readonly=False, create=False)
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(recordings)")]
        marks = ", ".join("?" * len(columns))
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns[3:])
        self._recording = (
            f"INSERT INTO recordings VALUES ({marks}) ON CONFLICT (provider, recording_id) DO UPDATE SET {updates}"
        )
        events = len(self._connection.execute("PRAGMA table_info(events)").fetchall())
        self._event = f"INSERT INTO events VALUES ({', '.join('?' * events)}) ON CONFLICT DO NOTHING"

    def commit_each(self, rows: Sequence[Rows]) -> None:
        """Write them one commit each."""
        execute = self._connection.execute
        for event, recording in rows:
            execute("BEGIN IMMEDIATE")
            execute(self._recording, recording)
            execute(self._event, event)
            execute("COMMIT")

    def commit_batches(self, rows: Sequence[Rows], *, size: int = 1_000) -> None:
        """Write them *size* an execution and a commit."""
        for begin in range(0, len(rows), size):
            batch = rows[begin : begin + size]
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(self._recording, (row.recording for row in batch))
            self._connection.executemany(self._event, (row.event for row in batch))
            self._connection.execute("COMMIT")

    def events(self) -> Iterator[Any]:
        """Return the events that are kept."""
        return self._connection.execute("SELECT * FROM events ORDER BY recording, event_id")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
