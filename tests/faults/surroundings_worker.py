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
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from recording_tracker import Tracker
from recording_tracker.errors import BusyError, TrackerError
from recording_tracker.journal.sqlite import SqliteJournal
from tests.faults.jobs import environment
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
    timeout: float = 120,
) -> Ended:
    """Run *scenario* in a process of its own."""
    done = subprocess.run(
        command(scenario, db, log),
        input="".join(f"{body}\n" for body in bodies),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment() | (env or {}),
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
