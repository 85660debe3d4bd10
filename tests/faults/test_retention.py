"""Retention: recordings that are forgotten while callbacks come in, and what is left of the others."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from recording_tracker import BusyError, NotFoundError, Tracker
from recording_tracker.journal import BUSY_TIMEOUT
from tests.faults.aftermath import journaled
from tests.faults.jobs import LENGTH, PATIENCE_S, PATIENT, callbacks, wait_until
from tests.faults.surroundings import NOW, take
from tests.figures import Figures

RECORDINGS = 40
BODIES = callbacks(RECORDINGS * LENGTH)
LATER = callbacks(RECORDINGS * LENGTH, writer=1)


def beside_callbacks(db: Path, forget: Callable[[Tracker], object]) -> None:
    """Do *forget* once for each recording that another tracker takes in, while it goes on with the next."""
    opened = [Tracker(db, busy_timeout=PATIENT) for _ in range(2)]
    with opened[0] as taker, opened[1] as forgetter, ThreadPoolExecutor(1) as beside:
        turns = threading.Semaphore(0)

        def take_all() -> list[object]:
            errors: list[object] = []
            for number, body in enumerate(LATER, 1):
                errors.append(take(taker, body))
                if number % LENGTH == 0:
                    turns.release()
            return errors

        taking = beside.submit(take_all)
        for _ in range(RECORDINGS):
            assert turns.acquire(timeout=PATIENCE_S)
            forget(forgetter)
        assert [None] * len(LATER) == taking.result()


def left(db: Path) -> tuple[int, int, bool]:
    """Return how many recordings are listed and counted, and whether all that is kept agrees with the journal."""
    with Tracker(db, readonly=True) as asked:
        return len(list(asked.recordings(now=NOW))), asked.audit(NOW).recordings, asked.verify().sound


def full(db: Path) -> list[str]:
    with Tracker(db) as taker:
        taker.ingest_many({"provider": "agora", "received_at": NOW, "body": body} for body in BODIES)
        return [found.id for found in taker.recordings(now=NOW)]


def test_pruning_beside_callbacks_forgets_what_is_complete_and_nothing_else(tmp_path: Path, figures: Figures) -> None:
    db = tmp_path / "recordings.db"
    full(db)

    # Behind the present too, at which the callbacks beside it come.
    later = NOW + timedelta(days=36_500)
    beside_callbacks(db, lambda forgetter: forgetter.prune(complete_before=timedelta(0), now=later))

    there = sum(journaled(db).values())
    figures.add(fault="retention", what="recordings pruned beside callbacks", tried=2 * RECORDINGS, lost=there)
    assert (0, 0, True) == left(db)
    assert 0 == there


def test_erasing_beside_callbacks_forgets_one_recording_at_a_time_and_nothing_else(
    tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    names = full(db)

    beside_callbacks(db, lambda forgetter: forgetter.erase(names.pop()))

    there = journaled(db)
    missing = [body for body in LATER if not there[body.encode()]]
    figures.add(fault="retention", what="recordings erased beside callbacks", tried=RECORDINGS, lost=len(missing))
    assert (RECORDINGS, RECORDINGS, True) == left(db)
    assert len(LATER) == sum(there.values())
    assert [] == missing


def test_a_callback_is_taken_in_while_an_erasure_waits_for_a_reader(tmp_path: Path) -> None:
    db = tmp_path / "recordings.db"
    name, *_ = full(db)
    with (
        Tracker(db) as eraser,
        # Not as long as an erasure would wait for a reader.
        Tracker(db, busy_timeout=BUSY_TIMEOUT * 4 / 5) as taker,
        ThreadPoolExecutor(1) as beside,
        closing(sqlite3.connect(db, isolation_level=None, timeout=0)) as watcher,
        closing(sqlite3.connect(db, isolation_level=None)) as reader,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        erasing = beside.submit(eraser.erase, name)
        wait_until(lambda: erasing.done() or (is_erased(watcher, name) and is_kept_busy(watcher)))

        taken = take(taker, LATER[0])
        told = erasing.exception()
        reader.execute("COMMIT")

    assert (None, BusyError) == (taken, type(told))
    assert "the -wal, which cannot be emptied while others read, still holds it" in str(told)


def is_erased(watcher: sqlite3.Connection, name: str) -> bool:
    return not watcher.execute("SELECT 1 FROM recordings WHERE recording_id = ?", [name]).fetchone()


def is_kept_busy(watcher: sqlite3.Connection) -> bool:
    try:
        watcher.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    watcher.execute("ROLLBACK")
    return False


def test_what_is_forgotten_while_it_is_asked_for_is_not_found(tmp_path: Path) -> None:
    db = tmp_path / "recordings.db"
    name, *_ = full(db)
    with Tracker(db) as one, Tracker(db) as other:
        assert one.status(name, NOW)
        other.erase(name)

        assert [] == one.status(name, NOW)
        with pytest.raises(NotFoundError):
            one.erase(name)
