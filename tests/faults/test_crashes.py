"""Crashes: a process that is killed, at each call that changes a file and at random moments."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.aftermath import Aftermath, aftermath
from tests.faults.jobs import Job, callbacks, run, said
from tests.faults.strace import Call, needs_strace, padding, points, recording, striking
from tests.figures import Figures

KILL = "signal=KILL"
KILLED = -9
# One by one and as a batch, with what moves the log into the database: an operator's checkpoint, one that
# truncates, and the one of the last to close.
LIFE = (
    *("open", "ingest 0", "ingest 1", "checkpoint PASSIVE", "ingest 2", "ingest 3 4"),
    *("checkpoint TRUNCATE", "ingest 5", "close", "open", "ingest 6", "ingest 7", "close"),
)
BODIES = callbacks(8)


def kill_points(folder: Path, variant: str = "sound") -> list[Call]:
    """Live the life once, undisturbed, and return each call at which it could have ended."""
    (folder / "whole").mkdir()
    job = _job(folder / "whole", variant)
    ended = run([job], recording(folder / "trace"))
    assert ended == [0], said(job.log)
    return points(folder / "trace", folder / "whole")


def _job(folder: Path, variant: str, pad: tuple[str, int] | None = None) -> Job:
    return Job(db=folder / "recordings.db", log=folder / "log", bodies=BODIES, steps=LIFE, variant=variant, pad=pad)


def kill_at_each(folder: Path, found: Sequence[Call], variant: str = "sound") -> list[Aftermath]:
    """Live the life once for each of the points, and end it there."""
    left = []
    for name in dict.fromkeys(call.name for call in found):
        jobs = []
        for call in found:
            if call.name == name:
                place = folder / f"{variant}-{name}-{call.nth}"
                place.mkdir()
                jobs.append(_job(place, variant, padding(name, call.nth)))
        ended = run(jobs, striking(name, KILL))
        assert ended == [KILLED] * len(jobs), f"not each {name} was reached"
        for job in jobs:
            acknowledged = [BODIES[place] for place in said(job.log).acknowledged]
            left.append(aftermath(job.db, BODIES, acknowledged))
            shutil.rmtree(job.db.parent)
    return left


def _sampled(found: Sequence[Call], every: int) -> list[Call]:
    """Leave out most of the page writes, which are alike; keep the calls that order them."""
    return [call for call in found if call.name != "pwrite64" or call.nth % every == 0]


@needs_strace
@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_at_any_call_that_changes_a_file_loses_nothing_acknowledged(
    every: int, tmp_path: Path, figures: Figures
) -> None:
    found = kill_points(tmp_path)
    left = kill_at_each(tmp_path, _sampled(found, every))

    lost, corrupted = [each for each in left if each.lost], [each for each in left if each.corrupted]
    figures.add(fault="F1", what="kill points", tried=len(left), lost=len(lost), corrupted=len(corrupted))
    assert len(found) > 200
    assert {"pwrite64", "write", "fdatasync", "ftruncate", "unlink", "openat"} <= {call.name for call in found}
    assert ([], []) == (lost, corrupted)


@needs_strace
def test_an_acknowledgement_before_the_commit_is_caught_by_the_kills(tmp_path: Path, figures: Figures) -> None:
    found = [call for call in kill_points(tmp_path, "early") if call.name == "fdatasync"]
    left = kill_at_each(tmp_path, found, "early")

    lost = [each for each in left if each.lost]
    figures.add(fault="F1", what="control: acknowledged before the commit", tried=len(left), lost=len(lost))
    assert lost


@needs_strace
def test_a_commit_statement_by_statement_is_caught_by_the_kills(tmp_path: Path, figures: Figures) -> None:
    found = [call for call in kill_points(tmp_path, "piecemeal") if call.name == "fdatasync"]
    left = kill_at_each(tmp_path, found, "piecemeal")

    corrupted = [each for each in left if each.corrupted]
    figures.add(fault="F1", what="control: commits by statement", tried=len(left), corrupted=len(corrupted))
    assert corrupted


# So many and so large that the log grows to where a commit moves it into the database by itself.
LARGE = callbacks(160, filler=6_000)


def kill_at_random(folder: Path, rounds: int, variant: str = "sound") -> tuple[list[Aftermath], list[int]]:
    """Kill two writers of one file at a random moment, again and again; tell also how often each had acknowledged."""
    chance = random.Random(1_793_523_600)
    jobs = []
    for number in range(rounds):
        place = folder / f"{variant}-{number}"
        place.mkdir()
        for writer in range(2):
            steps = ["open", *(f"ingest {body}" for body in range(writer, len(LARGE), 2))]
            jobs.append(
                Job(
                    db=place / "recordings.db",
                    log=place / f"log{writer}",
                    bodies=LARGE,
                    steps=steps,
                    variant=variant,
                    beside=writer == 0,
                    # More often near the start, where the file is made and opened.
                    killed_at=len(steps) * 0.95 * chance.random() ** 2 if writer else None,
                )
            )
    ended = run(jobs)
    assert set(ended) <= {KILLED, 0}
    left, counts = [], []
    for first, second in zip(jobs[::2], jobs[1::2], strict=True):
        acknowledged = [*said(first.log).acknowledged, *said(second.log).acknowledged]
        left.append(aftermath(first.db, LARGE, [LARGE[place] for place in acknowledged]))
        counts.append(len(acknowledged))
        shutil.rmtree(first.db.parent)
    return left, counts


@pytest.mark.parametrize("rounds", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_a_kill_at_a_random_moment_loses_nothing_acknowledged(rounds: int, tmp_path: Path, figures: Figures) -> None:
    left, counts = kill_at_random(tmp_path, rounds)

    lost, corrupted = [each for each in left if each.lost], [each for each in left if each.corrupted]
    figures.add(
        fault="F2",
        what="kills at random moments, of two writers",
        tried=rounds,
        acknowledged=sum(counts),
        lost=len(lost),
        corrupted=len(corrupted),
    )
    # The moments are chosen from before the first acknowledgement to well after a checkpoint.
    assert max(counts) > 40
    assert ([], []) == (lost, corrupted)


def test_an_acknowledgement_before_the_commit_is_caught_by_random_kills(tmp_path: Path, figures: Figures) -> None:
    left, _ = kill_at_random(tmp_path, 15, "early")

    lost = [each for each in left if each.lost]
    figures.add(fault="F2", what="control: acknowledged before the commit", tried=len(left), lost=len(lost))
    assert lost
