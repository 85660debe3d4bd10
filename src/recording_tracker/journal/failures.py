"""Failures of SQLite, told as our own errors: what is wrong with which file, and what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from json import JSONDecodeError
from pathlib import Path
from types import TracebackType

from recording_tracker.errors import (
    BusyError,
    DamagedError,
    InDoubtError,
    PermissionDeniedError,
    StorageError,
    TrackerError,
)

RESTORE = "restore it from a backup; it has been left as it is"


class translated:  # noqa: N801  it is used as a statement
    """Turn what SQLite raises inside the block into our own errors, which name *path*."""

    # Not made of a generator: every statement passes here, and this takes a quarter of the time.
    __slots__ = ("_path",)

    def __init__(self, path: object) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if error is None:
            return
        if isinstance(error, sqlite3.Error):
            raise _translation(self._path, error) from error
        if isinstance(error, (UnicodeDecodeError, JSONDecodeError)):
            # Whatever is read inside has been written by us.
            raise damaged(self._path) from error


def damaged(path: object) -> DamagedError:
    """Return the error of a file that does not hold what was written."""
    return DamagedError(f"{path}: is damaged or no database; {RESTORE}")


def in_doubt(path: object, error: sqlite3.Error) -> InDoubtError:
    """
    Return the error of a COMMIT that failed.

    The write-ahead log may hold it all the same: a failed fsync says nothing of what reached the disk.
    """
    return InDoubtError(f"{_translation(path, error)}; the commit failed, so it may be stored or not: send it again")


def code_of(error: sqlite3.Error) -> int:
    """Return the code that SQLite has for *error*, without what extends it; 0 for what Python itself raises."""
    found: int = getattr(error, "sqlite_errorcode", 0)
    return found & 0xFF


def _translation(  # noqa: PLR0911  one line a code is the table of failures
    path: object, error: sqlite3.Error
) -> TrackerError:
    code = code_of(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return BusyError(f"{path}: another process keeps it busy; try again")
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"{path}: the disk is full")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return PermissionDeniedError(f"{path}: may not be written")
    # Text that is no UTF-8 is refused by Python, not by SQLite, and quoted whole; tables that are not
    # there have been: the schema is checked when the file is opened. Only rows that contradict each
    # other break a constraint.
    unreadable = str(error).startswith(("Could not decode", "malformed JSON", "no such"))
    if unreadable or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT):
        return damaged(path)
    if code == sqlite3.SQLITE_CANTOPEN:
        return _cannot_open(path)
    if code == sqlite3.SQLITE_IOERR and _is_full(path):
        return StorageError(f"{path}: the disk is full")
    return StorageError(f"{path}: cannot be read or written: {lower(str(error))}")


def _cannot_open(path: object) -> TrackerError:
    """Ask the system for the reason, which SQLite keeps to itself."""
    folder = Path(str(path)).absolute().parent
    try:
        # Never the file itself: closing it would drop the locks that this process has on it.
        os.close(os.open(folder, os.O_RDONLY))
    except OSError as error:
        return refusal(path, error)
    if Path(str(path)).exists() and not os.access(str(path), os.R_OK):
        return PermissionDeniedError(f"{path}: may not be read")
    if not os.access(folder, os.W_OK):
        return PermissionDeniedError(
            f"{path}: cannot be opened; a WAL database needs write access to its folder (or use a backup copy)"
        )
    if _is_full(path):
        return StorageError(f"{path}: the disk is full; {folder} takes no more files")
    return StorageError(f"{path}: cannot be opened, or the files -wal and -shm cannot be made beside it in {folder}")


def _is_full(path: object) -> bool:
    """Tell whether there is no room for another file, or for the least of what SQLite asks for."""
    try:
        room = os.statvfs(Path(str(path)).absolute().parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < 65_536 or (room.f_files > 0 and room.f_favail == 0)


def refusal(path: object, error: OSError) -> TrackerError:
    """Return the error that tells what the system said of *path*."""
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return PermissionDeniedError(f"{path}: {lower(error.strerror)}")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        folder = Path(str(path)).absolute().parent
        return StorageError(f"{path}: the disk is full; {folder} takes no more files")
    return StorageError(f"{path}: {lower(error.strerror)}")


def lower(text: str | None) -> str:
    """Write what the system says of an error as the end of a line of ours."""
    return f"{text[:1].lower()}{text[1:]}" if text else "cannot be opened"
