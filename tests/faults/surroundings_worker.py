"""
Worker for what comes from around the process: limits, forks, frozen holders of locks.

Run as ``python -m tests.faults.surroundings_worker SCENARIO DB LOG``, with bodies on standard input, one a line. It
writes each body's place to LOG after ``ingest`` returned, ends as the command line does, and says why in one line.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from recording_tracker import Tracker, forks
from recording_tracker.deliveries import BATCH
from recording_tracker.errors import StorageError, TrackerError
from recording_tracker.journal.sqlite import SqliteJournal
from tests.faults.jobs import PATIENCE_S, PATIENT, environment
from tests.faults.worker import PROVIDER, RECEIVED_AT


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its exit status or signal below zero, and what it said."""

    status: int
    out: str
    err: str


def worker(
    scenario: str,
    db: Path,
    log: Path,
    *,
    bodies: Sequence[str],
    prepare: Callable[[], None] | None = None,
    env: dict[str, str] | None = None,
    timeout: float = PATIENCE_S,
) -> Ended:
    """Run *scenario* in a process of its own."""
    done = subprocess.run(
        command(scenario, db, log),
        input="".join(f"{body}\n" for body in bodies),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment() | dict(env or {}),
        preexec_fn=prepare,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def command(scenario: str, db: Path, log: Path) -> list[str]:
    """Return the command line of a worker."""
    return [sys.executable, "-m", "tests.faults.surroundings_worker", scenario, str(db), str(log)]


def acknowledged(log: Path) -> list[str]:
    """Return the bodies that workers have acknowledged in *log*."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


class Scenario:
    """What may happen; each method is one."""

    def __init__(self, db: Path, log: Path, bodies: list[str]) -> None:
        self.db = db
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.bodies = bodies

    def _acknowledge(self, body: str) -> None:
        line = f"{json.dumps(body)}\n".encode()
        # A log in the same place, under the same limits as the database, must not end the worker.
        with suppress(OSError):
            os.write(self.log, line)

    def _take(self, tracker: Tracker, bodies: Sequence[str]) -> None:
        for body in bodies:
            receipt = tracker.ingest(PROVIDER, body, received_at=RECEIVED_AT)
            assert receipt.result in ("accepted", "duplicate"), receipt
            self._acknowledge(body)

    def take(self) -> None:
        """Take all in; the first error ends it."""
        with Tracker(self.db) as tracker:
            self._take(tracker, self.bodies)

    def take_and_die(self) -> None:
        """Take all in and be killed, so that the -wal is left."""
        with Tracker(self.db) as tracker:
            self._take(tracker, self.bodies)
            os.kill(os.getpid(), signal.SIGKILL)

    def import_and_boast(self) -> None:
        """Import, and at SIGTERM say how much has been read."""
        with Tracker(self.db) as tracker:
            tracker.ingest_many({"provider": PROVIDER, "body": body} for body in self.bodies[:BATCH])
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            self._acknowledge("read")
            signal.sigwait({signal.SIGTERM})
        print(f"stopped after {len(self.bodies)} deliveries; the same command takes the others in", file=sys.stderr)
        sys.exit(143)

    def take_by_a_clock_that_jumps(self) -> None:
        """Take each body in after setting the clock that libfaketime shows."""
        clock = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
        settings = os.environ["CLOCK_SETTINGS"].split(",")
        with Tracker(self.db) as tracker:
            for body, setting in zip(self.bodies, settings, strict=True):
                clock.write_text(f"{setting}\n", encoding="ascii")
                tracker.ingest(PROVIDER, body)
                self._acknowledge(body)
            assert list(tracker.recordings())
            tracker.audit()

    def short_of_descriptors(self) -> None:
        """Take each body in with one free descriptor more than the one before; say how each fared."""
        null = os.open(os.devnull, os.O_RDONLY)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
        _warm_up()
        held: list[int] = []
        with suppress(OSError):
            while True:
                held.append(os.dup(null))
        for body in self.bodies:
            try:
                with Tracker(self.db) as tracker:
                    self._take(tracker, [body])
                print("taken")
            except TrackerError as error:
                print(error.exit_status, error)
            os.close(held.pop())

    def short_of_memory(self) -> None:
        """Take each body in with more memory than the one before; say how each fared, and take all in once more."""
        self._short_of_memory(boasts=False)

    def short_of_memory_and_boasting(self) -> None:
        """Do the same, acknowledge in spite of errors, and take nothing in again; a broken variant."""
        self._short_of_memory(boasts=True)

    def _short_of_memory(self, *, boasts: bool) -> None:
        _warm_up()
        with Tracker(self.db) as tracker:
            for place, body in enumerate(self.bodies):
                room = 0 if place == 0 else 16_384 << place
                resource.setrlimit(resource.RLIMIT_AS, (_memory() + room, resource.RLIM_INFINITY))
                try:
                    self._take(tracker, [body])
                    fared = "taken"
                except (TrackerError, MemoryError) as error:
                    fared = type(error).__name__
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                print(fared)
                if boasts:
                    self._acknowledge(body)
            if not boasts:
                self._take(tracker, self.bodies)

    # Holders of locks; each says "held" when it does, and lets go at SIGTERM.

    def hold_to_write(self) -> None:
        """Stay inside a write transaction."""
        journal = SqliteJournal(self.db)
        with journal.writing():
            _held()
        journal.close()

    def hold_to_read(self) -> None:
        """Stay inside a read transaction, as an operator's ``sqlite3`` may."""
        with closing(sqlite3.connect(self.db, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM events").fetchone()
            _held()

    # Forks

    def part_from_children(self) -> None:
        """Fork children and close; they go on after that."""
        self._part(Tracker(self.db, busy_timeout=PATIENT))

    def part_from_children_carried(self) -> None:
        """Do the same with connections that a fork finds open; a broken variant."""
        self._part(Tracker(Carried(self.db)))

    def _part(self, tracker: Tracker) -> None:
        shares = [self.bodies[number::4] for number in range(4)]
        self._take(tracker, shares[0])
        assert list(tracker.recordings())
        began, parted = os.pipe(), os.pipe()
        children = []
        for share in shares[1:]:
            child = os.fork()
            if child == 0:
                self._take(tracker, share[:1])
                os.write(began[1], b".")
                os.read(parted[0], 1)
                self._take(tracker, share[1:])
                assert list(tracker.recordings())
                # By the interpreter's own end, which lets go of all objects.
                sys.exit(0)
            children.append(child)
        for _ in children:
            os.read(began[0], 1)
        tracker.close()
        os.write(parted[1], b"." * len(children))
        _reap(children)

    def fork_under_load(self) -> None:
        """Fork again and again while other threads commit, read and fork; a child takes in, or does nothing."""
        with Tracker(self.db, busy_timeout=PATIENT) as tracker:
            half = len(self.bodies) // 2
            over = threading.Event()
            busy = [
                threading.Thread(target=self._take, args=(tracker, self.bodies[:half])),
                threading.Thread(target=_read_on, args=(tracker, over)),
                threading.Thread(target=_fork_on, args=(over,)),
            ]
            for thread in busy:
                thread.start()
            for body in self.bodies[half:]:
                child = os.fork()
                if child == 0:
                    # What a thread of the parent held is not held by anybody here.
                    if body != self.bodies[-1]:
                        self._take(tracker, [body])
                    os._exit(0)
                _reap([child])
            self._take(tracker, self.bodies[-1:])
            over.set()
            for thread in busy:
                thread.join()

    def fork_in_a_transaction(self) -> None:
        """Fork in the middle of a transaction, so large that the log holds a part of it already."""
        journal = SqliteJournal(self.db)
        with journal.writing():
            for body in self.bodies:
                journal.quarantine(PROVIDER, 0, "kept", body.encode(), "{}")
            child = os.fork()
            if child == 0:
                # By the interpreter's own end, which leaves the parent's block on its way.
                sys.exit(0 if self._all_refused(Tracker(journal)) else 1)
            ((_, status),) = [os.waitpid(child, 0)]
            for body in self.bodies:
                journal.quarantine(PROVIDER, 1, "kept", f"{body} ".encode(), "{}")
        print(os.waitstatus_to_exitcode(status), journal.count_quarantined())
        journal.close()

    def fork_beside_a_long_call(self) -> None:
        """Fork while another thread is longer inside SQLite than a fork waits."""
        forks.WAIT_S = 0.2  # type: ignore[misc]
        began = threading.Event()
        with Tracker(self.db) as tracker, closing(SqliteJournal(self.db)) as journal:
            self._take(tracker, self.bodies[:1])
            thread = threading.Thread(target=_count_for_long, args=(journal, began))
            thread.start()
            began.wait()
            child = os.fork()
            if child == 0:
                sys.exit(0 if self._all_refused(tracker) else 1)
            ((_, status),) = [os.waitpid(child, 0)]
            print(os.waitstatus_to_exitcode(status))
            journal._handle.interrupt()
            thread.join()
            self._take(tracker, self.bodies[1:])

    def fork_interrupted(self) -> None:
        """Fork once in peace, and once with an interrupt of what a fork waits for."""
        with Tracker(self.db) as tracker:
            self._take(tracker, self.bodies[:1])
            _reap([os.fork() or os._exit(0)])
            forks.register(interrupted := Interrupted())
            # Python only tells of it, and forks.
            sys.unraisablehook = lambda told: None
            child = os.fork()
            if child == 0:
                sys.exit(0 if self._all_refused(tracker) else 1)
            ((_, status),) = [os.waitpid(child, 0)]
            print(os.waitstatus_to_exitcode(status))
            forks.forget(interrupted)
            self._take(tracker, self.bodies[1:])

    def _all_refused(self, tracker: Tracker) -> bool:
        """Tell whether nothing can be done here, neither with *tracker* nor with one of this file or of another."""
        attempts: list[Callable[[], object]] = [
            lambda: self._take(tracker, self.bodies[:1]),
            lambda: list(tracker.recordings()),
            lambda: Tracker(self.db),
            lambda: Tracker(self.db, readonly=True),
            lambda: Tracker(self.db.with_name("another.db")),
        ]
        refused = 0
        for attempt in attempts:
            try:
                attempt()
            except StorageError as error:
                refused += "this process was forked" in str(error)
        return refused == len(attempts)

    def hand_to_processes(self) -> None:
        """Hand a tracker to processes of ``multiprocessing``."""
        fork = multiprocessing.get_context("fork")
        with Tracker(self.db, busy_timeout=PATIENT) as tracker:
            processes = [fork.Process(target=self._take, args=(tracker, self.bodies[n::3])) for n in range(3)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
        assert [process.exitcode for process in processes] == [0] * 3

    # Openings

    def open_naively(self) -> None:
        """Have eight processes open a fresh file at once, without a lock and without a second try."""
        gate = os.pipe()
        children = []
        for _ in range(8):
            child = os.fork()
            if child == 0:
                os.close(gate[1])
                os.read(gate[0], 1)
                os._exit(_naive_opening(self.db))
            children.append(child)
        os.close(gate[1])
        failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
        print(failed)


class Interrupted:
    """Meets SIGINT while a fork waits for it."""

    def rest(self, *, until: float) -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    def wake(self) -> None:
        pass

    def begin_process(self) -> None:
        pass


class Carried(SqliteJournal):
    """Stays open across forks."""

    def rest(self, *, until: float) -> bool:
        return True


def _naive_opening(db: Path) -> int:
    try:
        with closing(sqlite3.connect(db, timeout=5)) as connection:
            connection.execute("PRAGMA journal_mode = wal")
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                connection.execute("CREATE TABLE events (body)")
    except sqlite3.Error:
        return 1
    return 0


def _held() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("held", flush=True)
    signal.sigwait({signal.SIGTERM})


def _read_on(tracker: Tracker, until: threading.Event) -> None:
    while not until.is_set():
        list(tracker.recordings())


def _fork_on(until: threading.Event) -> None:
    while not until.is_set():
        child = os.fork()
        if child == 0:
            os._exit(0)
        _reap([child])


def _count_for_long(journal: SqliteJournal, began: threading.Event) -> None:
    """Stay inside one call until it is interrupted."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with suppress(StorageError), journal.reading():
        began.set()
        journal._one(endless)


def _reap(children: Sequence[int]) -> None:
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert ended == [0] * len(ended), ended


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _warm_up() -> None:
    """Load whatever is loaded once, while there is room for it."""
    with tempfile.TemporaryDirectory() as folder, Tracker(Path(folder, "warm.db")) as tracker:
        tracker.ingest(PROVIDER, {})


def main() -> None:
    """Run the scenario that the arguments name."""
    name, db, log = sys.argv[1:]
    scenario = Scenario(Path(db), Path(log), [line.rstrip("\n") for line in sys.stdin])
    try:
        getattr(scenario, name)()
    except TrackerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
