"""A connection to the database file: opened with care, durable, its failures told as our own errors."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final
from urllib.parse import quote

from recording_tracker.errors import BusyError, DamagedError, PermissionDeniedError, StorageError, VersionError
from recording_tracker.journal.failures import lower, translated

APPLICATION_ID: Final = 0x524C544B
SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 5_000
WAL_LIMIT_BYTES: Final = 64 * 2**20
"""What a -wal file is cut back to, after a long reader has let it grow."""

# Where locks and shared memory are not what SQLite needs. https://sqlite.org/wal.html#noshm
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs"}


def connect(path: Path, *, readonly: bool, create: bool) -> sqlite3.Connection:
    """
    Open *path*, bring its schema up to date, and return a connection that commits durably.

    Raises an error under TrackerError for whatever stands in the way.
    """
    _check_place(path, create=create)
    if not readonly:
        _check_file_system(path)
    mode = "ro" if readonly else "rwc" if create else "rw"
    with translated(path):
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            _check_content(connection, path, readonly=readonly)
            if not readonly:
                _make_durable(connection, path)
                _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _check_place(path: Path, *, create: bool) -> None:
    """Refuse what is no regular file before SQLite could block on it or write to it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        if not create:
            raise StorageError(f"{path}: no such database; name it with --db or TRACKER_DB") from error
        if not path.absolute().parent.is_dir():
            raise StorageError(f"{path}: its folder does not exist; make it first") from error
        return
    except PermissionError as error:
        raise PermissionDeniedError(f"{path}: {lower(error.strerror)}") from error
    except OSError as error:
        raise StorageError(f"{path}: {lower(error.strerror)}") from error
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path}: is no regular file; a database is one")


def _check_file_system(path: Path) -> None:
    kind = file_system(path)
    if kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse."):
        raise StorageError(
            f"{path}: lies on a network file system ({kind}), which loses commits; put it on a local disk"
        )


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the kind of file system that *path* lies on, by *mounts*; nothing where that cannot be known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place, best, kind = str(path.absolute().parent.resolve()), "", ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        mounted = fields.split(" ")[4].replace("\\040", " ")
        if len(mounted) >= len(best) and os.path.commonpath([mounted, place]) == mounted:
            best, kind = mounted, rest.split(" ")[0]
    return kind


def _check_content(connection: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
    """Refuse another program's database, and one of a newer schema."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (tables or readonly):
        raise DamagedError(f"{path}: is not a database of the tracker; it has been left as it is")
    if version > SCHEMA_VERSION:
        raise VersionError(
            f"{path}: has schema version {version}, newer than {SCHEMA_VERSION} of this program; upgrade the program"
        )
    if readonly and version < SCHEMA_VERSION:
        raise VersionError(
            f"{path}: has schema version {version}, older than {SCHEMA_VERSION} of this program; "
            "it is brought up to date by the next command that writes"
        )


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    """Set what makes a commit outlive a power cut, and read it back: builds differ in their defaults."""
    # SQLite does not wait for a lock when it changes the journal mode, so two first opens can collide.
    # https://sqlite.org/pragma.html#pragma_journal_mode
    for _ in range(200):
        try:
            journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if journal != "wal":
                journal = connection.execute("PRAGMA journal_mode = wal").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            connection.execute("PRAGMA busy_timeout = 50")
            _wait_for_writer(connection)
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    else:
        raise BusyError(f"{path}: another process keeps it from opening; try again")
    if journal != "wal":
        raise StorageError(f"{path}: its file system cannot hold a WAL database; put it on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    if connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise StorageError(f"{path}: synchronous=FULL cannot be set, so a commit would not be durable")


def _wait_for_writer(connection: sqlite3.Connection) -> None:
    """Wait up to the busy time-out for whoever holds the file."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    from recording_tracker.journal.migrations import migrate

    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        _check_content(connection, path, readonly=False)
        if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            migrate(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
