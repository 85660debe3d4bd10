"""A connection to the database file: opened with care, durable, its failures told as our own errors."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from recording_tracker.errors import (
    BusyError,
    DamagedError,
    StorageError,
    UsageError,
    VersionError,
)
from recording_tracker.journal import BUSY_TIMEOUT
from recording_tracker.journal.failures import code_of, refusal, translated
from recording_tracker.times import MILLISECOND

APPLICATION_ID: Final = 0x524C544B
SCHEMA_VERSION: Final = 1
SHM_BYTES: Final = 32_768
"""The least that a -shm file of an open database has. https://sqlite.org/walformat.html"""
LONGEST_NAME: Final = 255 - len("-journal")
LONGEST_PATH: Final = 500
"""SQLite refuses paths of more than 512 bytes, what it appends to them included."""
WAL_LIMIT_BYTES: Final = 64 * 2**20
"""What a -wal file is cut back to, after a long reader has let it grow."""

# Where locks and shared memory are not what SQLite needs. https://sqlite.org/wal.html#noshm
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs"}


Imprint = tuple[str, int]
Identity = tuple[int, int]
Solitude = tuple[int, int, int, int]
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


class Connection(sqlite3.Connection):
    """
    A connection to the file of an *identity*.

    It is *alone* where it reads a file that nobody else has open; it looks for no -wal, and does not see what changes.
    """

    identity: Identity | None = None
    alone: Solitude | None = None


def connect(path: Path, *, readonly: bool, create: bool, busy_timeout: timedelta = BUSY_TIMEOUT) -> Connection:
    """
    Open *path*, bring its schema up to date, and return a connection that commits durably.

    Raises an error under TrackerError for whatever stands in the way.
    """
    _check_place(path, create=create and not readonly)
    with translated(path):
        _check_mount(path, readonly=readonly)
        if readonly:
            return _open_to_read(path, busy_timeout)
        if create and not path.exists():
            _create(path)
        _look(path, busy_timeout)
        connection = _open(path, "mode=rw", busy_timeout)
        try:
            _make_durable(connection, path, busy_timeout)
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def identity(path: Path) -> Identity | None:
    """Return by what the file at *path* can be told from any other; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _open(path: Path, mode: str, busy_timeout: timedelta) -> Connection:
    # Asked for before it is opened: a file that is put in its place meanwhile is then never taken for it.
    found = identity(path)
    connection = sqlite3.connect(
        f"{uri(path)}?{mode}",
        uri=True,
        timeout=busy_timeout.total_seconds(),
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=Connection,
    )
    connection.identity = found
    try:
        _check_version(connection, path, readonly=mode != "mode=rw")
    except BaseException:
        connection.close()
        raise
    return connection


def uri(path: Path) -> str:
    """Write *path* as SQLite reads it without mistaking any character of it for something else."""
    name = str(path.absolute())
    if _PLAIN_PATH.fullmatch(name):
        return f"file:{name}"
    # Loads slowly, and most paths need no quoting.
    from urllib.parse import quote

    return f"file:{quote(os.fsencode(name))}"


def _open_to_read(path: Path, busy_timeout: timedelta) -> Connection:
    try:
        _look(path, busy_timeout)
        return _open(path, "mode=ro", busy_timeout)
    except sqlite3.OperationalError as error:
        # In a folder that may not be written and on a full disk the files by which processes share a
        # database cannot be made; where there are none, nobody shares it.
        alone = solitude(path)
        if code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or alone is None:
            raise
        connection = _open(path, "immutable=1", busy_timeout)
        connection.alone = alone
        return connection


def solitude(path: Path) -> Solitude | None:
    """
    Return what is another after anybody has written to *path*; None where somebody may have it open.

    Nobody has it open where all that is committed stands in the file itself.
    """
    if _size(path, "-wal") > 0 or _size(path, "-shm") >= SHM_BYTES:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _size(path: Path, suffix: str) -> int:
    """Return the size of a file that SQLite keeps beside *path*; 0 where there is none."""
    try:
        return Path(f"{path.resolve()}{suffix}").stat().st_size
    except OSError:
        return 0


def _look(path: Path, busy_timeout: timedelta) -> None:
    """
    Refuse another program's database, and one with another's -wal, by connections that can change neither.

    To open either for writing, if only to refuse it, would already make files, or move the -wal into it.
    """
    before = None
    try:
        with closing(sqlite3.connect(f"{uri(path)}?immutable=1", uri=True)) as alone:
            _check_application(alone, path)
            before = _imprint(alone) if _size(path, "-wal") else None
    except sqlite3.DatabaseError:
        # A checkpoint may be writing just now; and what is damaged is told when it is opened.
        pass
    if before is not None:
        _check_log(path, before, busy_timeout)


def _check_application(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise DamagedError(f"{path}: is not a database of the tracker; it has been left as it is")


def _check_log(path: Path, before: Imprint, busy_timeout: timedelta) -> None:
    """
    Refuse a -wal of another database beside the file: SQLite would mix the two without a word.

    Every commit counts up the row of the table ``tallies`` that holds the database's id, so every -wal has that row;
    *before* is what the file itself says. To restore a backup over a database: stop all who use it, remove its
    -wal and -shm, copy the backup to its place, start again.
    """
    uri_ = f"{uri(path)}?mode=ro"
    with closing(sqlite3.connect(uri_, uri=True, timeout=busy_timeout.total_seconds())) as shared:
        try:
            shown = shared.execute("SELECT kind, number FROM tallies WHERE provider = ''").fetchall()
        except sqlite3.DatabaseError as error:
            if code_of(error) != sqlite3.SQLITE_CORRUPT:
                raise
            # A read that fails, SQLite takes for damage too; what is removed then may be what is good.
            raise DamagedError(
                f"{path}: cannot be read: the disk fails, or the -wal beside it belongs to another database or to "
                "another state of it; keep a copy of all its files, then stop all who use it, "
                "remove its -wal and -shm, and restore it from a backup"
            ) from error
    if [name for name, _ in shown] != [before[0]] or shown[0][1] < before[1]:
        raise DamagedError(
            f"{path}: the -wal beside it belongs to another database or to another state of it; stop all who use it, "
            "remove its -wal and -shm, and restore it from a backup"
        )


def _imprint(connection: sqlite3.Connection) -> Imprint:
    """
    Return the id in the file itself, and how many commits of it are there.

    The id is written once, in a page of its own. The other's page a checkpoint may have written half; then it is 0.
    """
    (name,) = connection.execute("SELECT id FROM database").fetchone() or ("",)
    sql = "SELECT number FROM tallies WHERE provider = '' AND result = 'commits' AND kind = ?"
    with suppress(sqlite3.DatabaseError):
        for (commits,) in connection.execute(sql, (name,)):
            return name, commits
    return name, 0


def abandon(connection: sqlite3.Connection) -> None:
    """
    Leave *connection* as it is until the process is gone, even when the interpreter ends.

    What a child has inherited is the parent's: closing it would undo the parent's transaction in shared memory.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _create(path: Path) -> None:
    """
    Make the database whole beside its place and link it there, so that nobody ever sees a part of it.

    Who comes second uses what the first has made.
    """
    # Loads OpenSSL, which whoever only looks does not need.
    from secrets import token_hex

    target = path.resolve()
    beside = target.with_name(f".tracker-{token_hex(8)}")
    try:
        try:
            _write(beside, _fresh())
            _link(path, beside, target)
        except FileExistsError:
            pass
        finally:
            beside.unlink(missing_ok=True)
        _sync(target.parent)
    except OSError as error:
        raise refusal(path, error) from error


def _fresh() -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _migrate(connection, Path(":memory:"))
        return connection.serialize()


def _link(path: Path, beside: Path, target: Path) -> None:
    try:
        os.link(beside, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        # As on FAT; what is said elsewhere of a permission would be looked for in vain.
        raise StorageError(
            f"{path}: its file system has no hard links, which make a database whole; use another"
        ) from error


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_place(path: Path, *, create: bool) -> None:
    """Refuse what is no regular file before SQLite could block on it or write to it."""
    if len(os.fsencode(path.name)) > LONGEST_NAME or len(os.fsencode(path.absolute())) > LONGEST_PATH:
        raise StorageError(f"{path}: is too long; a name of {LONGEST_NAME} and a path of {LONGEST_PATH} bytes can be")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        if not create:
            raise StorageError(f"{path}: no such database; name it with --db or TRACKER_DB") from error
        if not path.absolute().parent.is_dir():
            raise StorageError(f"{path}: its folder does not exist; make it first") from error
        return
    except OSError as error:
        raise refusal(path, error) from error
    except ValueError as error:
        raise UsageError(f"{str(path)!r}: is no path; {error}") from error
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path}: is no regular file; a database is one")


def _check_mount(path: Path, *, readonly: bool) -> None:
    place, kind = mount_of(path)
    if not readonly and (kind in NETWORK_FILE_SYSTEMS or kind == "fuse" or kind.startswith("fuse.")):
        raise StorageError(
            f"{path}: lies on a network file system ({kind}), which loses commits; put it on a local disk"
        )
    if place == str(path.resolve()):
        # As a container has it that was given the file: it does not see what others have committed last, and what it
        # commits itself is gone with its own folder.
        raise StorageError(
            f"{path}: is mounted as a single file, while its -wal with the newest commits lies elsewhere; "
            "mount its folder"
        )


def mount_of(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> tuple[str, str]:
    """Return where what *path* lies on is mounted, and the kind of file system; nothing where that cannot be known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return "", ""
    place, best, kind = str(path.resolve()), "", ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        mounted = fields.split(" ")[4].replace("\\040", " ")
        if len(mounted) >= len(best) and os.path.commonpath([mounted, place]) == mounted:
            best, kind = mounted, rest.split(" ")[0]
    return best, kind


def _check_version(connection: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
    """Refuse another program's database, a newer schema, and an older one where it cannot be brought up to date."""
    _check_application(connection, path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise VersionError(
            f"{path}: has schema version {version}, newer than {SCHEMA_VERSION} of this program; upgrade the program"
        )
    if readonly and version < SCHEMA_VERSION:
        raise VersionError(
            f"{path}: has schema version {version}, older than {SCHEMA_VERSION} of this program; "
            "it is brought up to date by the next command that writes"
        )


def _make_durable(connection: sqlite3.Connection, path: Path, busy_timeout: timedelta) -> None:
    """Set what makes a commit outlive a power cut, and read it back: builds differ in their defaults."""
    if _log_ahead(connection, path, busy_timeout) != "wal":
        raise StorageError(f"{path}: its file system cannot hold a WAL database; put it on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    if connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise StorageError(f"{path}: synchronous=FULL cannot be set, so a commit would not be durable")


def _log_ahead(connection: sqlite3.Connection, path: Path, busy_timeout: timedelta) -> str:
    """
    Have what is written go to a log first, and return the journal mode that the file then has.

    SQLite does not wait for a lock when it changes the mode, so two first openings can collide.
    https://sqlite.org/pragma.html#pragma_journal_mode
    """
    deadline = time.monotonic() + busy_timeout.total_seconds()
    while True:
        try:
            mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
            return mode if mode == "wal" else connection.execute("PRAGMA journal_mode = wal").fetchone()[0]
        except sqlite3.OperationalError as error:
            if code_of(error) != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() >= deadline:
                raise BusyError(f"{path}: another process keeps it from opening; try again") from error
        _wait_for_writer(connection, busy_timeout)


def _wait_for_writer(connection: sqlite3.Connection, busy_timeout: timedelta) -> None:
    """Wait for a moment until nobody writes."""
    wait_at_most(connection, timedelta(milliseconds=50))
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_BUSY:
            raise
    wait_at_most(connection, busy_timeout)


def wait_at_most(connection: sqlite3.Connection, timeout: timedelta) -> None:
    """Have *connection* wait so long for whoever keeps the file from it."""
    connection.execute(f"PRAGMA busy_timeout = {timeout // MILLISECOND}")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    from recording_tracker.journal.migrations import migrate

    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        if version:
            _check_version(connection, path, readonly=False)
        if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            migrate(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
