"""Remarks: what an audit says beside its recordings, in the words of every format."""

from __future__ import annotations

from recording_tracker.grammar import counted, noun
from recording_tracker.results import AuditReport


def unattributed(report: AuditReport) -> str:
    """Say how many bodies could not be attributed."""
    return f"{counted(report.quarantined, 'body', 'bodies')} could not be attributed"


def kept_aside(report: AuditReport) -> str:
    """Say that too, and where they are."""
    return f"{unattributed(report)} and {noun(report.quarantined, 'is', 'are')} kept aside"


def outdated(report: AuditReport) -> str:
    """Say how many recordings rest on a machine that is not the one in use."""
    number = report.outdated
    rest = noun(number, "rests on another version of its machine", "rest on another version of their machine")
    return f"{counted(number, 'recording')} {rest}"
