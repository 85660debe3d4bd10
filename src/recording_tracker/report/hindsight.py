"""Text of what a past audit tells, seen from today: what later callbacks have settled."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from click import style

from recording_tracker.recording import Recording
from recording_tracker.report.safe import printable
from recording_tracker.results import AuditReport, Hindsight


def hindsight_lines(report: AuditReport, width: int | None = None) -> Iterator[str]:
    """Tell each recording of a past audit again, with how it stands now; nothing where hindsight was not asked for."""
    if report.hindsight is None:
        return
    recordings = (*report.stuck, *report.flagged)
    found = [(recording, report.hindsight.get(recording.key)) for recording in recordings]
    settled = sum(later is not None and _is_settled(recording, later) for recording, later in found)
    yield ""
    yield style(f"In hindsight: {settled} of {len(found)} have settled by what came later", bold=True)
    for recording, later in found:
        yield f"  {style(printable(recording.provider), bold=True)} {printable(recording.id)}"
        text = _told(recording, later)
        indent = " " * 4
        yield from (
            [indent + text]
            if width is None
            else wrap(text, max(width, 24), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        )


def _is_settled(recording: Recording, later: Hindsight) -> bool:
    return all(flag.identity in later.settled for flag in recording.flags)


def _told(recording: Recording, later: Hindsight | None) -> str:
    if later is None:
        return "is no longer there"
    now = f"{later.phase}/{later.outcome}" if later.outcome else later.phase
    gone = [flag.code for flag in recording.flags if flag.identity in later.settled]
    left = [flag.code for flag in recording.flags if flag.identity not in later.settled]
    parts = [f"now {now}"]
    parts += [f"settled: {', '.join(gone)}"] if gone else []
    parts += [f"still open: {', '.join(left)}"] if left else []
    return "; ".join(parts)
