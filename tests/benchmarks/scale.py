"""Ten million recordings: the stuck are found by an index or a scan, warm and cold; status beside a small database."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from recording_tracker import Tracker
from recording_tracker.journal.connection import connect
from recording_tracker.times import to_ms
from tests.benchmarks.figure import Figure, ratio, seconds

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY_MS = 86_400_000
OPEN_SHARE = 100
"""One in so many recordings is open."""

_MANY = """
INSERT INTO recordings (id, provider, recording_id, group_id, aliases, opened, announced, phase, complete, outcome,
    state, started_ms, ended_ms, completed_ms, stall_ms, stall_region, due_ms, due_region, progress, last_name,
    last_occurred_ms, last_received_ms, events, duplicates, awaits, machine, file_count, flag_count, deadline_ms,
    course)
WITH RECURSIVE many (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM many WHERE i < :recordings),
    told AS (SELECT i, :now_ms - (:recordings - i) * 500 AS at_ms, i % :open_share = 0 AS is_open,
        CASE WHEN i % :open_share = 0 THEN CASE WHEN i % :stuck_share = 0 THEN :now_ms - i % 86400000 - 1
        ELSE :now_ms + i END END AS due_ms FROM many)
SELECT i, 'agora', printf('%032x', i * 2654435761), 'room-' || (i / 3), '[]', 1, 0,
    CASE WHEN is_open THEN 'recording' ELSE 'finished' END, NOT is_open,
    CASE WHEN is_open THEN NULL ELSE 'available' END, CASE WHEN is_open THEN :open_state ELSE :done_state END,
    at_ms, at_ms + 1800000, CASE WHEN is_open THEN NULL ELSE at_ms + 1900000 END, NULL, NULL, due_ms, NULL, 1.0,
    'session_exit.normal', at_ms + 1900000, at_ms + 1900350, 15, 0,
    CASE WHEN is_open THEN '["session_exit.normal"]' ELSE '[]' END, :machine, 0, 0, due_ms, '' FROM told
"""
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'recordings' AND sql IS NOT NULL"
# What finds them without the index of deadlines; a look at each row.
_SCAN = "SELECT id FROM recordings NOT INDEXED WHERE deadline_ms < ? ORDER BY deadline_ms, id"


def make(path: Path, *, recordings: int, stuck: int) -> None:
    """Write a database of that many recordings, a hundredth of them open and some stuck."""
    with Tracker(path) as tracker:
        machine = tracker.machines["agora"]
        done = {region.name: region.states[-1] for region in machine.regions}
    states = {"open_state": _json(machine.state_names(machine.initial)), "done_state": _json(done)}
    facts = {
        "now_ms": to_ms(NOW),
        "open_share": OPEN_SHARE,
        "stuck_share": recordings // stuck,
        "machine": machine.digest,
    }
    with closing(connect(path, readonly=False, create=False)) as database:
        indexes = database.execute(_INDEXES).fetchall()
        database.execute("PRAGMA synchronous = OFF")
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        database.execute(_MANY, {"recordings": recordings, **states, **facts})
        for _, sql in indexes:
            database.execute(sql)
        is_open = "SELECT provider, phase, coalesce(outcome, ''), machine, count(*) FROM recordings GROUP BY 1, 2, 3, 4"
        database.execute(f"INSERT INTO totals {is_open}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _json(state: dict[str, str]) -> str:
    return json.dumps(state, separators=(",", ":"))


def measure(folder: Path, *, recordings: int, stuck: int, rounds: int) -> list[Figure]:
    """Ask the large database, and a small one, in turn."""
    large, small = folder / "large.db", folder / "small.db"
    make(large, recordings=recordings, stuck=stuck)
    make(small, recordings=10_000, stuck=10)
    now_ms = to_ms(NOW)
    assert _by_index(large, now_ms) == _by_scan(large, now_ms), "the index finds others than the scan"
    found = len(_by_index(large, now_ms))
    what = f"times faster than a scan, to find {found:,} stuck of {recordings:,}"
    warm = [
        (seconds(lambda: _by_scan(large, now_ms)), seconds(lambda: _by_index(large, now_ms))) for _ in range(rounds)
    ]
    cold = [
        (_cold(large, lambda: _by_scan(large, now_ms)), _cold(large, lambda: _by_index(large, now_ms)))
        for _ in range(3)
    ]
    return [
        ratio("stuck", f"{what}, warm", 50, warm),
        ratio("stuck-cold", f"{what}, with a cold cache", 50, cold),
        _status(large, small, rounds=rounds, recordings=recordings),
        _audit(large, stuck=found),
    ]


def _by_index(path: Path, now_ms: int) -> list[int]:
    with closing(connect(path, readonly=True, create=False)) as database:
        sql = "SELECT id FROM recordings WHERE deadline_ms < ? ORDER BY deadline_ms, id"
        return [row[0] for row in database.execute(sql, (now_ms,))]


def _by_scan(path: Path, now_ms: int) -> list[int]:
    with closing(connect(path, readonly=True, create=False)) as database:
        return [row[0] for row in database.execute(_SCAN, (now_ms,))]


def _cold(path: Path, call: Callable[[], object]) -> float:
    """Time *call* after the system has let go of what it holds of the file."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return seconds(call)


def _status(large: Path, small: Path, *, rounds: int, recordings: int) -> Figure:
    with Tracker(large, readonly=True) as many, Tracker(small, readonly=True) as few:
        pairs = [(_look_up(many, large), _look_up(few, small)) for _ in range(rounds * 3)]
    what = f"times its cost at 10,000, status at {recordings:,} recordings"
    return ratio("look-up", what, 2, pairs, at_least=False)


def _look_up(tracker: Tracker, path: Path) -> float:
    with closing(sqlite3.connect(path)) as database:
        last = database.execute("SELECT max(id) FROM recordings").fetchone()[0]
        places = [last * share // 1_000 + 1 for share in range(0, 1_000, 5)]
        sql = "SELECT recording_id FROM recordings WHERE id = ?"
        names = [database.execute(sql, (place,)).fetchone()[0] for place in places]
    for name in names:
        tracker.status(name, now=NOW)
    return seconds(lambda: [tracker.status(name, now=NOW) for name in names])


def _audit(path: Path, *, stuck: int) -> Figure:
    """Return the µs that a whole audit takes for each stuck recording; what it costs follows them, not all."""
    with Tracker(path, readonly=True) as tracker:
        took = seconds(lambda: tracker.audit(NOW))
        assert len(tracker.audit(NOW).stuck) == stuck
    return Figure("audit", f"µs a stuck recording, a whole audit of {stuck:,}", 200, took / stuck * 1e6, at_least=False)
