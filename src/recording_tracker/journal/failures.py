"""Failures of SQLite, told as our own errors: what is wrong with which file, and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from recording_tracker.errors import BusyError, DamagedError, PermissionDeniedError, StorageError, TrackerError

RESTORE = "restore it from a backup; it has been left as it is"


@contextmanager
def translated(path: object) -> Iterator[None]:
    """Turn what SQLite raises inside the block into our own errors, which name *path*."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(path, error) from error


def _translation(path: object, error: sqlite3.Error) -> TrackerError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(f"{path}: another process keeps it busy; try again")
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"{path}: the disk is full")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return PermissionDeniedError(f"{path}: may not be written")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DamagedError(f"{path}: is damaged or no database; {RESTORE}")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StorageError(f"{path}: cannot be opened; a WAL database needs write access to its folder")
    return StorageError(f"{path}: cannot be read or written: {lower(str(error))}")


def lower(text: str | None) -> str:
    """Write what the system says of an error as the end of a line of ours."""
    return f"{text[:1].lower()}{text[1:]}" if text else "cannot be opened"
