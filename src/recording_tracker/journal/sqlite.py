"""The journal in one SQLite file: a session that looks things up, and writes them in transactions."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

from recording_tracker import forks
from recording_tracker.errors import StorageError
from recording_tracker.events import File
from recording_tracker.flags import Flag
from recording_tracker.journal import Count, EventRow, Expectation, Total, Variant
from recording_tracker.journal.care import Care, sha256_of
from recording_tracker.journal.connection import Identity, identity
from recording_tracker.journal.failures import damaged, in_doubt, translated
from recording_tracker.journal.questions import Questions
from recording_tracker.journal.rows import ALIASES, AWAITS, FIELDS, STATE
from recording_tracker.journal.session import NOBODY
from recording_tracker.standing import Standing

_COLUMNS = (*FIELDS, "file_count", "flag_count", "deadline_ms", "course")
_INSERT = f"INSERT INTO recordings ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
# What few events change, and what none does: left out of an update, its indexes need not be looked at, nor their pages
# written, which saves a third of it.
SELDOM = ("aliases", "opened", "announced", "complete", "outcome", "machine", "file_count", "flag_count")
KEYS = ("provider", "recording_id", "group_id")
_ADD_EVENT = f"INSERT INTO events (recording, {', '.join(EventRow._fields)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_seldom = attrgetter(*({"file_count": "files", "flag_count": "flags"}.get(column, column) for column in SELDOM))


class _Update:
    """The statement that writes all columns but *without*, and how it is given a row."""

    def __init__(self, without: Collection[str]) -> None:
        columns = [column for column in _COLUMNS if column not in without]
        self.sql = f"UPDATE recordings SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"
        self.values = itemgetter(*(_COLUMNS.index(column) for column in columns))


_MOVE, _CHANGE, _REGROUP = _Update((*SELDOM, *KEYS)), _Update(KEYS), _Update(KEYS[:2])
_UNKNOWN = -1
_ADD_TO_TALLY = (
    "INSERT INTO tallies VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number, "
    "last_received_ms = max(last_received_ms, excluded.last_received_ms)"
)
_ADD_TO_TOTAL = (
    "INSERT INTO totals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET recordings = recordings + excluded.recordings"
)


class SqliteJournal(Questions, Care):
    """A Journal in the file *path*: a session that writes too, in transactions."""

    def _open(self, *, create: bool) -> None:
        super()._open(create=create)
        self._version = _UNKNOWN
        self._log_place = Path(f"{self._place.resolve()}-wal")
        self._log: Identity | None = None
        self._id = ""
        self._tallies: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._others = True
        self._totals: Counter[tuple[str, str, str, str]] = Counter()

    def reader(self) -> SqliteJournal:
        return SqliteJournal(self._place, readonly=True, create=False, busy_timeout=self._busy_timeout)

    # Transactions

    @contextmanager
    def writing(self) -> Iterator[None]:
        forks.give_way()
        with self._in_use, translated(self.path):
            self._check_outside()
            self._begin_counts()
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
                # As in ``reading``.
                if self._process != NOBODY:
                    self._handle.rollback()
                self._begin_counts()
                raise

    def _begin_counts(self) -> None:
        """Let go of what a transaction that was not committed has counted; if not at its end, before the next."""
        self._totals.clear()
        self._tallies.clear()

    def _commit(self) -> None:
        try:
            self._handle.execute("COMMIT")
        except sqlite3.Error as error:
            raise in_doubt(self.path, error) from error
        # Nobody finds what is committed to files that have gone, even if only since the transaction began.
        self._check_file()
        self._check_log_file()

    def _check_log_file(self) -> None:
        """
        Refuse to go on with a log that nobody can find any more.

        It is there from the first commit on, and another only if somebody removes it, or if this process has lost
        its locks: it does when anything in it closes the file, as a copy of the file does.
        https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        """
        found = identity(self._log_place)
        self._log = self._log or found
        if found is None or found != self._log:
            raise StorageError(
                f"{self.path}: its -wal was removed or replaced while it was open; stop all who use it, then restart"
            )

    def _check_file(self) -> None:
        """Refuse to write to a file that nobody can find any more."""
        found = identity(self._place)
        if found is None or found != self._handle.identity:
            raise StorageError(
                f"{self.path}: was removed or replaced while it was open; stop all who use it, then restart"
            )

    def changed_elsewhere(self) -> bool:
        found, self._others = self._others, False
        return found

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

    def retell_events(self, number: int, rows: Iterable[EventRow]) -> None:
        self._run_many(
            "UPDATE events SET name = ?, occurred_ms = ?, verdict = ? WHERE recording = ? AND event_id = ?",
            ((row.name, row.occurred_ms, row.verdict, number, row.event_id) for row in rows),
        )

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
            sha256_of(body),
            len(body),
            body,
            query,
        )

    def is_quarantined(self, provider: str, body: bytes, query: str) -> bool:
        sql = "SELECT 1 FROM quarantine WHERE provider = ? AND sha256 = ? AND query = ?"
        return self._run(sql, provider, sha256_of(body), query).fetchone() is not None

    def release(self, number: int) -> bool:
        return self._run("DELETE FROM quarantine WHERE id = ?", number).rowcount > 0

    def count(self, provider: str, result: str, kind: str, received_ms: int) -> None:
        bodies, last_ms = self._tallies.get(key := (provider, result, kind), (0, received_ms))
        self._tallies[key] = (bodies + 1, max(last_ms, received_ms))

    def _count_commit(self) -> None:
        """
        Count the commit that is about to be, so that every -wal shows whose it is, see ``_check_log``.

        It stands beside the counts of bodies: each further page of the file would make the commit longer.
        """
        self._id = self._id or self._own_id()
        self._tallies["", "commits", self._id] = (1, 0)

    def _own_id(self) -> str:
        rows = self._handle.execute(
            "SELECT kind, (SELECT id FROM database) FROM tallies WHERE provider = ''"
        ).fetchall()
        if len(rows) != 1 or rows[0][0] != rows[0][1]:
            raise damaged(self.path)
        return str(rows[0][0])

    def _write_tallies(self) -> None:
        rows = [(*key, *value) for key, value in self._tallies.items()]
        self._tallies.clear()
        if rows:
            self._run_many(_ADD_TO_TALLY, rows)

    def register_machine(self, digest: str, provider: str, definition: str, at_ms: int) -> None:
        self._run("INSERT OR IGNORE INTO machines VALUES (?, ?, ?, ?)", digest, provider, definition, at_ms)

    def saw_events(self, provider: str, names: Iterable[str]) -> None:
        rows = ((provider, name) for name in names)
        self._run_many("INSERT OR IGNORE INTO event_names VALUES (?, ?)", rows)

    # What the transaction has not written yet, whoever asks inside it has to see too.

    def totals(self) -> list[Total]:
        self._write_totals()
        return super().totals()

    def counts(self) -> list[Count]:
        self._write_tallies()
        return super().counts()


def _told_of(variant: Variant) -> tuple[int, bytes, str]:
    return (variant.received_ms, variant.sha256, variant.query)


def _total_key(standing: Standing) -> tuple[str, str, str, str]:
    return (standing.provider, standing.phase, standing.outcome or "", standing.machine)


def _row(standing: Standing, course: str) -> list[Any]:
    row: list[Any] = list(standing[: len(FIELDS)])
    row[ALIASES] = _as_array(standing.aliases) if standing.aliases else "[]"
    row[STATE] = _as_object(tuple(standing.state.items()))
    row[AWAITS] = _as_array(standing.awaits)
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
