"""Input/output errors and slow disks: told in one line; nothing acknowledged is lost, the same body settles doubts."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import BusyError, DamagedError, StorageError
from recording_tracker.journal import BUSY_TIMEOUT
from tests.faults.aftermath import Aftermath, aftermath
from tests.faults.jobs import Job, Said, callbacks, late, run, said, started, wait_until
from tests.faults.strace import Call, delaying, needs_strace, padding, points, recording, striking
from tests.faults.worker import PROVIDER, RECEIVED_AT
from tests.figures import Figures

BROKEN = "error=EIO"
FAILED = StorageError.exit_status
DAMAGED = DamagedError.exit_status
TOLD = {"StorageError", "InDoubtError", "DamagedError"}
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "pread64")
LIFE = (
    *("open", "ingest 0", "ingest 1", "checkpoint PASSIVE", "ingest 2", "ingest 3 4"),
    *("checkpoint TRUNCATE", "ingest 5", "close", "open", "ingest 6", "ingest 7", "close"),
)
BODIES = callbacks(8)


@dataclass(frozen=True)
class Broken:
    """One run with one call that failed, or with all from one on that did."""

    call: Call
    ended: int
    said: Said
    left: Aftermath


def break_points(folder: Path) -> list[Call]:
    """Live the life once, undisturbed, and return each call that could fail."""
    (folder / "whole").mkdir()
    job = _job(folder / "whole")
    assert run([job], recording(folder / "trace", CALLS)) == [0], said(job.log)
    return points(folder / "trace", folder / "whole")


def _job(folder: Path, variant: str = "sound", pad: tuple[str, int] | None = None) -> Job:
    return Job(db=folder / "recordings.db", log=folder / "log", bodies=BODIES, steps=LIFE, variant=variant, pad=pad)


def break_each(folder: Path, found: Sequence[Call], *, for_good: bool, variant: str = "sound") -> list[Broken]:
    """Live the life once for each of the calls, and have it fail."""
    broken = []
    for name in dict.fromkeys(call.name for call in found):
        chosen = [call for call in found if call.name == name]
        jobs = []
        for call in chosen:
            place = folder / f"{variant}-{name}-{call.nth}"
            place.mkdir()
            jobs.append(_job(place, variant, padding(name, call.nth)))
        ended = run(jobs, striking(name, BROKEN, for_good=for_good))
        for call, job, status in zip(chosen, jobs, ended, strict=True):
            words = said(job.log)
            left = aftermath(job.db, BODIES, [BODIES[place] for place in words.acknowledged])
            broken.append(Broken(call, status, words, left))
            shutil.rmtree(job.db.parent)
    return broken


def _sampled(found: Sequence[Call], every: int) -> list[Call]:
    return [call for call in found if call.name not in ("pwrite64", "pread64") or call.nth % every == 0]


@needs_strace
@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for-good"])
def test_a_call_that_fails_costs_nothing_acknowledged(
    for_good: bool, every: int, tmp_path: Path, figures: Figures
) -> None:
    found = break_points(tmp_path)
    broken = break_each(tmp_path, _sampled(found, every), for_good=for_good)

    lost, corrupted = [each for each in broken if each.left.lost], [each for each in broken if each.left.corrupted]
    figures.add(
        fault="F7",
        what=f"calls that fail {'from then on' if for_good else 'once'}",
        tried=len(broken),
        lost=len(lost),
        corrupted=len(corrupted),
    )
    assert set(CALLS) == {call.name for call in found}
    assert ([], []) == (lost, corrupted)
    for each in broken:
        assert [] == each.said.crashes
        assert TOLD >= {error.split()[0] for error in each.said.errors}
        assert all("SQLITE" not in error and "Traceback" not in error for error in each.said.errors)
        # A read that fails, SQLite takes for a damaged file.
        assert each.call.name == "pread64" or not any(error.startswith("Damaged") for error in each.said.errors)
        assert (0, FAILED)[for_good and each.ended != 0] == each.ended


@needs_strace
def test_the_same_body_again_settles_what_is_in_doubt(tmp_path: Path, figures: Figures) -> None:
    syncs = [call for call in break_points(tmp_path) if call.name == "fdatasync"]
    broken = break_each(tmp_path, syncs, for_good=False)

    doubtful = [each for each in broken if any(error.startswith("InDoubtError") for error in each.said.errors)]
    figures.add(fault="F7", what="commits in doubt, settled by the same body again", tried=len(doubtful))
    assert doubtful
    for each in doubtful:
        assert list(range(len(BODIES))) == each.said.acknowledged
        assert each.left.fine


@needs_strace
def test_an_acknowledgement_in_spite_of_an_error_is_caught(tmp_path: Path, figures: Figures) -> None:
    writes = [call for call in break_points(tmp_path) if call.name == "pwrite64" and call.nth % 12 == 0]
    broken = break_each(tmp_path, writes, for_good=False, variant="deaf")

    lost = [each for each in broken if each.left.lost]
    figures.add(fault="F7", what="control: acknowledged in spite of the error", tried=len(broken), lost=len(lost))
    assert lost


@needs_strace
@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for-good"])
def test_the_command_tells_of_a_call_that_fails_in_one_line(
    for_good: bool, every: int, tmp_path: Path, figures: Figures
) -> None:
    log = tmp_path / "deliveries.jsonl"
    lines = [{"provider": PROVIDER, "received_at": RECEIVED_AT.isoformat(), "body": body} for body in BODIES]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    (tmp_path / "whole").mkdir()
    assert run([_command(tmp_path / "whole", log)], recording(tmp_path / "trace", CALLS)) == [0]
    found = _sampled(points(tmp_path / "trace", tmp_path / "whole"), every)

    tried = 0
    for name in dict.fromkeys(call.name for call in found):
        jobs = [_command(tmp_path / f"{name}-{c.nth}", log, padding(name, c.nth)) for c in found if c.name == name]
        for job in jobs:
            job.db.parent.mkdir()
        ended = run(jobs, striking(name, BROKEN, for_good=for_good))
        for job, status in zip(jobs, ended, strict=True):
            tried += 1
            told = job.log.read_text(encoding="utf-8").splitlines()
            assert len(told) == 1, told
            if status:
                assert told[0].startswith("error: ")
                assert status == FAILED or (name == "pread64" and status == DAMAGED)
            acknowledged = [] if status else BODIES
            assert aftermath(job.db, BODIES, acknowledged).fine
            shutil.rmtree(job.db.parent)
    when = "from then on" if for_good else "once"
    figures.add(fault="F7", what=f"calls of the command that fail {when}", tried=tried)


def _command(folder: Path, log: Path, pad: tuple[str, int] | None = None) -> Job:
    db = folder / "recordings.db"
    return Job(db=db, log=folder / "said", command=["ingest", "--db", str(db), str(log)], pad=pad)


@needs_strace
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for-good"])
def test_a_read_that_fails_never_has_a_log_removed_without_a_copy(
    for_good: bool, tmp_path: Path, figures: Figures
) -> None:
    # Never closed, so that what was acknowledged last stands in the log alone.
    before = tmp_path / "before"
    before.mkdir()
    assert run([_left(before, ["open", "ingest 0", "ingest 1", "checkpoint PASSIVE", "ingest 2"])]) == [0]
    steps = ["open", "ingest 3", "close"]
    shutil.copytree(before, tmp_path / "whole")
    assert run([_left(tmp_path / "whole", steps)], recording(tmp_path / "trace", ["pread64"])) == [0]
    reads = points(tmp_path / "trace", tmp_path / "whole")

    jobs = [_left(tmp_path / f"{call.nth}", steps, padding("pread64", call.nth)) for call in reads]
    for job in jobs:
        shutil.copytree(before, job.db.parent)
    run(jobs, striking("pread64", BROKEN, for_good=for_good))

    errors = [error for job in jobs for error in said(job.log).errors]
    when = "from then on" if for_good else "once"
    figures.add(fault="F7", what=f"reads of a log that fail {when}", tried=len(reads))
    assert errors
    assert [] == [error for error in errors if "remove" in error and "keep a copy" not in error]
    for job in jobs:
        words = said(job.log)
        assert [] == words.crashes
        assert aftermath(job.db, BODIES, [BODIES[place] for place in words.acknowledged]).fine


def _left(folder: Path, steps: Sequence[str], pad: tuple[str, int] | None = None) -> Job:
    return Job(db=folder / "recordings.db", log=folder / "log", bodies=BODIES, steps=steps, pad=pad)


SLOW_MS = 300
STUCK_MS = 6_500


def _writers(folder: Path, variant: str, each: int) -> list[Job]:
    bodies = callbacks(2 * each)
    return [
        Job(
            db=folder / "recordings.db",
            log=folder / f"log{writer}",
            bodies=bodies,
            steps=["open", *(f"ingest {body}" for body in range(writer, len(bodies), 2)), "close"],
            variant=variant,
            beside=writer == 0,
        )
        for writer in range(2)
    ]


@needs_strace
def test_a_slow_disk_makes_writers_slow_and_nothing_else(tmp_path: Path, figures: Figures) -> None:
    jobs = _writers(tmp_path, "sound", 4)
    Tracker(jobs[0].db).close()

    begun = time.monotonic()
    ended = run(jobs, delaying("fdatasync", SLOW_MS))
    took = time.monotonic() - begun

    words = [said(job.log) for job in jobs]
    acknowledged = [place for each in words for place in each.acknowledged]
    left = aftermath(jobs[0].db, jobs[0].bodies, [jobs[0].bodies[place] for place in acknowledged])
    figures.add(fault="F18", what=f"events of two writers, {SLOW_MS} ms a sync", tried=8, lost=len(left.lost))
    assert ([0, 0], [], []) == (ended, words[0].errors, words[1].errors)
    assert list(range(8)) == sorted(acknowledged)
    assert took > 8 * SLOW_MS / 1000
    assert left.fine


@needs_strace
def test_who_waits_for_a_stuck_disk_hears_so_after_the_busy_timeout(tmp_path: Path, figures: Figures) -> None:
    bodies = callbacks(3)
    path, log = tmp_path / "recordings.db", tmp_path / "log"
    with Tracker(path) as tracker:
        tracker.ingest(PROVIDER, bodies[0], received_at=RECEIVED_AT)
        written = _log_size(path)
        job = Job(db=path, log=log, bodies=bodies, steps=["open", "ingest 1"])
        with started([job], delaying("fdatasync", STUCK_MS)):
            wait_until(lambda: _log_size(path) > written)
            begun = time.monotonic()
            with late() as lateness, pytest.raises(BusyError):
                tracker.ingest(PROVIDER, bodies[2], received_at=RECEIVED_AT)
            waited = time.monotonic() - begun
            # Readers go on.
            assert 1 == len(list(tracker.recordings(now=RECEIVED_AT)))
        assert [1] == said(log).acknowledged

        after = tracker.ingest(PROVIDER, bodies[2], received_at=RECEIVED_AT)

    figures.add(fault="F18", what=f"writer that waits for a sync of {STUCK_MS} ms", tried=1, seconds=round(waited, 2))
    assert "accepted" == after.result
    assert BUSY_TIMEOUT.total_seconds() <= waited <= BUSY_TIMEOUT.total_seconds() + 0.5 + sum(lateness)
    assert aftermath(path, bodies, bodies).fine


def _log_size(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


@needs_strace
def test_a_transaction_that_reads_before_it_locks_is_caught_on_a_slow_disk(tmp_path: Path, figures: Figures) -> None:
    jobs = _writers(tmp_path, "deferred", 8)
    Tracker(jobs[0].db).close()

    begun = time.monotonic()
    run(jobs, delaying("fdatasync", SLOW_MS // 3))
    took = time.monotonic() - begun

    errors = [error for job in jobs for error in said(job.log).errors]
    figures.add(fault="F18", what="control: deferred transaction, refused too early", tried=16, caught=len(errors))
    # It is told that the file is busy without having waited for it.
    assert any(error.startswith("BusyError") for error in errors)
    assert took < BUSY_TIMEOUT.total_seconds() * len(errors)
