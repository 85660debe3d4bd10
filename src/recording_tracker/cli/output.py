"""Report files: written beside their place, made durable, and moved there whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from recording_tracker.errors import PermissionDeniedError, StorageError, UsageError


def write_file(name: str, lines: Iterable[str], db: Path) -> None:
    """
    Write *lines* to the file *name*, in UTF-8.

    Raises UsageError where it is the database or a folder, and StorageError or PermissionDeniedError.
    """
    path = Path(name)
    try:
        if path.is_dir():
            raise UsageError(f"{name}: is a folder; name a file")
        if path.exists() and db.exists() and path.samefile(db):
            raise UsageError(f"{name}: is the database; name another file")
        _replace(path, "".join(f"{line}\n" for line in lines))
    except PermissionError as error:
        raise PermissionDeniedError(f"{name}: may not be written") from error
    except OSError as error:
        raise StorageError(f"{name}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def _replace(path: Path, content: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8", "backslashreplace"))
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
