"""The nightly audit as text, for a terminal or a mail: an audit in, lines with styles out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from click import style

from recording_tracker.recording import Recording
from recording_tracker.report import remarks
from recording_tracker.report.clock import Clock, when
from recording_tracker.report.safe import printable
from recording_tracker.report.text import COLORS, columns, flag_lines, heard, phase_of, wrapped
from recording_tracker.results import AuditReport

MOST_LISTED = 50


def audit_lines(report: AuditReport, width: int | None = None) -> Iterator[str]:
    """Tell the nightly report: the answer first, then the stuck, then what else is wrong; sentences within *width*."""
    now = report.now
    for provider in report.silent:
        last = report.providers[provider].last_received_at
        told = f"SILENT: nothing has come from {printable(provider)} since {when(last, now) if last else 'ever'}"
        yield from (style(line, fg="red") for line in wrapped(told, "", width))
        yield "  its recordings may be well and our receiver deaf; look there first"
    color = "red" if report.stuck else "green"
    acknowledged = f", {report.acknowledged} of them acknowledged" if report.acknowledged else ""
    answer = f"{len(report.stuck)} stuck of {report.open} open recordings"
    others = f"{report.recordings} in all, at {now:%Y-%m-%d %H:%M:%S}Z"
    fits = width is None or len(f"{answer}{acknowledged}, {others}") <= width
    yield f"{style(answer, fg=color, bold=True)}{acknowledged}{f', {others}' if fits else ''}"
    if not fits:
        yield f"  {others}"
    yield from _section("Stuck, the longest first", report.stuck, now, width)
    yield from _section("Not stuck, but flagged", report.flagged, now, width)
    if report.stuck or report.flagged:
        yield ""
        yield "'tracker explain ID' tells what happened to one of them, and what to do"
    if report.quarantined:
        yield ""
        yield style(remarks.kept_aside(report), fg="yellow")
        yield "  see 'tracker quarantine list'"
    if report.quarantine_full:
        yield ""
        yield style("The quarantine is full: what else cannot be attributed is refused", fg="red")
    for what, more in remarks.unopened(report):
        yield ""
        yield from (style(line, fg="yellow") for line in wrapped(printable(what), "", width))
        yield from wrapped(printable(more), "  ", width)
    for provider in report.never_received:
        what, shown = remarks.never_sent(report, provider)
        yield ""
        yield from wrapped(printable(what), "", width)
        yield from wrapped(shown, "  ", width)
    if report.outdated:
        yield ""
        yield remarks.outdated(report)
        yield from wrapped(remarks.UPDATE, "  ", width)
    yield ""
    yield from wrapped(counted_flags(report), "", width)
    yield ""
    yield from _provider_lines(report, width)


def counted_flags(report: AuditReport) -> str:
    """Say how many flags of each code the listed recordings have, and what else has come and is listed nowhere."""
    flags = ", ".join(f"{code} {count}" for code, count in report.flags.items()) or "none"
    ignored = "not known" if report.ignored is None else report.ignored
    return f"flags: {flags}; complete: {report.complete}; ignored bodies: {ignored}"


def _section(title: str, recordings: Sequence[Recording], now: datetime, width: int | None) -> Iterator[str]:
    if not recordings:
        return
    yield ""
    yield style(f"{title} ({len(recordings)})", bold=True)
    for recording in recordings[:MOST_LISTED]:
        yield from _heading(recording, width)
        for flag in recording.flags:
            if flag.severity in COLORS:
                yield from flag_lines(flag, Clock(now), width, indent="    ")
    if len(recordings) > MOST_LISTED:
        yield f"  and {len(recordings) - MOST_LISTED} more; 'tracker audit --json' has all"


def _heading(recording: Recording, width: int | None) -> Iterator[str]:
    provider, name, phase = printable(recording.provider), printable(recording.id), phase_of(recording)
    fits = width is None or len(f"  {provider} {name}  {phase}") <= width
    yield f"  {style(provider, bold=True)} {name}{f'  {phase}' if fits else ''}"
    if not fits:
        yield f"    {phase}"


def _provider_lines(report: AuditReport, width: int | None) -> Iterator[str]:
    rows = [
        (
            printable(name),
            str(provider.recordings),
            str(provider.open),
            " ".join(f"{outcome} {count}" for outcome, count in sorted(provider.outcomes.items())) or "-",
            heard(provider.last_received_at, Clock(report.now), in_full=width is None),
        )
        for name, provider in report.providers.items()
    ]
    if rows:
        yield from columns(("provider", "recordings", "open", "outcomes", "last heard"), rows, width, flexible=3)
