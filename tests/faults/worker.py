"""
Worker: takes callbacks in through a Tracker, and writes an acknowledgement of each after ``ingest`` returned.

Reads jobs on standard input, a JSON object a line, and does each in a child of its own, so that a fault strikes
the child alone and a thousand of them need one interpreter. At the end it prints how each child ended, a wait
status a line. Run as ``python -m tests.faults.worker``.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import recording_tracker.journal.migrations as schema
from recording_tracker import Tracker
from recording_tracker.cli import main
from recording_tracker.errors import TrackerError
from recording_tracker.journal import connection as opening
from recording_tracker.journal.failures import translated
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.journal.sqlite import SqliteJournal
from recording_tracker.results import Summary
from tests.faults.jobs import LENGTH, PATIENCE_S, PATIENT, callbacks

PROVIDER = "agora"
RECEIVED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
FAILED = 74
CRASHED = 70


# Broken variants, each for one thing that the sound one must do.


class NormalJournal(SqliteJournal):
    """Does not wait for the disk at a commit."""

    def _open(self, *, create: bool) -> None:
        super()._open(create=create)
        self._handle.execute("PRAGMA synchronous = NORMAL")


class OffJournal(SqliteJournal):
    """Leaves the order of all writes to the system."""

    def _open(self, *, create: bool) -> None:
        super()._open(create=create)
        self._handle.execute("PRAGMA synchronous = OFF")


class DeleteJournal(SqliteJournal):
    """Commits by deleting a file, and does not wait until the folder knows of it."""

    def _open(self, *, create: bool) -> None:
        super()._open(create=create)
        self._handle.execute("PRAGMA journal_mode = DELETE")
        self._handle.execute("PRAGMA synchronous = FULL")

    def _check_log_file(self) -> None:
        """Ask for none, for it has none."""


class PiecemealJournal(SqliteJournal):
    """Commits statement by statement."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        with translated(self.path):
            yield


class DeferredJournal(SqliteJournal):
    """Reads before it has the lock to write."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
                self._commit()
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


JOURNALS: dict[str, Callable[[Path], SqliteJournal]] = {
    "normal": NormalJournal,
    "off": OffJournal,
    "delete": DeleteJournal,
    "piecemeal": PiecemealJournal,
    "deferred": DeferredJournal,
}
VARIANTS = {"sound", "early", "deaf", *JOURNALS}
"""``early`` acknowledges before it takes in, ``deaf`` acknowledges what failed."""


LATER = opening.SCHEMA_VERSION + 1


def lift(path: Path) -> None:
    """Open *path* as a program one schema version later would, whose step rewrites every event."""
    schema.migrations(name=f"{LATER}_later")(_later)
    # The program of the next version is this one with one step more; nothing else can stand for it.
    setattr(opening, "SCHEMA_VERSION", LATER)  # noqa: B010
    Tracker(path).close()


def lift_piecemeal(path: Path) -> None:
    """Do the same as ``executescript`` would, which commits statement by statement."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in _LATER:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {LATER}")


_LATER = (
    "ALTER TABLE events ADD COLUMN weight INTEGER",
    "UPDATE events SET weight = length(body)",
    "CREATE INDEX events_by_weight ON events (weight)",
    "CREATE TABLE weights (weight INTEGER PRIMARY KEY) STRICT",
    "INSERT INTO weights SELECT DISTINCT weight FROM events",
)


def _later(db: Any) -> None:
    for statement in _LATER:
        db.conn.execute(statement)


class Life:
    """The life of one process: its job's steps, and a line to the log for whatever becomes of them."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._path = Path(job["db"])
        self._bodies: list[str] = job["bodies"]
        self._variant: str = job.get("variant", "sound")
        assert self._variant in VARIANTS
        self._log = os.open(job["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._tracker: Tracker | None = None

    def say(self, *words: object) -> None:
        """Write one line, as one call."""
        os.write(self._log, f"{' '.join(str(word) for word in words)}\n".encode())

    def run(self, steps: list[str]) -> int:
        """Do the steps, some that fail once more; return the exit status."""
        for step in steps:
            name, *values = step.split()
            for _ in range(1 if name in ("create", "migrate") else 2):
                try:
                    getattr(self, name)(*values)
                    break
                except TrackerError as error:
                    self.say("error", type(error).__name__, error)
            else:
                if name != "ingest":
                    return FAILED
        return 0

    def open(self) -> None:
        broken = JOURNALS.get(self._variant)
        self._tracker = Tracker(broken(self._path) if broken else self._path, busy_timeout=PATIENT)

    def close(self) -> None:
        assert self._tracker is not None
        self._tracker.close()

    def create(self) -> None:
        Tracker(self._path).close()

    def migrate(self) -> None:
        (lift_piecemeal if self._variant == "piecemeal" else lift)(self._path)

    def ingest(self, *places: str) -> None:
        """Take bodies in, one as a callback, several as one batch; then acknowledge them."""
        if self._variant == "early":
            self.say("ack", *places)
        try:
            self._take([self._bodies[int(place)] for place in places])
        except TrackerError:
            if self._variant != "deaf":
                raise
        if self._variant != "early":
            self.say("ack", *places)

    def _take(self, bodies: list[str]) -> None:
        assert self._tracker is not None
        if len(bodies) == 1:
            receipt = self._tracker.ingest(PROVIDER, bodies[0], received_at=RECEIVED_AT)
            assert receipt.result in ("accepted", "duplicate"), receipt
        else:
            summary: Summary = self._tracker.ingest_many(
                {"provider": PROVIDER, "received_at": RECEIVED_AT, "body": body} for body in bodies
            )
            assert summary.accepted + summary.duplicates == len(bodies), summary

    def checkpoint(self, mode: str) -> None:
        """Do as an operator's ``sqlite3`` beside the tracker does; what fails there is no matter of ours."""
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(self._path, timeout=0)
            with suppress(sqlite3.Error):
                connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            connection.close()


def _command(job: dict[str, Any]) -> int:
    """Run the command line, its output into the log."""
    log = os.open(job["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["tracker", *job["command"]]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        return int(end.code or 0)


def _pad(call: str, times: int) -> None:
    """
    Make a system call *times* that does nothing.

    strace strikes at the N-th call of every process alike; so each child pads until the call that is meant is the N-th.
    """
    null = os.open(os.devnull, os.O_RDWR)
    calls: dict[str, Callable[[], object]] = {
        "pwrite64": lambda: os.pwrite(null, b"", 0),
        "pread64": lambda: os.pread(null, 0, 0),
        "write": lambda: os.write(null, b""),
        "fdatasync": lambda: os.fdatasync(null),
        "fsync": lambda: os.fsync(null),
        "ftruncate": lambda: os.ftruncate(null, 0),
        "link": lambda: os.link("/dev/null/none", "/dev/null/other"),
        "unlink": lambda: os.unlink("/dev/null/none"),  # noqa: PTH108  exactly this call
        "openat": lambda: os.open("/dev/null/none", os.O_RDONLY),
    }
    for _ in range(times):
        with suppress(OSError):
            calls[call]()


def _child(job: dict[str, Any]) -> int:
    if "pad" in job:
        _pad(*job["pad"])
    if "command" in job:
        return _command(job)
    life = Life(job)
    try:
        return life.run(job["steps"])
    except Exception as error:  # noqa: BLE001  that one has come through is what a test looks for
        life.say("crash", type(error).__name__, error)
        return CRASHED


def _warm_up() -> None:
    """Load whatever is loaded once, so that children make the calls of their own work only."""
    with Tracker(MemoryJournal()) as tracker:
        for body in callbacks(LENGTH):
            tracker.ingest(PROVIDER, body, received_at=RECEIVED_AT)
        tracker.verify()
    gc.freeze()


def _wait_for(log: Path, lines: float) -> None:
    """Wait until *log* has so many lines, and for a part of one as long as it takes at their pace."""
    begun = time.monotonic()
    found = 0
    while found < int(lines) and time.monotonic() < begun + PATIENCE_S:
        time.sleep(0.000_5)
        found = log.read_bytes().count(b"\n") if log.exists() else 0
    time.sleep(lines % 1 * (time.monotonic() - begun) / max(1, found))


def _serve() -> None:
    _warm_up()
    endings: list[int] = []
    running: list[int] = []
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            status = CRASHED
            try:
                status = _child(job)
            finally:
                os._exit(status)
        running.append(child)
        if job["beside"]:
            continue
        if job["killed_at"] is not None:
            _wait_for(Path(job["log"]), job["killed_at"])
            for each in running:
                os.kill(each, signal.SIGKILL)
        endings += [os.waitpid(each, 0)[1] for each in running]
        running.clear()
    os.write(1, "".join(f"{ending}\n" for ending in endings).encode())


if __name__ == "__main__":
    _serve()
