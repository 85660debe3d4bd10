"""Aftermath: what is left of a database after a fault, held against what was acknowledged before it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recording_tracker import Tracker
from recording_tracker.errors import TrackerError
from tests.faults.worker import PROVIDER, RECEIVED_AT


@dataclass
class Aftermath:
    """What a look at a database has shown."""

    lost: list[str] = field(default_factory=list)
    """Acknowledged bodies that the journal does not have, byte for byte."""
    corrupted: list[str] = field(default_factory=list)
    """Whatever else is not as it must be."""

    @property
    def fine(self) -> bool:
        return not self.lost and not self.corrupted


def aftermath(path: Path, bodies: Sequence[str], acknowledged: Collection[str]) -> Aftermath:
    """
    Start a tracker on *path* without any help, look for what was acknowledged, and take all *bodies* in.

    After that, each must be there once, and the recordings as if nothing had happened.
    """
    found = Aftermath()
    try:
        with Tracker(path) as tracker:
            before = journaled(path)
            found.lost = [body for body in acknowledged if not before[body.encode()]]
            found.corrupted += _unsound(tracker)
            summary = tracker.ingest_many(_delivery(body) for body in bodies)
            if (summary.accepted, summary.duplicates) != (len(bodies) - before.total(), before.total()):
                found.corrupted.append(f"{before.total()} of {len(bodies)} were there, but: {summary}")
            if journaled(path) != Counter(body.encode() for body in bodies):
                found.corrupted.append("not every event is there once")
            found.corrupted += _unsound(tracker)
            if _standings(tracker) != _expected(bodies):
                found.corrupted.append("a recording stands elsewhere than without the fault")
    except (TrackerError, sqlite3.Error) as error:
        found.corrupted.append(str(error))
    return found


def journaled(path: Path) -> Counter[bytes]:
    """Return how often each body is in the journal."""
    connection = sqlite3.connect(path)
    try:
        return Counter(body for (body,) in connection.execute("SELECT body FROM events"))
    finally:
        connection.close()


def _unsound(tracker: Tracker) -> list[str]:
    report = tracker.verify()
    return [*report.damaged, *map(str, report.differences)]


def _delivery(body: str) -> dict[str, object]:
    return {"provider": PROVIDER, "received_at": RECEIVED_AT, "body": body}


def _standings(tracker: Tracker) -> dict[object, dict[str, object]]:
    """Return the recordings; how often the fault had bodies sent again is no part of where they stand."""
    found = [recording.to_json() for recording in tracker.recordings(now=RECEIVED_AT)]
    return {recording["recording_id"]: recording | {"duplicates": None} for recording in found}


_KNOWN: dict[tuple[str, ...], dict[object, dict[str, object]]] = {}


def _expected(bodies: Sequence[str]) -> dict[object, dict[str, object]]:
    from recording_tracker.journal.memory import MemoryJournal

    key = tuple(bodies)
    if key not in _KNOWN:
        with Tracker(MemoryJournal()) as tracker:
            tracker.ingest_many(_delivery(body) for body in bodies)
            _KNOWN[key] = _standings(tracker)
    return _KNOWN[key]
