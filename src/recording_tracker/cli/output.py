"""Report files: written beside their place, made durable, and moved there whole."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recording_tracker.errors import PermissionDeniedError, StorageError, TrackerError, UsageError
from recording_tracker.journal.header import is_database


def write_file(name: str, lines: Iterable[str], db: Path) -> None:
    """Write *lines* to the file *name*, in UTF-8; raises as ``write_bytes`` does."""
    write_bytes(name, "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"), db)


def write_bytes(name: str, content: bytes, db: Path) -> None:
    """
    Write *content* to the file *name*, whole or not at all.

    Raises UsageError where it is a database or a folder, and StorageError or PermissionDeniedError.
    """
    path = Path(name)
    try:
        _check_place(path, db)
        if path.exists() and not path.is_file():
            # A pipe or a device is written to; a file in its place would be something else.
            path.write_bytes(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except (OSError, ValueError) as error:
        raise _unwritable(name, error) from error


@contextmanager
def line_writer(name: str | None) -> Iterator[Callable[[str], object]]:
    """
    Open the file *name* for as many lines as will come, and give what writes one; ``-`` or none is standard output.

    Raises UsageError where it is a database or a folder, and StorageError or PermissionDeniedError.
    """
    if name in (None, "-"):
        yield lambda line: sys.stdout.write(f"{line}\n")
        return
    assert name is not None
    try:
        _check_place(Path(name))
        stream = Path(name).open("w", encoding="utf-8")  # noqa: SIM115  closed below
    except (OSError, ValueError) as error:
        raise _unwritable(name, error) from error

    def write(line: str) -> None:
        try:
            stream.write(f"{line}\n")
        except OSError as error:
            raise _unwritable(name, error) from error

    try:
        yield write
    finally:
        try:
            stream.close()
        except OSError as error:
            raise _unwritable(name, error) from error


def _unwritable(name: str, error: Exception) -> TrackerError:
    if isinstance(error, PermissionError):
        return PermissionDeniedError(f"{name}: may not be written")
    reason = getattr(error, "strerror", None) or str(error)
    return StorageError(f"{name}: cannot be written: {reason.lower()}")


def _check_place(path: Path, db: Path | None = None) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    ours = {os.path.realpath(db) + end for end in ("", "-wal", "-shm", "-journal")} if db is not None else set()
    if os.path.realpath(path) in ours or is_database(path):
        raise UsageError(f"{path}: is a database; name another file")


def _replace(path: Path, content: bytes) -> None:
    mode = _mode(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """Return the permissions that *path* has, or that a new file gets."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
