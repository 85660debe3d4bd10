"""Delivery log: callbacks in, each at the end of a file as a line that ``tracker ingest`` reads."""

from __future__ import annotations

import base64
import errno
import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime
from os import PathLike

from recording_tracker.deliveries import MAX_LINE_BYTES
from recording_tracker.errors import StorageError, UsageError
from recording_tracker.journal.header import is_database
from recording_tracker.times import iso, to_ms

log = logging.getLogger(__name__)


class DeliveryLog:
    """
    Keeps what a receiver gets in the file *path*, to which several processes may write at once.

    What is in it survives the end of the process, but not surely a power cut. It may be moved away at any
    moment: the next line begins a new one. Raises StorageError where the file cannot be written, and UsageError
    where it is a database.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        try:
            self._write(b"")
        except OSError as error:
            raise StorageError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
        if not os.path.isfile(path):  # noqa: PTH113  the path may be a text
            raise StorageError(f"{path}: is no regular file; name one that lines can be added to")
        if is_database(path):
            # Each line would spoil it, and close a file whose locks SQLite needs.
            # https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
            raise UsageError(f"{path}: is a database; name another file")

    def append(self, provider: str, body: bytes, *, query: Mapping[str, str], received_at: datetime) -> None:
        """
        Write one line; where that fails, the program's log says so.

        A callback is not to be refused for want of a second copy.
        """
        try:
            self._write(_line(provider, body, query, received_at) + b"\n")
        except OSError as error:
            log.warning("%s: a callback of %r is not kept: %s", self._path, provider, error.strerror)

    def _write(self, line: bytes) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            # A full disk may have cut the line before; it must not spoil this one.
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            whole = b"\n" + line if torn and line else line
            if os.write(file, whole) < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)


def _line(provider: str, body: bytes, query: Mapping[str, str], received_at: datetime) -> bytes:
    told: dict[str, object] = {"provider": provider, "received_at": iso(to_ms(received_at))}
    if query:
        told["query"] = dict(query)
    try:
        line = _json(told | {"body": body.decode()})
        if len(line) < MAX_LINE_BYTES:
            return line
    except UnicodeDecodeError:
        pass
    # Escapes can make a text six times as long, Base64 no more than a third longer.
    return _json(told | {"body_b64": base64.b64encode(body).decode()})


def _json(told: dict[str, object]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace")
