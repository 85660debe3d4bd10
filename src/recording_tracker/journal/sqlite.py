"""The journal in one SQLite file; all SQL of the tracker is here and in the schema."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from itertools import takewhile
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

from recording_tracker import forks
from recording_tracker.errors import DamagedError, StorageError, UsageError
from recording_tracker.events import File
from recording_tracker.flags import ERROR, INFO, WARNING, Flag
from recording_tracker.journal import (
    BUSY_TIMEOUT,
    Count,
    Entry,
    EventRow,
    Expectation,
    Filter,
    OpenTotal,
    Quarantined,
    Total,
    Variant,
)
from recording_tracker.journal.connection import abandon, connect, is_alone, uri
from recording_tracker.journal.failures import RESTORE, damaged, in_doubt, refusal, translated
from recording_tracker.journal.rows import (
    COUNTS,
    EVENTS,
    EXPECTATIONS,
    FILES,
    FLAGS,
    OPEN_TOTALS,
    STANDINGS,
    TOTALS,
    FlagRow,
    Shape,
)
from recording_tracker.standing import Standing

# The columns that are fields of a Standing, in its order.
_FIELDS = Standing._fields[: Standing._fields.index("files")]
_COLUMNS = (*_FIELDS, "file_count", "flag_count", "deadline_ms", "course")
_INSERT = f"INSERT INTO recordings ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
# What few events change, and what none does: left out of an update, its indexes need not be looked at, nor their pages
# written, which saves a third of it.
SELDOM = ("aliases", "opened", "announced", "complete", "outcome", "machine", "file_count", "flag_count")
KEYS = ("provider", "recording_id", "group_id")
_SELECT = f"SELECT id, {', '.join(_COLUMNS)} FROM recordings"
_EVENT_COLUMNS = ", ".join(EventRow._fields)
_ADD_EVENT = f"INSERT INTO events (recording, {_EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_IS_RECORDING = "(opened = 1 OR announced = 1)"
_EVER_MS = -(2**63)
_ALIASES, _STATE, _AWAITS = (_FIELDS.index(name) for name in ("aliases", "state", "awaits"))
_REGIONS = tuple(_FIELDS.index(name) for name in ("stall_region", "due_region"))
_BOOLEANS = tuple(_FIELDS.index(name) for name in ("opened", "announced", "complete"))
_seldom = attrgetter(*({"file_count": "files", "flag_count": "flags"}.get(column, column) for column in SELDOM))


class _Update:
    """The statement that writes all columns but *without*, and how it is given a row."""

    def __init__(self, without: Collection[str]) -> None:
        columns = [column for column in _COLUMNS if column not in without]
        self.sql = f"UPDATE recordings SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"
        self.values = itemgetter(*(_COLUMNS.index(column) for column in columns))


_MOVE, _CHANGE, _REGROUP = _Update((*SELDOM, *KEYS)), _Update(KEYS), _Update(KEYS[:2])
_NOBODY = 0
_UNKNOWN = -1
_ADD_TO_TALLY = (
    "INSERT INTO tallies VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number, "
    "last_received_ms = max(last_received_ms, excluded.last_received_ms)"
)
_ADD_TO_TOTAL = (
    "INSERT INTO totals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET recordings = recordings + excluded.recordings"
)
# What is kept a second time for the sake of an index or of a quick answer.
_ASIDE_OF_RECORDINGS = """
SELECT id, 'deadline_ms' FROM recordings WHERE deadline_ms IS NOT coalesce(min(stall_ms, due_ms), stall_ms, due_ms)
UNION ALL SELECT id, 'file_count' FROM recordings AS r
    WHERE file_count <> (SELECT count(*) FROM files WHERE recording = r.id)
UNION ALL SELECT id, 'flag_count' FROM recordings AS r
    WHERE flag_count <> (SELECT count(*) FROM flags WHERE recording = r.id AND cleared_ms IS NULL)
UNION ALL SELECT id, 'aliases' FROM recordings AS r
    WHERE json_array_length(aliases) <> (
        SELECT count(*) FROM aliases AS a WHERE a.recording = r.id AND a.provider = r.provider
        AND a.alias IN (SELECT value FROM json_each(r.aliases)))
"""
PAGE = 500
"""Rows that a listing reads at a time, so that no reader holds up the checkpoint of a writer for long."""


class SqliteJournal:
    """
    A Journal in the file *path*; one connection, which one thread uses at a time.

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
        self._others = True
        self._process = _NOBODY
        forks.register(self)
        with self._in_use:
            self._open(create=create)

    def _open(self, *, create: bool) -> None:
        forks.check(self.path)
        self._handle = connect(self._place, readonly=self.readonly, create=create, busy_timeout=self._busy_timeout)
        self._process = os.getpid()
        self._file = _identity(self._place)
        self._version = _UNKNOWN
        self._id = ""
        self._tallies: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._totals: Counter[tuple[str, str, str, str]] = Counter()

    @property
    def _connection(self) -> sqlite3.Connection:
        """The connection of this process, opened again after a fork."""
        if self._process != os.getpid():
            self._leave_to_the_parent()
            self._open(create=False)
        elif self._handle.alone and not is_alone(self._place):
            self._handle.close()
            self._open(create=False)
        return self._handle

    def close(self) -> None:
        forks.forget(self)
        with self._in_use, translated(self.path):
            if self._is_open():
                self._handle.close()

    def __del__(self) -> None:
        """Close what nobody has closed: the reader of a thread that has ended."""
        if getattr(self, "_process", _NOBODY) == os.getpid():
            with suppress(sqlite3.Error):
                self._handle.close()

    def reader(self) -> SqliteJournal:
        return SqliteJournal(self._place, readonly=True, create=False, busy_timeout=self._busy_timeout)

    # Forks

    def rest(self, *, until: float) -> bool:
        """Close the connection as soon as no other thread uses it; the next use opens another."""
        self._resting = self._in_use.acquire(timeout=max(0, until - time.monotonic()))
        if self._resting and self._is_open() and not self._handle.in_transaction:
            with suppress(sqlite3.Error):
                self._handle.close()
                self._process = _NOBODY
        return self._resting and self._process == _NOBODY

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
        if self._process != _NOBODY:
            abandon(self._handle)
            self._process = _NOBODY

    # Transactions

    @contextmanager
    def writing(self) -> Iterator[None]:
        forks.give_way()
        with self._in_use, translated(self.path):
            self._check_outside()
            try:
                # A transaction that reads before it writes fails at once when another has written since.
                self._handle.execute("BEGIN IMMEDIATE")
                self._check_file()
                [(version,)] = self._handle.execute("PRAGMA data_version").fetchall()
                self._others, self._version = self._others or version != self._version, version
                yield
                self._write_totals()
                self._count_commit()
                self._write_tallies()
                self._commit()
            except BaseException:
                self._totals.clear()
                self._tallies.clear()
                self._undo()
                raise

    def _commit(self) -> None:
        try:
            self._handle.execute("COMMIT")
        except sqlite3.Error as error:
            raise in_doubt(self.path, error) from error

    def _check_outside(self) -> None:
        """Refuse to begin inside a transaction, whose end would not be this one's."""
        if self._connection.in_transaction:
            raise StorageError(f"{self.path}: a transaction has begun already; it has to end first")

    def _check_file(self) -> None:
        """Refuse to write to a file that nobody can find any more."""
        if _identity(self._place) != self._file:
            raise StorageError(
                f"{self.path}: was removed or replaced while it was open; stop all who use it, then restart"
            )

    @contextmanager
    def reading(self) -> Iterator[None]:
        forks.give_way()
        with self._in_use, translated(self.path):
            self._check_outside()
            try:
                self._handle.execute("BEGIN")
                yield
            finally:
                self._undo()

    def _undo(self) -> None:
        """End the transaction, unless it is the parent's and this is a child that was forked in its midst."""
        if self._is_open() and self._handle.in_transaction:
            self._handle.execute("ROLLBACK")

    def changed_elsewhere(self) -> bool:
        found, self._others = self._others, False
        return found

    def _one(self, sql: str, *values: Any) -> Any:
        with self._in_use, translated(self.path):
            return self._connection.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with self._in_use, translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Write, inside the transaction that ``writing`` has begun on the connection of this process."""
        return self._handle.execute(sql, values)

    def _run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._handle.executemany(sql, rows)

    # Recordings

    def insert(self, standing: Standing, course: str) -> int:
        cursor = self._handle.execute(_INSERT, _row(standing, course))
        number = cursor.lastrowid
        assert number is not None
        if standing.aliases:
            self._write_aliases(number, standing, ())
        if standing.files:
            self._write_files(number, standing.files, ())
        self._total(standing, 1)
        return number

    def update(self, number: int, before: Standing, standing: Standing, course: str) -> None:
        row = _row(standing, course)
        if standing.group_id != before.group_id:
            statement = _REGROUP
        else:
            statement = _MOVE if _seldom(standing) == _seldom(before) else _CHANGE
        self._handle.execute(statement.sql, (*statement.values(row), number))
        if standing.aliases != before.aliases:
            self._write_aliases(number, standing, before.aliases)
        if standing.files is not before.files and standing.files != before.files:
            self._write_files(number, standing.files, before.files)
        if _total_key(before) != _total_key(standing) or before.exists != standing.exists:
            self._total(before, -1)
            self._total(standing, 1)

    def _write_aliases(self, number: int, standing: Standing, before: Sequence[str]) -> None:
        for alias in set(before) - set(standing.aliases):
            self._run(
                "DELETE FROM aliases WHERE provider = ? AND alias = ? AND recording = ?",
                standing.provider,
                alias,
                number,
            )
        for alias in set(standing.aliases) - set(before):
            self._run("INSERT INTO aliases VALUES (?, ?, ?)", standing.provider, alias, number)

    def _write_files(self, number: int, files: Sequence[File], before: Sequence[File]) -> None:
        """Write those from the first on that is another than *before*; mostly there are only more."""
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(files, before, strict=False)))
        if same < len(before):
            self._run("DELETE FROM files WHERE recording = ? AND position >= ?", number, same)
        rows = [(number, position, *files[position]) for position in range(same, len(files))]
        self._run_many("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _total(self, standing: Standing, change: int) -> None:
        """Keep the counts, for a recording that exists; an audit reads them instead of every recording."""
        if standing.exists:
            self._totals[_total_key(standing)] += change

    def _write_totals(self) -> None:
        changes = [(*key, change) for key, change in self._totals.items() if change]
        self._totals.clear()
        if changes:
            self._run_many(_ADD_TO_TOTAL, changes)

    def write_flags(self, number: int, raised: Iterable[Flag], cleared: Iterable[Flag], cleared_ms: int) -> None:
        self._run_many(
            "INSERT INTO flags (recording, code, region, evidence, severity, message, raised_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET severity = excluded.severity, "
            "message = excluded.message, raised_ms = excluded.raised_ms, cleared_ms = NULL",
            ((number, *flag.identity, flag.severity, flag.message, flag.raised_ms) for flag in raised),
        )
        self._run_many(
            "INSERT INTO flags (cleared_ms, recording, code, region, evidence, severity, message, raised_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET cleared_ms = excluded.cleared_ms",
            ((cleared_ms, number, *flag.identity, flag.severity, flag.message, flag.raised_ms) for flag in cleared),
        )

    def delete(self, number: int) -> None:
        # Else what was deleted stays readable in free pages.
        self._run("PRAGMA secure_delete = ON")
        standing = self.entry(number).standing
        self._total(standing, -1)
        for table in ("aliases", "events", "deliveries", "flags", "files"):
            self._run(f"DELETE FROM {table} WHERE recording = ?", number)
        self._run("DELETE FROM recordings WHERE id = ?", number)

    def withdraw(self, provider: str, *, recording_id: str | None = None, group_id: str | None = None) -> None:
        column, value = ("group_id", group_id) if recording_id is None else ("recording_id", recording_id)
        self._run(f"DELETE FROM expectations WHERE provider = ? AND {column} = ?", provider, value)

    def load(self, provider: str, recording_id: str) -> Entry | None:
        row = self._one(f"{_SELECT} WHERE provider = ? AND recording_id = ?", provider, recording_id)
        return self._entry(row) if row else None

    def load_announced_group(self, provider: str, group_id: str) -> Entry | None:
        row = self._one(f"{_SELECT} WHERE provider = ? AND group_id = ? AND recording_id IS NULL", provider, group_id)
        return self._entry(row) if row else None

    def entry(self, number: int) -> Entry:
        row = self._one(f"{_SELECT} WHERE id = ?", number)
        if row is None and self._connection.in_transaction:
            raise DamagedError(f"{self.path}: recording number {number} is in an index and not there; {RESTORE}")
        if row is None:
            raise StorageError(f"{self.path}: recording number {number} is no longer there")
        return self._entry(row)

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        number, *fields = row
        file_count, _, _, course = fields[len(_FIELDS) :]
        values = fields[: len(_FIELDS)]
        self._check(STANDINGS, values)
        try:
            values[_ALIASES], values[_AWAITS] = tuple(json.loads(values[_ALIASES])), tuple(json.loads(values[_AWAITS]))
            values[_STATE] = json.loads(values[_STATE])
            fits = all(values[place] is None or values[place] in values[_STATE] for place in _REGIONS)
        except (json.JSONDecodeError, TypeError) as error:
            raise damaged(self.path) from error
        if not fits:
            raise damaged(self.path)
        for place in _BOOLEANS:
            values[place] = bool(values[place])
        files = self._files(number) if file_count else ()
        flags, notes = self._flags(number)
        return Entry(number, Standing._make((*values, files, flags)), course, notes)

    def _check(self, shape: Shape, row: Sequence[Any]) -> None:
        if not shape.fits(row):
            raise damaged(self.path)

    def _files(self, number: int) -> tuple[File, ...]:
        found = self._all(
            'SELECT name, url, kind, track, "order", hash, size FROM files WHERE recording = ? ORDER BY position',
            number,
        )
        for row in found:
            self._check(FILES, row)
        return tuple(File(*row) for row in found)

    def _flags(self, number: int) -> tuple[tuple[Flag, ...], dict[tuple[str, str, str], str]]:
        listed = self._all(f"SELECT {', '.join(FlagRow._fields)} FROM flags WHERE recording = ?", number)
        found, notes = [], {}
        for row in listed:
            self._check(FLAGS, row)
            code, severity, message, region, evidence, raised_ms, cleared_ms, acknowledged_ms, note = row
            if severity not in (ERROR, WARNING, INFO):
                raise damaged(self.path)
            events = tuple(evidence.split("\n")) if evidence else ()
            if acknowledged_ms is not None:
                notes[(code, region, evidence)] = note or ""
            if cleared_ms is None:
                found.append(Flag(code, severity, message, region or None, events, raised_ms))
        return tuple(found), notes

    # Events

    def add_events(self, number: int, rows: Iterable[EventRow]) -> None:
        self._handle.executemany(_ADD_EVENT, [(number, *row) for row in rows])

    def replace_event(self, number: int, row: EventRow) -> None:
        assignments = ", ".join(f"{column} = ?" for column in EventRow._fields)
        self._run(f"UPDATE events SET {assignments} WHERE recording = ? AND event_id = ?", *row, number, row.event_id)

    def set_verdicts(self, number: int, verdicts: Iterable[tuple[str, str]]) -> None:
        self._run_many(
            "UPDATE events SET verdict = ? WHERE recording = ? AND event_id = ?",
            ((verdict, number, event_id) for event_id, verdict in verdicts),
        )

    def events(self, number: int) -> Iterator[EventRow]:
        for row in self._all(f"SELECT {_EVENT_COLUMNS} FROM events WHERE recording = ?", number):
            self._check(EVENTS, row)
            yield EventRow(*row)

    def event(self, number: int, event_id: str) -> EventRow | None:
        row = self._one(f"SELECT {_EVENT_COLUMNS} FROM events WHERE recording = ? AND event_id = ?", number, event_id)
        if row is not None:
            self._check(EVENTS, row)
        return EventRow(*row) if row else None

    def variants(self, number: int, event_id: str) -> list[Variant]:
        rows = self._all(
            "SELECT content, received_ms, sha256, body, query FROM deliveries WHERE recording = ? AND event_id = ? "
            "ORDER BY received_ms, sha256",
            number,
            event_id,
        )
        return [Variant(*row) for row in rows]

    def put_variants(self, number: int, event_id: str, variants: Iterable[Variant]) -> None:
        sql = "SELECT content, received_ms, sha256, query FROM deliveries WHERE recording = ? AND event_id = ?"
        kept = {row[0]: row[1:] for row in self._run(sql, number, event_id).fetchall()}
        # Bodies may be large, and whoever contradicts once may do so again and again: what stays is not written anew.
        new = [variant for variant in variants if kept.pop(variant.content, None) != _told_of(variant)]
        gone = [(number, event_id, content) for content in (*kept, *(variant.content for variant in new))]
        self._run_many("DELETE FROM deliveries WHERE recording = ? AND event_id = ? AND content = ?", gone)
        rows = ((number, event_id, *variant) for variant in new)
        self._run_many("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    # What stands beside the recordings

    def announce(self, expectation: Expectation) -> bool:
        known = self._one(
            "SELECT 1 FROM expectations WHERE provider = ? AND recording_id IS ? AND group_id IS ? "
            "AND expected_ms = ? AND within_ms = ?",
            *expectation,
        )
        if known is None:
            self._run(
                "INSERT INTO expectations (provider, recording_id, group_id, expected_ms, within_ms) "
                "VALUES (?, ?, ?, ?, ?)",
                *expectation,
            )
        return known is None

    def expectations(
        self, provider: str, *, recording_id: str | None = None, group_id: str | None = None
    ) -> list[Expectation]:
        column, value = ("group_id", group_id) if recording_id is None else ("recording_id", recording_id)
        found = self._all(
            f"SELECT provider, recording_id, group_id, expected_ms, within_ms FROM expectations "
            f"WHERE provider = ? AND {column} = ?",
            provider,
            value,
        )
        for row in found:
            self._check(EXPECTATIONS, row)
        return [Expectation(*row) for row in found]

    def group_opened(self, provider: str, group_id: str) -> bool:
        sql = "SELECT 1 FROM recordings WHERE provider = ? AND group_id = ? AND opened = 1 LIMIT 1"
        return self._one(sql, provider, group_id) is not None

    def acknowledge(self, number: int, flag: Flag, *, note: str, at_ms: int) -> None:
        self._run(
            "INSERT INTO flags (recording, code, region, evidence, severity, message, raised_ms, cleared_ms, "
            "acknowledged_ms, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET acknowledged_ms = excluded.acknowledged_ms, note = excluded.note",
            number,
            *flag.identity,
            flag.severity,
            flag.message,
            flag.raised_ms,
            # The clock's flags follow from deadlines; a row of theirs is only there for its note.
            flag.raised_ms if flag.is_clocks else None,
            at_ms,
            note,
        )

    def quarantine(self, provider: str, received_ms: int, reason: str, body: bytes, query: str) -> None:
        self._run(
            "INSERT INTO quarantine (provider, received_ms, reason, sha256, bytes, body, query) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET received_ms = min(received_ms, excluded.received_ms), reason = excluded.reason",
            provider,
            received_ms,
            reason,
            _sha256(body),
            len(body),
            body,
            query,
        )

    def release(self, number: int) -> None:
        self._run("DELETE FROM quarantine WHERE id = ?", number)

    def quarantined(self, *, since_ms: int | None = None) -> Iterator[Quarantined]:
        last = 0
        while rows := self._all(
            "SELECT id, provider, received_ms, reason, body, query FROM quarantine "
            f"WHERE id > ? AND received_ms >= ? ORDER BY id LIMIT {PAGE}",
            last,
            _EVER_MS if since_ms is None else since_ms,
        ):
            last = rows[-1][0]
            yield from (Quarantined(*row) for row in rows)

    def quarantine_size(self) -> tuple[int, int]:
        rows, size = self._one("SELECT count(*), coalesce(sum(bytes), 0) FROM quarantine")
        return rows, size

    def count_quarantined(self, *, since_ms: int | None = None) -> int:
        since = _EVER_MS if since_ms is None else since_ms
        return int(self._one("SELECT count(*) FROM quarantine WHERE received_ms >= ?", since)[0])

    def count(self, provider: str, result: str, kind: str, received_ms: int) -> None:
        bodies, last_ms = self._tallies.get(key := (provider, result, kind), (0, received_ms))
        self._tallies[key] = (bodies + 1, max(last_ms, received_ms))

    def _count_commit(self) -> None:
        """
        Count the commit that is about to be, so that every -wal shows whose it is, see ``_check_log``.

        It stands beside the counts of bodies: each further page of the file would make the commit longer.
        """
        self._id = self._id or self._handle.execute("SELECT id FROM database").fetchone()[0]
        self._tallies["", "commits", self._id] = (1, 0)

    def _write_tallies(self) -> None:
        rows = [(*key, *value) for key, value in self._tallies.items()]
        self._tallies.clear()
        self._run_many(_ADD_TO_TALLY, rows)

    def counts(self) -> list[Count]:
        if self._tallies:
            self._write_tallies()
        rows = self._all("SELECT provider, result, kind, bodies, last_received_ms FROM counts ORDER BY 1, 2, 3")
        for row in rows:
            self._check(COUNTS, row)
        return [Count(*row) for row in rows]

    def register_machine(self, digest: str, provider: str, definition: str, at_ms: int) -> None:
        self._run("INSERT OR IGNORE INTO machines VALUES (?, ?, ?, ?)", digest, provider, definition, at_ms)

    def machine(self, digest: str) -> str | None:
        row = self._one("SELECT definition FROM machines WHERE digest = ?", digest)
        return row and str(row[0])

    def saw_events(self, provider: str, names: Iterable[str]) -> None:
        rows = ((provider, name) for name in names)
        self._run_many("INSERT OR IGNORE INTO event_names VALUES (?, ?)", rows)

    def seen_events(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for provider, name in self._all("SELECT provider, name FROM event_names"):
            found.setdefault(provider, set()).add(name)
        return found

    def totals(self) -> list[Total]:
        if self._totals:
            self._write_totals()
        rows = self._all(
            "SELECT provider, phase, outcome, machine, recordings FROM totals WHERE recordings > 0 ORDER BY 1, 2, 3, 4"
        )
        for row in rows:
            self._check(TOTALS, row)
        return [Total(row[0], row[1], row[2] or None, *row[3:]) for row in rows]

    # Look-ups

    def find_ids(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._found("SELECT id FROM recordings WHERE provider = ? AND recording_id = ?", ids)

    def find_aliases(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._found("SELECT recording FROM aliases WHERE provider = ? AND alias = ?", ids)

    def find_groups(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._found("SELECT id FROM recordings WHERE provider = ? AND group_id = ?", ids)

    def _found(self, sql: str, ids: Sequence[tuple[str, str]]) -> list[int]:
        known = (pair for pair in dict.fromkeys(ids) if _is_unicode(pair[1]))
        numbers = [row[0] for pair in known for row in self._all(sql, *pair)]
        return [number for number in dict.fromkeys(numbers) if self._is_recording(number)]

    def _is_recording(self, number: int) -> bool:
        return self._one(f"SELECT 1 FROM recordings WHERE id = ? AND {_IS_RECORDING}", number) is not None

    def find_prefix(self, prefix: str, *, limit: int) -> list[tuple[str, int]]:
        found: dict[tuple[str, int], None] = {}
        bounds = (prefix, prefix + "\U0010ffff", limit)
        for provider in self.providers() if _is_unicode(prefix) else ():
            for name, number, table in (
                ("recording_id", "id", "recordings"),
                ("alias", "recording", "aliases"),
                ("group_id", "id", "recordings"),
            ):
                sql = (
                    f"SELECT {name}, {number} FROM {table} WHERE provider = ? AND {name} >= ? AND {name} < ? "
                    f"AND EXISTS (SELECT 1 FROM recordings AS r WHERE r.id = {table}.{number} AND {_IS_RECORDING}) "
                    f"ORDER BY {name}, {number} LIMIT ?"
                )
                found |= dict.fromkeys((text, place) for text, place in self._all(sql, provider, *bounds))
        return list(found)

    def providers(self) -> list[str]:
        return [row[0] for row in self._all("SELECT DISTINCT provider FROM totals WHERE recordings > 0 ORDER BY 1")]

    def entries(self, wanted: Filter) -> Iterator[Entry]:
        conditions, values = [_IS_RECORDING], list[Any]()
        for column, value in (("provider", wanted.provider), ("phase", wanted.phase), ("outcome", wanted.outcome)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if wanted.since_ms is not None:
            conditions.append("last_received_ms >= ?")
            values.append(wanted.since_ms)
        where, last = " AND ".join(conditions), 2**63 - 1
        while rows := self._all(f"{_SELECT} WHERE id < ? AND {where} ORDER BY id DESC LIMIT {PAGE}", last, *values):
            last = rows[-1][0]
            yield from (self._entry(row) for row in rows)

    def overdue(self, now_ms: int) -> Iterator[Entry]:
        numbers = self._all("SELECT id FROM recordings WHERE deadline_ms < ? ORDER BY deadline_ms, id", now_ms)
        yield from self._entries([row[0] for row in numbers])

    def open_totals(self, now_ms: int) -> list[OpenTotal]:
        # An open recording always has a deadline, and a complete one none. Asked for as a range, for otherwise SQLite
        # goes through all recordings in the order of their providers.
        rows = self._all(
            "SELECT provider, state, CASE WHEN stall_ms = deadline_ms THEN stall_region ELSE due_region END, "
            "deadline_ms < ?, count(*) FROM recordings WHERE deadline_ms >= ? GROUP BY 1, 2, 3, 4",
            now_ms,
            _EVER_MS,
        )
        for row in rows:
            self._check(OPEN_TOTALS, row)
        return [OpenTotal(row[0], self._state(row[1]), row[2], bool(row[3]), row[4]) for row in rows]

    def _state(self, text: str) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(text)
        except json.JSONDecodeError as error:
            raise damaged(self.path) from error
        return found

    def _entries(self, numbers: Sequence[int]) -> Iterator[Entry]:
        for number in numbers:
            row = self._one(f"{_SELECT} WHERE id = ?", number)
            if row is not None:
                yield self._entry(row)

    def flagged(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        numbers = self._all(
            "SELECT id FROM recordings AS r WHERE complete = 0 AND flag_count > 0 AND EXISTS (SELECT 1 FROM flags AS f "
            "WHERE f.recording = r.id AND f.cleared_ms IS NULL AND f.severity <> 'info' AND f.raised_ms < ?2) "
            f"AND {_IS_RECORDING} UNION "
            "SELECT recording FROM flags WHERE cleared_ms IS NULL AND severity <> 'info' "
            "AND raised_ms > ?1 AND (code <> 'missing-event' OR raised_ms < ?2) ORDER BY 1",
            since_ms,
            now_ms,
        )
        yield from self._entries([row[0] for row in numbers if self._is_recording(row[0])])

    def unsettled(self, at_ms: int, machines: Collection[str]) -> list[int]:
        rows = self._all(
            "SELECT id FROM recordings WHERE complete = 0 OR machine NOT IN (SELECT value FROM json_each(?2)) "
            "UNION SELECT recording FROM events WHERE received_ms > ?1 OR differs_ms > ?1 ORDER BY 1",
            at_ms,
            json.dumps(list(machines)),
        )
        return [row[0] for row in rows]

    def heard(self, until_ms: int) -> dict[str, dict[str, int]]:
        rows = self._all(
            "SELECT r.provider, e.name, max(e.received_ms) FROM events AS e JOIN recordings AS r ON r.id = e.recording "
            "WHERE e.received_ms <= ? GROUP BY 1, 2",
            until_ms,
        )
        found: dict[str, dict[str, int]] = {}
        for provider, name, last_ms in rows:
            found.setdefault(provider, {})[name] = last_ms
        return found

    def acknowledgements(self, number: int, until_ms: int) -> dict[tuple[str, str, str], str]:
        rows = self._all(
            "SELECT code, region, evidence, note FROM flags WHERE recording = ? AND acknowledged_ms <= ?",
            number,
            until_ms,
        )
        return {(code, region, evidence): note or "" for code, region, evidence, note in rows}

    def completed_before(self, before_ms: int, *, limit: int) -> list[int]:
        # The provider's clock says when it was complete, ours when something last came.
        is_old = "complete = 1 AND completed_ms < ?1 AND coalesce(last_received_ms, 0) < ?1"
        sql = f"SELECT id FROM recordings WHERE {is_old} ORDER BY id LIMIT ?2"
        return [row[0] for row in self._all(sql, before_ms, limit)]

    def numbers(self, *, after: int = 0, limit: int | None = None) -> list[int]:
        rows = self._all(
            "SELECT id FROM recordings WHERE id > ? ORDER BY id LIMIT ?", after, -1 if limit is None else limit
        )
        return [row[0] for row in rows]

    # Care

    def damages(self) -> Iterator[str]:
        for (line,) in self._all("PRAGMA integrity_check"):
            if line != "ok":
                yield f"integrity check: {line}"
        for table in ("events", "deliveries", "quarantine"):
            with translated(self.path):
                for rowid, digest, body in self._connection.execute(f"SELECT rowid, sha256, body FROM {table}"):
                    if not isinstance(body, bytes) or _sha256(body) != digest:
                        yield f"{table} row {rowid}: the body is not the one that was received; its SHA-256 differs"
        for number, what in self._all(_ASIDE_OF_RECORDINGS):
            yield f"recording number {number}: {what} does not say what the recording says"
        counted = self._all(
            "SELECT provider, phase, coalesce(outcome, ''), machine, count(*) FROM recordings "
            f"WHERE {_IS_RECORDING} GROUP BY 1, 2, 3, 4"
        )
        rows = self._all("SELECT provider, phase, outcome, machine, recordings FROM totals WHERE recordings <> 0")
        kept = {tuple(key): number for *key, number in rows}
        for *key, number in counted:
            if kept.pop(tuple(key), 0) != number:
                yield f"totals of {_listed(key[:3])}: do not add up to the {number} recordings that are there"
        for key, number in kept.items():
            yield f"totals of {_listed(key[:3])}: count {number} recordings of which none is there"

    def cut_log(self) -> None:
        self._all("PRAGMA wal_checkpoint(TRUNCATE)")

    def backup(self, path: str) -> None:
        try:
            # SQLite takes an empty file for a free place; whoever else has just made one must not lose his.
            Path(path).open("xb").close()
        except FileExistsError as error:
            raise UsageError(f"{path}: is there already; name a new file") from error
        except OSError as error:
            raise refusal(path, error) from error
        target = uri(Path(path))
        try:
            with self._in_use, translated(f"{self.path} copied to {path}"):
                self._connection.execute("VACUUM INTO ?", (target,))
                with closing(sqlite3.connect(f"{target}?mode=rw", uri=True)) as copy, copy:
                    # Else the -wal of what it is a copy of would pass for its own.
                    copy.execute("UPDATE tallies SET kind = lower(hex(randomblob(16))) WHERE provider = ''")
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise


def _sha256(body: bytes) -> bytes:
    # Loads OpenSSL, which whoever only looks does not need.
    from hashlib import sha256

    return sha256(body).digest()


def _told_of(variant: Variant) -> tuple[int, bytes, str]:
    return (variant.received_ms, variant.sha256, variant.query)


def _listed(words: Iterable[object]) -> str:
    return ", ".join(map(str, words))


def _is_unicode(text: str) -> bool:
    # What the command line could not decode holds lone surrogates, which SQLite cannot be asked for.
    return text.encode(errors="ignore").decode() == text


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _total_key(standing: Standing) -> tuple[str, str, str, str]:
    return (standing.provider, standing.phase, standing.outcome or "", standing.machine)


def _row(standing: Standing, course: str) -> list[Any]:
    row: list[Any] = list(standing[: len(_FIELDS)])
    row[_ALIASES] = _as_array(standing.aliases) if standing.aliases else "[]"
    row[_STATE] = _as_object(tuple(standing.state.items()))
    row[_AWAITS] = _as_array(standing.awaits)
    row += (len(standing.files), len(standing.flags), _deadline(standing.stall_ms, standing.due_ms), course)
    return row


def _deadline(stall_ms: int | None, due_ms: int | None) -> int | None:
    if stall_ms is None or due_ms is None:
        return due_ms if stall_ms is None else stall_ms
    return min(stall_ms, due_ms)


# A recording is in one of few situations, and what it awaits is the same in each.
@lru_cache(maxsize=4_096)
def _as_array(words: tuple[str, ...]) -> str:
    return json.dumps(words, separators=(",", ":"))


@lru_cache(maxsize=4_096)
def _as_object(pairs: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(pairs), separators=(",", ":"))
