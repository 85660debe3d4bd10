"""Places: where a database may not be read, written, made or found, and files that are something else."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import BusyError, StorageError, TrackerError, UsageError
from recording_tracker.journal.connection import mount_of
from recording_tracker.journal.sqlite import SqliteJournal
from tests.faults.jobs import ROOT, callbacks
from tests.faults.mounts import (
    immutable,
    needs_bindfs,
    needs_chattr,
    needs_mounts,
    passed_on,
    read_only_view,
    single_file,
)
from tests.faults.strace import needs_strace
from tests.faults.surroundings import NOW, listing, lost, reading_goes_on, take, tracker
from tests.faults.surroundings_worker import acknowledged, worker
from tests.figures import Figures

BODIES = callbacks(16)
ONE = callbacks(1)
NEEDS_WRITE_ACCESS = "a WAL database needs write access to its folder (or use a backup copy)"
# Root goes by what files permit only without the capabilities to pass it over.
BOUND_BY_PERMISSIONS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
needs_setpriv = pytest.mark.skipif(
    os.geteuid() == 0 and not shutil.which("setpriv"), reason="needs the Debian package util-linux"
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "recordings.db"


def made(db: Path, bodies: list[str] = ONE) -> str:
    """Make a database, close it, and return the id of its one recording."""
    with Tracker(db) as taker:
        assert [take(taker, body) for body in bodies] == [None] * len(bodies)
        return next(found.recording_id or "" for found in taker.recordings(now=NOW))


def left_by_a_killed_writer(db: Path) -> str:
    """Make a database of which all that is committed stands in the -wal."""
    name = made(db)
    script = (
        "import os, sys\n"
        "from recording_tracker import Tracker\n"
        "Tracker(sys.argv[1]).expect('agora', 'announced')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", script, db], env=env, check=False).returncode == -9
    assert Path(f"{db}-wal").stat().st_size > 0
    return name


# What cannot be opened


@pytest.mark.parametrize("command", [("status", "x"), ("audit",), ("verify",), ("replay",), ("backup", "copy.db")])
def test_a_missing_database_is_named_and_not_made(command: tuple[str, ...], tmp_path: Path) -> None:
    ran = tracker(*command, db=tmp_path / "recordings.db", cwd=tmp_path)

    assert 74 == ran.status
    assert f"error: {tmp_path / 'recordings.db'}: no such database" in ran.complaint
    assert {} == listing(tmp_path)


@pytest.fixture
def permissions(tmp_path: Path) -> Iterator[Callable[[Path, int], None]]:
    """Change what may be done, and change it back, so that pytest can clear up."""
    before: dict[Path, int] = {}

    def change(path: Path, mode: int) -> None:
        before[path] = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode)

    yield change
    for path, mode in before.items():
        path.chmod(mode)


@needs_setpriv
@pytest.mark.parametrize("command", ["audit", "expect agora announced"])
@pytest.mark.parametrize("closed", ["the file", "the folder"])
def test_what_may_not_be_read_is_refused(
    closed: str, command: str, db: Path, permissions: Callable[[Path, int], None], figures: Figures
) -> None:
    made(db)
    permissions(db if closed == "the file" else db.parent, 0o000)

    ran = tracker(*command.split(), db=db, prefix=BOUND_BY_PERMISSIONS)

    figures.add(fault="F8", what="commands without permission", tried=1)
    assert 77 == ran.status, ran
    assert str(db) in ran.complaint


@needs_setpriv
def test_who_may_only_read_the_folder_reads(
    db: Path, permissions: Callable[[Path, int], None], figures: Figures
) -> None:
    name = made(db)
    before = listing(db.parent)
    permissions(db, 0o444)
    permissions(db.parent, 0o555)

    reading = [tracker(*words, db=db, prefix=BOUND_BY_PERMISSIONS) for words in (("status", name), ("list",))]
    writing = [
        tracker("expect", "agora", "announced", db=place, prefix=BOUND_BY_PERMISSIONS)
        for place in (db, db.with_name("fresh.db"))
    ]

    figures.add(fault="F9", what="commands of a user who may only read", tried=4)
    assert [(0, ""), (0, "")] == [(ran.status, ran.err) for ran in reading]
    assert [77, 77] == [ran.status for ran in writing]
    assert str(db) in writing[0].complaint
    assert str(db.with_name("fresh.db")) in writing[1].complaint
    assert before == listing(db.parent)


def test_a_process_short_of_descriptors_is_told_so_and_loses_nothing(tmp_path: Path, figures: Figures) -> None:
    db = tmp_path / "recordings.db"
    made(db)

    ended = worker("short_of_descriptors", db, tmp_path / "acks", bodies=BODIES)

    refused = [line for line in ended.out.splitlines() if line != "taken"]
    missing = lost(db, acknowledged(tmp_path / "acks"))
    figures.add(fault="F8", what="numbers of free descriptors", tried=len(BODIES), lost=len(missing))
    assert (0, "") == (ended.status, ended.err)
    assert len(refused) >= 3
    assert all(line.startswith("74 ") and (str(db) in line or "too many open files" in line) for line in refused)
    assert len(acknowledged(tmp_path / "acks")) == len(BODIES) - len(refused) > 0
    assert [] == missing


@needs_strace
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize(
    "error",
    [
        "EACCES",
        "EIO",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("EMFILE", "ENFILE", "ENOENT", "EROFS")),
    ],
)
def test_a_file_that_the_system_does_not_open_is_refused_by_its_name(
    error: str, suffix: str, tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    made(db)
    prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", f"{db}{suffix}"]
    prefix += ["-e", "trace=openat", "-e", f"inject=openat:error={error}"]

    writing = tracker("expect", "agora", "announced", db=db, prefix=prefix)
    reading = tracker("audit", db=db, prefix=prefix)

    figures.add(fault="F8", what="errors at open", tried=2)
    assert writing.status in (74, 77), writing
    assert str(db) in writing.complaint
    # Nobody else has it open, so it is read without the two others.
    assert reading.status in ((74, 77) if suffix == "" else (0, 1)), reading
    assert [] == lost(db, ONE)


def test_a_program_that_makes_what_it_does_not_find_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: a mistyped path that looks healthy, as SQLite has it by default."""
    with closing(sqlite3.connect(db)) as plain:
        plain.execute("PRAGMA journal_mode = wal")

    figures.add(fault="F8", what="control: made what was not found", tried=1, caught=int(bool(listing(db.parent))))
    assert {} != listing(db.parent)


# What is read-only


@contextmanager
def on_a_read_only_mount(db: Path) -> Iterator[Path]:
    (place := db.parent.parent / "mount").mkdir()
    with read_only_view(db.parent, place):
        yield place / db.name


@contextmanager
def in_an_immutable_folder(db: Path) -> Iterator[Path]:
    with immutable(db.parent):
        yield db


@contextmanager
def as_an_immutable_file(db: Path) -> Iterator[Path]:
    with immutable(db):
        yield db


ReadOnly = Callable[[Path], AbstractContextManager[Path]]
READ_ONLY = [
    pytest.param(on_a_read_only_mount, id="mount", marks=needs_mounts),
    pytest.param(in_an_immutable_folder, id="folder", marks=needs_chattr),
    pytest.param(as_an_immutable_file, id="file", marks=needs_chattr),
]


@pytest.mark.parametrize("read_only", READ_ONLY)
def test_a_database_that_may_not_be_written_is_read(read_only: ReadOnly, db: Path, figures: Figures) -> None:
    name = made(db)
    before = db.read_bytes()
    with read_only(db) as place:
        unread = reading_goes_on(place, name)
        writing = [
            tracker(*words, db=place)
            for words in (("expect", "agora", "announced"), ("prune", "--complete-before=1d"), ("replay",))
        ]

    figures.add(fault="F9", what="commands on what is read-only", tried=8, lost=len(unread))
    assert [] == unread
    assert [77] * 3 == [ran.status for ran in writing]
    assert all(str(place) in ran.complaint for ran in writing)
    assert before == db.read_bytes()


@pytest.mark.parametrize("read_only", READ_ONLY[:2])
def test_what_others_have_open_is_read_through_their_files(read_only: ReadOnly, db: Path, figures: Figures) -> None:
    with Tracker(db) as taker:
        assert take(taker, ONE[0]) is None
        name = next(found.recording_id or "" for found in taker.recordings(now=NOW))
        with read_only(db) as place:
            unread = reading_goes_on(place, name)

    figures.add(fault="F9", what="commands on what is read-only", tried=5, lost=len(unread))
    assert [] == unread


@pytest.mark.parametrize("read_only", READ_ONLY[:2])
def test_what_can_only_be_read_after_a_repair_says_what_it_needs(
    read_only: ReadOnly, db: Path, figures: Figures
) -> None:
    left_by_a_killed_writer(db)
    Path(f"{db}-shm").unlink()
    before = listing(db.parent)
    with read_only(db) as place:
        ran = [tracker("audit", db=place), tracker("expect", "agora", "announced", db=place)]

    figures.add(fault="F9", what="commands on what is read-only", tried=2)
    assert [77, 77] == [each.status for each in ran]
    assert all(f"error: {place}: " in each.complaint and NEEDS_WRITE_ACCESS in each.complaint for each in ran)
    assert before == listing(db.parent)


@needs_mounts
def test_a_backup_is_read_on_a_read_only_mount(db: Path) -> None:
    left_by_a_killed_writer(db)
    with Tracker(db, readonly=True) as reader:
        reader.backup(db.with_name("copy.db"))
        expected = [found.to_json() for found in reader.recordings(now=NOW)]

    with on_a_read_only_mount(db) as place, Tracker(place.with_name("copy.db"), readonly=True) as copy:
        found = [recording.to_json() for recording in copy.recordings(now=NOW)]
        report = copy.verify()

    assert expected == found
    assert report.sound


@needs_mounts
def test_who_may_only_read_sees_what_somebody_has_written_who_came_and_went(db: Path) -> None:
    made(db, BODIES[:1])
    with on_a_read_only_mount(db) as place, Tracker(place, readonly=True) as reader:
        before = [found.events for found in reader.recordings(now=NOW)]
        made(db, BODIES[1:16])
        after = [found.events for found in reader.recordings(now=NOW)]
        report = reader.verify()

    assert [1] == before
    assert [8, 8] == after
    assert report.sound


@needs_mounts
def test_who_may_only_read_is_told_of_a_write_in_the_midst_of_it_and_of_no_damage(db: Path) -> None:
    def write(done: int, total: int) -> None:
        made(db, BODIES[1:16])

    made(db, BODIES[:1])
    with on_a_read_only_mount(db) as place, Tracker(place, readonly=True) as reader:
        with pytest.raises(BusyError, match="somebody has begun to write to it while it was read; try again"):
            reader.verify(watch=write)
        report = reader.verify()

    assert report.sound
    assert 2 == report.recordings


@needs_mounts
def test_who_could_not_read_beside_a_writer_reads_when_he_has_gone(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = sqlite3.connect

    def connect(name: str, **more: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = plain(name.replace(db.name, "gone.db"), **more)
        return opened

    made(db, BODIES[:1])
    with on_a_read_only_mount(db) as place, Tracker(place, readonly=True) as reader:
        assert 1 == len(list(reader.recordings(now=NOW)))
        with Tracker(db), monkeypatch.context() as closed:
            closed.setattr(sqlite3, "connect", connect)
            with pytest.raises(TrackerError):
                list(reader.recordings(now=NOW))
        found = list(reader.recordings(now=NOW))

    assert 1 == len(found)


@needs_mounts
def test_a_reader_that_only_ever_shares_the_file_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: a reader as SQLite has it by default."""
    made(db)
    with (
        on_a_read_only_mount(db) as place,
        closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as plain,
        pytest.raises(sqlite3.OperationalError),
    ):
        plain.execute("SELECT count(*) FROM events").fetchone()

    figures.add(fault="F9", what="control: read as SQLite does by default", tried=1, caught=1)


# What is no database


def empty(path: Path) -> None:
    path.touch()


def zeros(path: Path) -> None:
    path.write_bytes(bytes(512))


def text(path: Path) -> None:
    path.write_text("a letter, no database\n" * 500)


def half_a_header(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(84))


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")


def foreign_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE notes (text)")


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def null(path: Path) -> None:
    path.symlink_to(os.devnull)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path)


NO_DATABASES: dict[Callable[[Path], None], int] = {
    empty: 65,
    zeros: 65,
    text: 65,
    half_a_header: 65,
    foreign: 65,
    foreign_wal: 65,
    folder: 74,
    pipe: 74,
    null: 74,
    endless: 74,
    circle: 74,
}


@pytest.mark.parametrize("thing", NO_DATABASES, ids=lambda thing: str(thing.__name__))
@pytest.mark.parametrize("command", ["expect agora announced", "audit", "replay"])
def test_what_is_no_database_is_refused_at_once_and_left_as_it_is(
    command: str, thing: Callable[[Path], None], db: Path, figures: Figures
) -> None:
    thing(db)
    before = [path.name for path in db.parent.iterdir()]
    content = db.read_bytes() if NO_DATABASES[thing] == 65 else b""

    ran = tracker(*command.split(), db=db)

    figures.add(fault="F13", what="files that are no database", tried=1)
    assert NO_DATABASES[thing] == ran.status
    assert f"error: {db}: " in ran.complaint
    assert before == [path.name for path in db.parent.iterdir()]
    assert content == (db.read_bytes() if content else b"")


def test_a_database_made_in_an_empty_file_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: a program that takes what is empty for its own."""
    empty(db)
    with closing(sqlite3.connect(db)) as plain:
        plain.execute("CREATE TABLE events (body)")

    figures.add(fault="F13", what="control: written into an empty file", tried=1, caught=int(db.read_bytes() != b""))
    assert b"" != db.read_bytes()


# What is no longer there


def removed(db: Path) -> None:
    for path in db.parent.iterdir():
        path.unlink()


def replaced(db: Path) -> None:
    removed(db)
    made(db, callbacks(1, writer=1))


def moved_over(db: Path) -> None:
    other = db.with_name("other.db")
    made(other, callbacks(1, writer=1))
    other.replace(db)


def moved_away(db: Path) -> None:
    db.parent.rename(db.parent.with_name("elsewhere"))


@pytest.mark.parametrize("change", [removed, replaced, moved_over, moved_away])
def test_a_file_changed_for_another_is_noticed_at_the_next_write(
    change: Callable[[Path], None], db: Path, figures: Figures
) -> None:
    taker = Tracker(db)
    assert take(taker, BODIES[0]) is None
    change(db)

    errors = [take(taker, body) for body in BODIES[1:4]]
    taker.close()

    figures.add(fault="F27", what="writes to a file removed or replaced", tried=len(errors))
    assert all(isinstance(error, StorageError) and error.exit_status == 74 for error in errors)
    assert all(f"{db}: was removed or replaced while it was open" in str(error) for error in errors)


@pytest.mark.parametrize("change", [removed, replaced, moved_over, moved_away])
@pytest.mark.parametrize("moment", ["", "PRAGMA synchronous"], ids=["before its log is open", "after that"])
def test_a_file_changed_for_another_in_the_midst_of_opening_it_is_not_written_to(
    change: Callable[[Path], None], moment: str, db: Path, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(db)
    plain = sqlite3.connect
    changes: list[Callable[[Path], None]] = []

    def watch(statement: str) -> None:
        if moment in statement and not changes:
            changes.append(change)
            change(db)

    def connect(name: str, **more: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = plain(name, **more)
        if name.endswith("?mode=rw") and not changes:
            opened.set_trace_callback(watch)
        return opened

    monkeypatch.setattr(sqlite3, "connect", connect)
    try:
        with Tracker(db) as taker:
            errors = [take(taker, body) for body in BODIES[1:4]]
    except StorageError as error:
        errors = [error]

    figures.add(fault="F27", what="files removed or replaced while they were opened", tried=1)
    assert [change] == changes
    assert all(isinstance(error, StorageError) and error.exit_status == 74 for error in errors)


@pytest.mark.parametrize("change", [removed, replaced, moved_over, moved_away])
def test_a_file_changed_for_another_in_the_midst_of_a_commit_is_not_acknowledged(
    change: Callable[[Path], None], db: Path, figures: Figures
) -> None:
    changes: list[Callable[[Path], None]] = []

    def watch(statement: str) -> None:
        if statement == "COMMIT" and not changes:
            changes.append(change)
            change(db)

    journal = SqliteJournal(db)
    with Tracker(journal) as taker:
        assert take(taker, BODIES[0]) is None
        journal._handle.set_trace_callback(watch)
        errors = [take(taker, body) for body in BODIES[1:3]]

    figures.add(fault="F27", what="files removed or replaced while they were written to", tried=1)
    assert [change] == changes
    assert all(f"{db}: was removed or replaced while it was open" in str(error) for error in errors)


def without_its_log(db: Path) -> None:
    Path(f"{db}-wal").unlink()


def without_its_locks(db: Path) -> None:
    """Read the file, which costs this process its locks on it; who comes then takes himself for the only one."""
    db.read_bytes()
    assert tracker("expect", "agora", "announced", db=db).status == 0


@pytest.mark.parametrize("change", [without_its_log, without_its_locks])
def test_a_log_that_goes_while_it_is_written_to_is_noticed_at_the_next_write(
    change: Callable[[Path], None], db: Path, figures: Figures
) -> None:
    with Tracker(db) as taker:
        assert take(taker, BODIES[0]) is None
        change(db)
        errors = [take(taker, body) for body in BODIES[1:4]]

    figures.add(fault="F27", what="writes to a log removed or replaced", tried=len(errors))
    assert all(isinstance(error, StorageError) and error.exit_status == 74 for error in errors)
    assert all(f"{db}: its -wal was removed or replaced while it was open" in str(error) for error in errors)
    assert [] == lost(db, BODIES[:1])


def test_what_came_in_place_of_a_file_is_not_touched_by_who_had_it_open(db: Path) -> None:
    taker = Tracker(db)
    assert take(taker, BODIES[0]) is None
    removed(db)
    with Tracker(db) as another:
        assert [take(another, body) for body in BODIES[1:3]] == [None, None]
        assert take(taker, BODIES[3]) is not None
        taker.close()
        assert take(another, BODIES[4]) is None

    assert [] == lost(db, [*BODIES[1:3], BODIES[4]])
    with Tracker(db, readonly=True) as reader:
        assert reader.verify().sound


class Trusting(SqliteJournal):
    """Writes without a look at whether its files are still those at its path."""

    def _check_file(self) -> None:
        pass

    def _check_log_file(self) -> None:
        pass


def test_who_writes_to_a_file_that_is_gone_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: an acknowledgement of what nobody will find."""
    with Tracker(Trusting(db)) as taker:
        assert take(taker, BODIES[0]) is None
        replaced(db)
        assert take(taker, BODIES[1]) is None

    missing = lost(db, BODIES[1:2])
    figures.add(fault="F27", what="control: written to a file that is gone", tried=1, caught=len(missing))
    assert BODIES[1:2] == missing


# File systems that are not ours alone


@needs_mounts
@needs_bindfs
def test_a_file_system_behind_a_program_is_refused_to_who_writes(db: Path, figures: Figures) -> None:
    made(db)
    (place := db.parent.parent / "mount").mkdir()
    with passed_on(db.parent, place):
        before = listing(db.parent)
        ran = tracker("expect", "agora", "announced", db=place / db.name)
        after = listing(db.parent)

    figures.add(fault="F28", what="writes to a file system behind a program", tried=1)
    assert 74 == ran.status
    assert "lies on a network file system (fuse), which loses commits" in ran.complaint
    assert before == after


@needs_mounts
@pytest.mark.parametrize("command", [("expect", "agora", "announced"), ("list",)], ids=["write", "read"])
def test_a_file_that_is_mounted_without_its_folder_is_refused(
    command: tuple[str, ...], db: Path, figures: Figures
) -> None:
    made(db)
    (inside := db.parent.parent / "container").mkdir()
    with single_file(db, inside / "recordings.db") as place:
        ran = tracker(*command, db=place)
        beside = [path.name for path in inside.iterdir()]

    figures.add(fault="F28", what="uses of a file mounted without its folder", tried=1)
    assert 74 == ran.status
    assert "is mounted as a single file" in ran.complaint
    assert "mount its folder" in ran.complaint
    assert ["recordings.db"] == beside


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links_is_refused_as_such(
    code: int, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StorageError, match="its file system has no hard links, which make a database whole") as raised:
        Tracker(db)

    assert raised.value.exit_status == 74
    assert [] == list(db.parent.iterdir())


@pytest.fixture
def without_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SQLite open every file as on a file system that has neither its locks nor shared memory."""
    plain = sqlite3.connect

    def connect(name: str, **more: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = plain(f"{name}&vfs=unix-dotfile" if more.get("uri") else name, **more)
        return opened

    monkeypatch.setattr(sqlite3, "connect", connect)


def test_a_file_system_that_cannot_hold_a_log_is_refused(
    without_shared_memory: None, db: Path, figures: Figures
) -> None:
    with pytest.raises(StorageError, match="cannot hold a WAL database; put it on a local disk") as raised:
        Tracker(db)

    figures.add(fault="F28", what="openings without shared memory", tried=1)
    assert str(db) in str(raised.value)
    assert [db.name] == [path.name for path in db.parent.iterdir()]


def test_a_program_that_does_not_look_at_the_mode_it_got_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: SQLite goes on in another mode, and says so only to who reads its answer."""
    with closing(sqlite3.connect(f"file:{db}?vfs=unix-dotfile", uri=True)) as plain:
        (got,) = plain.execute("PRAGMA journal_mode = wal").fetchone()
        plain.execute("CREATE TABLE events (body)")

    figures.add(fault="F28", what="control: the mode is not looked at", tried=1, caught=int(got != "wal"))
    assert "wal" != got


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "fuse.sshfs", "ext4"])
def test_the_kind_of_a_file_system_is_that_of_the_longest_mount(kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - xfs /dev/a rw\n"
        f"2 1 0:40 / {tmp_path} rw,relatime shared:1 - {kind} server:/export rw\n"
        f"3 1 0:41 / {tmp_path}-beside rw - tmpfs tmpfs rw\n"
    )

    (link := tmp_path.with_name(f"{tmp_path.name}.db")).symlink_to(tmp_path / "recordings.db")

    assert (str(tmp_path), kind) == mount_of(tmp_path / "recordings.db", mounts)
    assert (str(tmp_path), kind) == mount_of(link, mounts)


# Odd paths

ODD_NAMES = [
    "a?b.db",
    "a#b.db",
    "%41.db",
    "new\nline.db",
    "line\u2028separator.db",
    "-rf",
    "--help",
    "file:x.db",
    "file:x.db?mode=memory",
    ":memory:",
    " .db ",
    "é日本.db",
    "e\u0301.db",
    "\udcff.db",
    "a'b\"c;--.db",
    "x" * 247,
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_an_odd_name_is_a_name(name: str, db: Path, figures: Figures) -> None:
    odd, copy = db.parent / name, db.parent.parent / name
    recording_id = made(odd)
    with Tracker(odd) as taker:
        there = {path.name for path in db.parent.iterdir()}
        taker.backup(copy)
        with Tracker(odd, readonly=True) as reader:
            found = [each.recording_id for each in reader.recordings(now=NOW)]
        with Tracker(copy, readonly=True) as reader:
            copied = [each.recording_id for each in reader.recordings(now=NOW)]

    figures.add(fault="F29", what="odd paths", tried=1)
    assert {name, f"{name}-wal", f"{name}-shm"} == there
    assert [[recording_id]] * 2 == [found, copied]


def test_a_name_that_is_not_quoted_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: a path put into an address as it is."""
    elsewhere: list[bool] = []
    for name in ODD_NAMES:
        (folder := db.parent / f"{len(elsewhere)}").mkdir()
        try:
            with closing(sqlite3.connect(f"file:{folder / name}", uri=True)) as plain:
                plain.execute("CREATE TABLE events (body)")
        except (sqlite3.Error, UnicodeEncodeError):
            pass
        elsewhere.append([name] != [path.name for path in folder.iterdir()])

    figures.add(fault="F29", what="control: names that are not quoted", tried=len(elsewhere), caught=sum(elsewhere))
    assert any(elsewhere)


@pytest.mark.parametrize("name", ["-rf", "file:x.db?mode=memory", "new\nline.db", "\udcff.db", "%41.db"], ids=ascii)
def test_an_odd_name_is_a_name_on_the_command_line(name: str, tmp_path: Path, figures: Figures) -> None:
    missing = tracker("audit", db=Path(name), cwd=tmp_path)
    ran = tracker("expect", "agora", "announced", db=Path(name), cwd=tmp_path)

    figures.add(fault="F29", what="odd paths", tried=2)
    assert 74 == missing.status
    assert "no such database" in missing.complaint
    assert missing.complaint.isprintable()
    assert (0, 1) == (ran.status, len(ran.err.splitlines()))
    assert [name] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["x" * 248, "x" * 255, "x" * 256, "é" * 124, "y/" * 260 + "x", "x/" * 3000, "nul\0"])
def test_a_name_that_cannot_be_is_refused_and_nothing_made(name: str, db: Path, figures: Figures) -> None:
    odd = db.parent / name

    with pytest.raises((StorageError, UsageError)) as raised:
        Tracker(odd)

    figures.add(fault="F29", what="odd paths", tried=1)
    assert str(db.parent) in str(raised.value)
    assert {} == listing(db.parent)


def test_a_database_is_made_where_a_link_points(db: Path) -> None:
    target = db.parent.parent / "real.db"
    db.symlink_to(target)

    name = made(db)

    with Tracker(target, readonly=True) as reader:
        assert [name] == [found.recording_id for found in reader.recordings(now=NOW)]
    assert db.is_symlink()


def test_a_program_that_changes_its_folder_keeps_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Tracker("recordings.db") as taker:
        assert take(taker, BODIES[0]) is None
        monkeypatch.chdir("/")
        assert take(taker, BODIES[1]) is None
        found = [recording.events for recording in taker.recordings(now=NOW)]

    assert [2] == found


@needs_mounts
def test_a_read_only_mount_takes_no_new_database(db: Path) -> None:
    with on_a_read_only_mount(db) as place, pytest.raises(TrackerError) as raised:
        Tracker(place)

    assert 77 == raised.value.exit_status
    assert str(place) in str(raised.value)
