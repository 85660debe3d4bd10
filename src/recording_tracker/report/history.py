"""The timeline of recordings as text: histories in, lines with styles out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from recording_tracker.report.clock import Clock
from recording_tracker.report.safe import printable
from recording_tracker.report.text import NARROW, folded_columns, title
from recording_tracker.results import HistoryLine
from recording_tracker.times import short


def history_lines(lines: Sequence[HistoryLine], clock: Clock, width: int | None) -> Iterator[str]:
    """Tell the events of each recording below its name; *lines* has recordings one by one, in lifecycle order."""
    if not lines:
        yield from _table([], clock, width)
    for number, ((provider, recording_id), of_one) in enumerate(groupby(lines, _recording)):
        if number:
            yield ""
        yield title(provider, recording_id)
        yield from _table(list(of_one), clock, width)


def _recording(line: HistoryLine) -> tuple[str, str]:
    return line.provider, line.recording_id


def _table(lines: Sequence[HistoryLine], clock: Clock, width: int | None) -> Iterator[str]:
    """Tell each event in one line; its moves below it where they don't fit into *width*."""
    rows = [_history_row(line, clock) for line in lines]
    heads = [f"occurred ({clock.zone})", "event", "verdict", "delay", "times", "moves"]
    indent = 22
    if width is not None and width < NARROW:
        # Rather the time whole, without its year, than a bit of everything.
        heads, rows, indent = _narrowed(heads), [_narrowed([row[0][5:], *row[1:]]) for row in rows], 4
    yield from folded_columns(heads, rows, width, flexible=1, indent=indent)


def _history_row(line: HistoryLine, clock: Clock) -> list[str]:
    moves = (f"{region} {before} > {after}" for region, (before, after) in line.regions.items() if before != after)
    return [
        f"{clock.bare(line.occurred_at or line.received_at)}{' ' if line.occurred_at else '?'}",
        printable(line.name),
        line.verdict,
        _delay(line.delay),
        str(line.deliveries),
        ", ".join(moves),
    ]


def _narrowed(row: Sequence[str]) -> list[str]:
    """Leave out delay and deliveries."""
    return [*row[:3], row[-1]]


def _delay(delay: timedelta | None) -> str:
    if delay is None:
        return "-"
    if abs(delay) < timedelta(seconds=10):
        return f"{delay / timedelta(seconds=1):.1f}s"
    return short(delay) if delay > timedelta(0) else f"-{short(-delay)}"
