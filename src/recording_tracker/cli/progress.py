"""A progress bar on standard error, where a person looks at it and the work is long enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, BinaryIO, Self

from recording_tracker.report.safe import middle, printable

LONG_FILE = 1_000_000
"""Bytes of a file from which on a bar is shown."""
MANY_RECORDINGS = 1_000
LONGEST_NAME = 30
_UNITS = ("", "k", "M", "G")


class _Shown:
    """What stands on standard error while something goes on, and is gone when it is over."""

    _bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class Progress(_Shown):
    """How far some work is; nothing where standard error is no terminal, or there is less to do than *least*."""

    def __init__(self, name: str, *, unit: str, least: int) -> None:
        self._name = name
        self._unit = unit
        self._least = least

    def update(self, done: int, total: int) -> None:
        """Show that *done* of *total* is done."""
        if self._bar is None and total >= self._least and sys.stderr.isatty():
            self._start(total)
        if self._bar is not None:
            [task] = self._bar.tasks
            rate = f"{short_count(done / task.elapsed)} {self._unit}/s" if task.elapsed else ""
            self._bar.update(task.id, completed=min(done, total), total=total, rate=rate)

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        shown = escape(middle(self._name, LONGEST_NAME))
        self._bar = RichProgress(
            TextColumn(shown),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.add_task(shown, total=total, rate="")
        self._bar.start()


class Search(_Shown):
    """What is searched, and for how long already; nothing where standard error is no terminal."""

    def __init__(self, *, most: int) -> None:
        self._most = most

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._begin()
        return self

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn(f"of about {self._most}s"),
            console=Console(stderr=True),
            transient=True,
        )
        # How far a search is, it does not know itself.
        self._bar.add_task("", total=None)
        self._bar.start()

    def show(self, text: str) -> None:
        """Say what is searched now."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=printable(text))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for what is printed meanwhile."""
        if self._bar is not None:
            self._bar.stop()
        yield
        if self._bar is not None:
            self._bar.start()


def of_file(stream: BinaryIO, name: str) -> tuple[Progress, Callable[[], None]]:
    """Return a progress over the bytes of *stream*, and what shows where the stream is now."""
    progress, total = Progress(name, unit="bytes", least=LONG_FILE), _size(stream)
    if total < LONG_FILE:
        # It may be a pipe, which has no place to tell.
        return progress, lambda: None
    return progress, lambda: progress.update(stream.tell(), total)


def of_recordings(name: str) -> Progress:
    """Return a progress over recordings."""
    return Progress(name, unit="recordings", least=MANY_RECORDINGS)


def short_count(number: float) -> str:
    """Write *number* with at most four digits: ``950``, ``9.5k``, ``120k``."""
    unit = 0
    while number >= 1_000 and unit < len(_UNITS) - 1:
        number, unit = number / 1_000, unit + 1
    return f"{number:.1f}{_UNITS[unit]}" if unit and number < 10 else f"{number:.0f}{_UNITS[unit]}"


def _size(stream: BinaryIO) -> int:
    try:
        return os.fstat(stream.fileno()).st_size
    except (OSError, ValueError):
        return 0
