"""A progress bar on standard error, where a person looks at it and the work is long enough."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, BinaryIO, Self

WORTH_A_BAR = 1_000_000
"""Bytes of a file from which on a bar is shown."""


class Progress:
    """How far the reading of *stream* is, in bytes of its size; nothing where standard error is no terminal."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._bar: Any = None
        self._task: Any = None
        size = _size(stream)
        if size >= WORTH_A_BAR and sys.stderr.isatty():
            self._start(name, size)

    def _start(self, name: str, size: int) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import (
            Progress as RichProgress,
        )

        console = Console(stderr=True)
        shown = escape(name)
        self._bar = RichProgress(
            TextColumn(shown),
            BarColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(shown, total=size)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self) -> None:
        """Show where the stream is now."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._stream.tell())


def _size(stream: BinaryIO) -> int:
    try:
        return os.fstat(stream.fileno()).st_size
    except (OSError, ValueError):
        return 0
