"""Surroundings: the program run from outside, as a shell does, and what it must look like when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recording_tracker import Tracker, TrackerError
from tests.faults.aftermath import journaled
from tests.faults.jobs import PATIENCE_S, environment
from tests.faults.worker import PROVIDER, RECEIVED_AT

NOW = datetime(2026, 11, 1, 13, tzinfo=UTC)
READING = (("status", "{id}"), ("list",), ("audit",), ("history", "{id}"), ("explain", "{id}"), ("verify",))
"""The commands that must go on whatever keeps others from writing."""


@dataclass(frozen=True)
class Ran:
    """What one run of ``tracker`` did."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error; there must be no other, and it must be no traceback."""
        (line,) = self.err.splitlines()
        assert line.startswith("error: "), self.err
        return line


def tracker(
    *arguments: str | Path,
    db: Path | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float = PATIENCE_S,
    prepare: Callable[[], None] | None = None,
    cwd: Path | None = None,
    prefix: Sequence[str] = (),
) -> Ran:
    """Run ``tracker``; *prepare* is done in the child before it begins."""
    place = [] if db is None else [f"--db={os.fsdecode(db)}"]
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "recording_tracker", *place, *arguments],
        input=stdin,
        capture_output=True,
        timeout=timeout,
        env=environment() | dict(env or {}),
        preexec_fn=prepare,
        cwd=cwd,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def reading_goes_on(db: Path, recording_id: str) -> list[str]:
    """Run the reading commands on *db*, and return what did not work."""
    failed = []
    for command in READING:
        ran = tracker(*(word.format(id=recording_id) for word in command), db=db)
        if ran.status not in (0, 1) or ran.err or not ran.out:
            failed.append(f"{command[0]}: {ran}")
    return failed


def take(tracker_: Tracker, body: str) -> TrackerError | None:
    """Take one body in; return the error that it met."""
    try:
        receipt = tracker_.ingest(PROVIDER, body, received_at=RECEIVED_AT)
    except TrackerError as error:
        return error
    assert receipt.result in ("accepted", "duplicate"), receipt
    return None


def lost(db: Path, acknowledged: Collection[str]) -> list[str]:
    """Return the acknowledged bodies that the journal does not have, byte for byte."""
    there = journaled(db)
    return [body for body in acknowledged if not there[body.encode()]]


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return what is in *folder*: name, when it was changed, and content."""
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.iterdir())
    }
