"""Care for the database file: what is damaged in it, a copy of it, and what is left of the deleted in its log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from recording_tracker.errors import BusyError, UsageError
from recording_tracker.journal.connection import uri, wait_at_most
from recording_tracker.journal.failures import refusal, translated
from recording_tracker.journal.questions import IS_RECORDING
from recording_tracker.journal.session import Session

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


# While it waits for readers nobody can write, and no writer waits much longer than this.
CUT_WAIT = timedelta(seconds=1)


class Care(Session):
    """A session that looks after the file as a whole."""

    def damages(self) -> Iterator[str]:
        for (line,) in self._all("PRAGMA integrity_check"):
            if line != "ok":
                yield f"integrity check: {line}"
        for table in ("events", "deliveries", "quarantine"):
            with translated(self.path):
                for rowid, digest, body in self._connection.execute(f"SELECT rowid, sha256, body FROM {table}"):
                    if not isinstance(body, bytes) or sha256_of(body) != digest:
                        yield f"{table} row {rowid}: the body is not the one that was received; its SHA-256 differs"
        for number, what in self._all(_ASIDE_OF_RECORDINGS):
            yield f"recording number {number}: {what} does not say what the recording says"
        counted = self._all(
            "SELECT provider, phase, coalesce(outcome, ''), machine, count(*) FROM recordings "
            f"WHERE {IS_RECORDING} GROUP BY 1, 2, 3, 4"
        )
        rows = self._all("SELECT provider, phase, outcome, machine, recordings FROM totals WHERE recordings <> 0")
        kept = {tuple(key): number for *key, number in rows}
        for *key, number in counted:
            if kept.pop(tuple(key), 0) != number:
                yield f"totals of {_listed(key[:3])}: do not add up to the {number} recordings that are there"
        for key, number in kept.items():
            yield f"totals of {_listed(key[:3])}: count {number} recordings of which none is there"

    def cut_log(self) -> None:
        with self._in_use, translated(self.path):
            connection = self._connection
            wait_at_most(connection, min(CUT_WAIT, self._busy_timeout))
            try:
                # SQLite says in its answer alone that it could not. https://sqlite.org/pragma.html#pragma_wal_checkpoint
                [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                wait_at_most(connection, self._busy_timeout)
        if busy:
            raise BusyError(
                f"{self.path}: it is erased, but the -wal, which cannot be emptied while others read, still holds it; "
                "the next erase empties it, and so does whoever closes the database last"
            )

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
                    copy.execute("UPDATE database SET id = lower(hex(randomblob(16)))")
                    copy.execute("UPDATE tallies SET kind = (SELECT id FROM database) WHERE provider = ''")
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise


def sha256_of(body: bytes) -> bytes:
    """Return the digest that is kept beside a body."""
    # Loads OpenSSL, which whoever only looks does not need.
    from hashlib import sha256

    return sha256(body).digest()


def _listed(words: Iterable[object]) -> str:
    return ", ".join(map(str, words))
