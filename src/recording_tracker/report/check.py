"""
The audit as a plugin of Nagios, Icinga and their like: a report in, a status and one line out.

https://www.monitoring-plugins.org/doc/guidelines.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from recording_tracker.flags import ERROR, WARNING
from recording_tracker.recording import Recording
from recording_tracker.report.clock import Clock
from recording_tracker.report.safe import middle, printable
from recording_tracker.results import AuditReport

WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""The word for each status, 0 to 3."""
UNKNOWN = 3
LONGEST_MESSAGE = 1_000
LONGEST_NAME = 60


def check(report: AuditReport) -> tuple[int, str]:
    """Return the status and the line of *report*; what an operator has acknowledged makes it no worse."""
    critical, warning = list(_critical(report)), list(_warning(report))
    status = 2 if critical else 1 if warning else 0
    counted = f"{len(report.stuck)} stuck of {report.open} open recordings"
    told = "; ".join([*critical, *warning, counted])
    return status, f"{_line(status, told)} | {' '.join(_performance(report))}"


def unknown(message: str) -> str:
    """Return the line that says why nothing can be said."""
    return _line(UNKNOWN, message)


def _line(status: int, text: str) -> str:
    # What follows a | is read as numbers.
    return f"RECORDINGS {WORDS[status]}: {middle(text, LONGEST_MESSAGE).replace('|', '/')}"


def _critical(report: AuditReport) -> Iterator[str]:
    for provider in report.silent:
        last = report.providers[provider].last_received_at
        since = f"for {Clock(report.now).age(last)}" if last else "ever"
        yield f"SILENT: nothing has come from {printable(provider)} {since}"
    if report.quarantine_full:
        yield "the quarantine is full"
    if stuck := _stuck(report):
        longest = _longest(stuck[0], report.now)
        yield f"{len(stuck)} stuck and not acknowledged ({_by_provider(stuck)}), longest {longest}"
    if errors := _flagged(report, ERROR):
        yield f"{len(errors)} in error ({_by_provider(errors)})"


def _warning(report: AuditReport) -> Iterator[str]:
    if report.quarantined:
        yield f"{report.quarantined} quarantined"
    if warned := _flagged(report, WARNING):
        yield f"{len(warned)} with warnings ({_by_provider(warned)})"
    if report.unopened:
        yield f"{len(report.unopened)} that nothing has opened ({_by_provider(report.unopened)})"


def _stuck(report: AuditReport) -> list[Recording]:
    return [
        recording
        for recording in report.stuck
        if any(flag.is_clocks and not flag.acknowledged for flag in recording.flags)
    ]


def _flagged(report: AuditReport, severity: str) -> list[Recording]:
    return [
        recording
        for recording in report.flagged
        if any(flag.severity == severity and not flag.acknowledged for flag in recording.flags)
    ]


def _by_provider(recordings: Sequence[Recording]) -> str:
    counts = Counter(recording.provider for recording in recordings)
    return ", ".join(f"{printable(provider)} {count}" for provider, count in sorted(counts.items()))


def _longest(recording: Recording, now: datetime) -> str:
    since = min(flag.raised_at for flag in recording.flags if flag.is_clocks)
    return f"{middle(recording.id, LONGEST_NAME)} for {Clock(now).age(since)}"


def _performance(report: AuditReport) -> Iterator[str]:
    """Yield label=value;warning;critical;least, a threshold of 0 meaning: any is too many."""
    yield f"stuck={len(_stuck(report))};;0;0"
    yield f"errors={len(_flagged(report, ERROR))};;0;0"
    yield f"silent={len(report.silent)};;0;0"
    yield f"quarantined={report.quarantined};0;;0"
    yield f"warnings={len(_flagged(report, WARNING))};0;;0"
    yield f"unopened={len(report.unopened)};0;;0"
    yield f"open={report.open};;;0"
