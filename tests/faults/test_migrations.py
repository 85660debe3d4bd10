"""Migrations: a schema is as it was or as it is to be, whatever stops the program on the way."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import VersionError
from recording_tracker.journal.connection import SCHEMA_VERSION
from tests.faults.aftermath import journaled
from tests.faults.jobs import Job, callbacks, run, said
from tests.faults.strace import Call, needs_strace, padding, points, recording, striking
from tests.faults.worker import LATER, PROVIDER, RECEIVED_AT
from tests.figures import Figures

FAULTS = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
KILLED = -9
BODIES = callbacks(40)
Schema = tuple[object, ...]


@dataclass
class Left:
    """What broken migrations have left."""

    tried: int = 0
    absent_or_old: int = 0
    new: int = 0
    neither: list[str] = field(default_factory=list)
    """Where the schema is something in between, or an event is missing, or another try does not finish."""


def _schema(path: Path) -> Schema:
    """Return all that makes the schema of a file; nothing where there is no file."""
    if not path.exists():
        return ()
    with closing(sqlite3.connect(path)) as connection:
        items = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
        numbers = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id")]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return (*items, *numbers)


def _job(folder: Path, step: str, variant: str = "sound", pad: tuple[str, int] | None = None) -> Job:
    return Job(db=folder / "recordings.db", log=folder / "log", steps=[step], variant=variant, pad=pad)


def _folder(start: Path | None, folder: Path) -> Path:
    if start is None:
        folder.mkdir()
    else:
        shutil.copytree(start, folder)
    return folder


def break_everywhere(
    folder: Path, fault: str, step: str, start: Path | None, bodies: Sequence[str], variant: str = "sound"
) -> Left:
    """Do *step* on a copy of *start* once for each call that changes a file, and have the fault strike it."""
    whole = _folder(start, folder / "whole")
    before = _schema(whole / "recordings.db")
    assert run([_job(whole, step, variant)], recording(folder / "trace")) == [0], said(whole / "log")
    after = _schema(whole / "recordings.db")
    assert before != after

    found = [call for call in points(folder / "trace", whole) if call.path != str(whole / "log")]
    struck: list[tuple[Call, Job]] = []
    for name in dict.fromkeys(call.name for call in found):
        jobs = {
            call: _job(_folder(start, folder / f"{name}-{call.nth}"), step, variant, padding(name, call.nth))
            for call in found
            if call.name == name
        }
        ended = run(jobs.values(), striking(name, FAULTS[fault]))
        assert fault != "kill" or ended == [KILLED] * len(jobs), f"not each {name} was reached"
        struck += jobs.items()
    schemas = [_schema(job.db) for _, job in struck]
    again = run(_job(job.db.parent, step, variant) for _, job in struck)

    left = Left(tried=len(struck), absent_or_old=schemas.count(before), new=schemas.count(after))
    for (call, job), schema, status in zip(struck, schemas, again, strict=True):
        words = said(job.log)
        finished = status == 0 and _schema(job.db) == after and set(journaled(job.db)) == _bytes(bodies)
        if schema not in (before, after) or not finished or words.crashes:
            left.neither.append(f"{call.name} {call.nth}: {words}")
    return left


def _bytes(bodies: Sequence[str]) -> set[bytes]:
    return {body.encode() for body in bodies}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a database of today's schema, and events in it."""
    folder = tmp_path / "old"
    folder.mkdir()
    with Tracker(folder / "recordings.db") as tracker:
        tracker.ingest_many({"provider": PROVIDER, "received_at": RECEIVED_AT, "body": body} for body in BODIES)
    return folder


@needs_strace
@pytest.mark.parametrize("fault", FAULTS)
def test_a_first_open_that_is_stopped_leaves_no_schema_or_all_of_it(
    fault: str, tmp_path: Path, figures: Figures
) -> None:
    left = break_everywhere(tmp_path, fault, "create", None, [])

    figures.add(fault="F21", what=f"first open, {fault} at a call", tried=left.tried, corrupted=len(left.neither))
    assert [] == left.neither
    assert left.tried >= 5
    assert left.absent_or_old
    assert left.new


@needs_strace
@pytest.mark.parametrize("fault", FAULTS)
def test_a_migration_that_is_stopped_leaves_the_old_schema_or_the_new(
    fault: str, old: Path, tmp_path: Path, figures: Figures
) -> None:
    left = break_everywhere(tmp_path, fault, "migrate", old, BODIES)

    figures.add(
        fault="F21", what=f"migration with events, {fault} at a call", tried=left.tried, corrupted=len(left.neither)
    )
    assert [] == left.neither
    assert left.tried >= 30
    assert left.absent_or_old
    assert left.new


@needs_strace
def test_a_migration_statement_by_statement_is_caught(old: Path, tmp_path: Path, figures: Figures) -> None:
    left = break_everywhere(tmp_path, "kill", "migrate", old, BODIES, "piecemeal")

    figures.add(fault="F21", what="control: migration by statement", tried=left.tried, corrupted=len(left.neither))
    assert left.neither


@pytest.fixture
def newer(old: Path) -> Path:
    """A database of the next schema version, with events in it."""
    assert run([_job(old, "migrate")]) == [0]
    return old / "recordings.db"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("readonly", [False, True])
def test_a_newer_schema_is_refused_by_both_numbers_and_nothing_changes(readonly: bool, newer: Path) -> None:
    before = _digest(newer)

    with pytest.raises(VersionError) as caught:
        Tracker(newer, readonly=readonly)

    assert f"schema version {LATER}, newer than {SCHEMA_VERSION} " in str(caught.value)
    assert str(newer) in str(caught.value)
    assert before == _digest(newer)
    assert _bytes(BODIES) == set(journaled(newer))


COMMANDS = (
    *(["ingest", "-"], ["expect", "agora", "some-id"], ["status", "some"], ["history", "some"], ["list"], ["audit"]),
    *(["verify"], ["replay"], ["replay", "--dry-run"], ["backup", "copy.db"], ["erase", "some"]),
    *(["prune", "--complete-before", "1d"], ["quarantine", "list"], ["ack", "some", "--note", "n"]),
)


def test_every_command_refuses_a_newer_schema(newer: Path, tmp_path: Path, figures: Figures) -> None:
    before = _digest(newer)
    jobs = [
        Job(db=newer, log=tmp_path / f"said{number}", command=[command, "--db", str(newer), *rest])
        for number, (command, *rest) in enumerate(COMMANDS)
        if command != "quarantine"
    ]
    jobs.append(Job(db=newer, log=tmp_path / "said", command=["--db", str(newer), "quarantine", "list"]))

    ended = run(jobs)

    figures.add(fault="F22", what="commands on a newer schema", tried=len(jobs))
    assert {job.command[0]: VersionError.exit_status for job in jobs} == {
        job.command[0]: status for job, status in zip(jobs, ended, strict=True)
    }
    for job in jobs:
        told = job.log.read_text(encoding="utf-8").splitlines()
        assert 1 == len(told), told
        assert told[0].startswith("error: ")
        assert f"{LATER}, newer than {SCHEMA_VERSION} " in told[0]
    assert before == _digest(newer)


def test_a_program_that_does_not_look_at_the_version_is_caught(newer: Path, figures: Figures) -> None:
    before = _digest(newer)

    with closing(sqlite3.connect(newer)) as careless:
        careless.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        careless.commit()

    figures.add(fault="F22", what="control: the version is not looked at", tried=1, corrupted=1)
    assert before != _digest(newer)


def test_an_older_schema_that_was_lifted_has_every_event(newer: Path) -> None:
    with closing(sqlite3.connect(newer)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LATER,)
        assert connection.execute("SELECT count(*) FROM events WHERE weight = length(body)").fetchone() == (40,)
    assert _bytes(BODIES) == set(journaled(newer))
