"""A full disk: what is refused, what goes on, and that it ends by itself when there is room again."""

from __future__ import annotations

import json
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import StorageError
from tests.faults.aftermath import aftermath, journaled
from tests.faults.jobs import callbacks
from tests.faults.mounts import MIB, ext4, fill, needs_mkfs, needs_mounts, tmpfs
from tests.faults.surroundings import NOW, listing, lost, reading_goes_on, take, tracker
from tests.faults.surroundings_worker import acknowledged, worker
from tests.faults.worker import PROVIDER
from tests.figures import Figures

BODIES = callbacks(80, filler=20_000)
ROOM = 400_000
"""Bytes that are left when the disk begins to be full: some callbacks fit, not all."""

Disk = Callable[[Path], AbstractContextManager[Path]]


@contextmanager
def small_tmpfs(folder: Path) -> Iterator[Path]:
    (folder / "disk").mkdir()
    with tmpfs(folder / "disk", size=8 * MIB) as place:
        yield place


@contextmanager
def small_ext4(folder: Path) -> Iterator[Path]:
    (folder / "disk").mkdir()
    with ext4(folder / "disk", folder / "image", size=16 * MIB) as place:
        yield place


DISKS = [pytest.param(small_tmpfs, id="tmpfs"), pytest.param(small_ext4, id="ext4", marks=needs_mkfs)]


def recording_id(db: Path) -> str:
    with Tracker(db, readonly=True) as asked:
        return next(found.recording_id or "" for found in asked.recordings(now=NOW))


def take_until_full(taker: Tracker, bodies: list[str]) -> tuple[list[str], StorageError]:
    """Take bodies in until one is refused; return those that were acknowledged, and the error."""
    taken: list[str] = []
    for body in bodies:
        error = take(taker, body)
        if error is not None:
            assert isinstance(error, StorageError), error
            return taken, error
        taken.append(body)
    raise AssertionError("the disk was never full")


@needs_mounts
@pytest.mark.parametrize("disk", DISKS)
def test_a_full_disk_refuses_callbacks_until_there_is_room_and_nothing_else(
    disk: Disk, tmp_path: Path, figures: Figures
) -> None:
    with disk(tmp_path) as place:
        db = place / "recordings.db"
        with Tracker(db) as taker:
            assert take(taker, BODIES[0]) is None
            filler = fill(place, but=ROOM)

            taken, error = take_until_full(taker, BODIES[1:])
            taken.insert(0, BODIES[0])
            again = [take(taker, body) for body in BODIES[len(taken) : len(taken) + 3]]
            reports = [taker.audit(NOW), *taker.status(recording_id(db), NOW)]
            unread = reading_goes_on(db, recording_id(db))
            # More than what the log has room for behind what it holds already.
            bodies = tmp_path / "bodies.jsonl"
            bodies.write_text("\n".join(BODIES), encoding="utf-8")
            command = tracker("ingest", "--provider", PROVIDER, str(bodies), db=db)
            filler.unlink()
            after = [take(taker, body) for body in BODIES]

        missing = lost(db, taken)
        found = aftermath(db, BODIES, BODIES)

    figures.add(
        fault="F5",
        what="callbacks until the disk was full, and after",
        tried=len(taken) + len(after),
        lost=len(missing),
    )
    assert 74 == error.exit_status
    assert f"{db}: the disk is full" in str(error)
    assert all(isinstance(refused, StorageError) for refused in again)
    assert len(reports) == 2
    assert [] == unread
    assert 74 == command.status
    assert "the disk is full" in command.complaint
    assert [None] * len(BODIES) == after
    assert [] == missing
    assert found.fine, found


@needs_mounts
def test_who_acknowledges_what_a_full_disk_refused_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: an acknowledgement in spite of the error."""
    with small_tmpfs(tmp_path) as place, Tracker(place / "recordings.db") as taker:
        assert take(taker, BODIES[0]) is None
        fill(place, but=ROOM)
        for body in BODIES[1:]:
            take(taker, body)

        missing = lost(place / "recordings.db", BODIES)

    figures.add(fault="F5", what="control: acknowledged in spite of the error", tried=1, caught=int(bool(missing)))
    assert missing


@needs_mounts
@pytest.mark.parametrize("disk", DISKS)
def test_a_full_disk_keeps_nobody_from_reading_a_database_that_nobody_has_open(
    disk: Disk, tmp_path: Path, figures: Figures
) -> None:
    with disk(tmp_path) as place:
        db = place / "recordings.db"
        with Tracker(db) as taker:
            assert [take(taker, body) for body in BODIES[:10]] == [None] * 10
        name = recording_id(db)
        fill(place)
        before = listing(place)

        unread = reading_goes_on(db, name)
        writing = tracker("expect", "agora", "announced", db=db)
        after = listing(place)

    figures.add(fault="F5", what="commands on a full disk", tried=6, lost=len(unread))
    assert [] == unread
    assert 74 == writing.status
    assert "the disk is full" in writing.complaint
    assert before["recordings.db"] == after["recordings.db"]


@needs_mounts
def test_a_reader_sees_what_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    with small_tmpfs(tmp_path) as place:
        db = place / "recordings.db"
        with Tracker(db) as taker:
            take(taker, BODIES[0])
        filler = fill(place)
        with Tracker(db, readonly=True) as reader:
            before = [found.events for found in reader.recordings(now=NOW)]
            filler.unlink()
            with Tracker(db) as taker:
                assert take(taker, BODIES[1]) is None
                meanwhile = [found.events for found in reader.recordings(now=NOW)]
            after = [found.events for found in reader.status(recording_id(db), NOW)]

    assert [1] == before
    assert [2] == meanwhile
    assert [2] == after


@needs_mounts
@pytest.mark.parametrize("disk", DISKS)
def test_no_database_is_begun_on_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    with disk(tmp_path) as place:
        filler = fill(place)

        ran = tracker("expect", "agora", "announced", db=place / "recordings.db")
        left = sorted(path.name for path in place.iterdir() if path.is_file())
        filler.unlink()
        later = tracker("expect", "agora", "announced", db=place / "recordings.db")

    assert 74 == ran.status
    assert f"error: {place / 'recordings.db'}: the disk is full" in ran.complaint
    assert ["filler"] == left
    assert 0 == later.status


@needs_mounts
def test_an_import_that_meets_a_full_disk_is_finished_by_running_it_again(tmp_path: Path, figures: Figures) -> None:
    log = tmp_path / "deliveries.jsonl"
    log.write_text("".join(f"{json.dumps({'provider': 'agora', 'body': body})}\n" for body in BODIES))
    with small_tmpfs(tmp_path) as place:
        db = place / "recordings.db"
        assert tracker("expect", "agora", "announced", db=db).status == 0
        filler = fill(place, but=ROOM)

        full = tracker("ingest", log, db=db)
        filler.unlink()
        again = tracker("ingest", log, db=db)
        there = journaled(db)

    figures.add(fault="F5", what="imports", tried=2, lost=len(BODIES) - len(there))
    assert 74 == full.status
    assert f"{db}: the disk is full" in full.complaint
    assert (0, "") == (again.status, again.err)
    assert {body.encode(): 1 for body in BODIES} == there


@needs_mounts
def test_a_backup_for_which_there_is_no_room_leaves_no_part_of_it(tmp_path: Path) -> None:
    with small_tmpfs(tmp_path) as place:
        db = tmp_path / "recordings.db"
        with Tracker(db) as taker:
            taker.ingest_many({"provider": "agora", "body": body} for body in BODIES)
        fill(place, but=ROOM)

        ran = tracker("backup", place / "copy.db", db=db)
        left = sorted(path.name for path in place.iterdir())

    assert 74 == ran.status
    assert "the disk is full" in ran.complaint
    assert ["filler"] == left


@pytest.mark.parametrize("size", [200_000, 300_000, 500_000])
def test_a_limit_of_the_size_of_files_is_a_full_disk_too(size: int, tmp_path: Path, figures: Figures) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    db = tmp_path / "recordings.db"
    Tracker(db).close()
    ended = worker("take", db, tmp_path / "acks", bodies=BODIES, prepare=limited)
    acks = acknowledged(tmp_path / "acks")

    missing = lost(db, acks)
    found = aftermath(db, BODIES, acks)
    figures.add(fault="F5", what="sizes of files allowed", tried=1, lost=len(missing), corrupted=len(found.corrupted))
    assert ended.status == 74, ended
    assert f"{db}: " in ended.err
    assert 0 < len(acks) < len(BODIES)
    assert found.fine, found


# No more files


def no_more_files(folder: Path) -> list[Path]:
    """Make files until no more can be made; return them."""
    made: list[Path] = []
    while True:
        try:
            (folder / f"other{len(made)}").touch()
        except OSError:
            return made
        made.append(folder / f"other{len(made)}")


@needs_mounts
def test_a_disk_that_takes_no_more_files_names_the_folder(tmp_path: Path, figures: Figures) -> None:
    (tmp_path / "disk").mkdir()
    with tmpfs(tmp_path / "disk", size=4 * MIB, files=6) as place:
        db = place / "recordings.db"
        with Tracker(db) as taker:
            assert take(taker, BODIES[0]) is None
        name = recording_id(db)
        for beside in (place / "recordings.db-wal", place / "recordings.db-shm"):
            beside.unlink(missing_ok=True)
        others = no_more_files(place)

        existing = tracker("expect", "agora", "announced", db=db)
        fresh = tracker("expect", "agora", "announced", db=place / "another.db")
        unread = reading_goes_on(db, name)
        for other in others:
            other.unlink()
        later = tracker("expect", "agora", "announced", db=db)
        missing = lost(db, BODIES[:1])

    figures.add(fault="F6", what="commands without a free inode", tried=7, lost=len(missing) + len(unread))
    for ran in (existing, fresh):
        assert 74 == ran.status
        assert f"{place} takes no more files" in ran.complaint
    assert [] == unread
    assert 0 == later.status
    assert [] == missing


@needs_mounts
def test_a_program_that_does_not_say_where_there_is_no_room_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: a reader, and a complaint, as SQLite has them by default."""
    (tmp_path / "disk").mkdir()
    with tmpfs(tmp_path / "disk", size=4 * MIB, files=6) as place:
        db = place / "recordings.db"
        Tracker(db).close()
        for beside in (place / "recordings.db-wal", place / "recordings.db-shm"):
            beside.unlink(missing_ok=True)
        no_more_files(place)
        with closing(sqlite3.connect(db)) as plain, pytest.raises(sqlite3.OperationalError) as raised:
            plain.execute("SELECT count(*) FROM events").fetchone()

    caught = str(place) not in str(raised.value)
    figures.add(fault="F6", what="control: read as SQLite does by default", tried=1, caught=int(caught))
    assert caught
