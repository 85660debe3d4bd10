"""Input/output errors and slow disks: told in one line, nothing acknowledged is lost, and the same body again settles it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.aftermath import Aftermath, aftermath
from tests.faults.jobs import Job, Said, callbacks, run, said, started, wait_until
from tests.faults.strace import Call, delaying, needs_strace, padding, points, recording, striking
from tests.figures import Figures

BROKEN = "error=EIO"
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "pread64")
# What is no matter of ours is done between two bodies, so that each checkpoint is one that a commit or a closing does.
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
