"""CSV of an audit: one row a silent provider and one a flag, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from recording_tracker.flags import ERROR
from recording_tracker.recording import Recording, text_of
from recording_tracker.report.safe import printable
from recording_tracker.results import AuditReport

HEADS = (
    "section", "provider", "recording_id", "group_id", "phase", "outcome", "state", "events", "last_event",
    "last_received_at", "flag", "severity", "region", "raised_at", "acknowledged", "message",
)  # fmt: skip
# What a spreadsheet would take for a formula. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"\s*[=+\-@\t\r\x00＝＋－＠]")


def audit_csv(report: AuditReport) -> str:
    """Write an audit as CSV with a head line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS)
    writer.writerows(_silent(report, provider) for provider in report.silent)
    for section, recordings in (("stuck", report.stuck), ("flagged", report.flagged)):
        for recording in recordings:
            writer.writerows(_rows(section, recording))
    return out.getvalue()


def _silent(report: AuditReport, provider: str) -> list[object]:
    row = {
        "section": "silent",
        "provider": cell(provider),
        "last_received_at": text_of(report.providers[provider].last_received_at) or "",
        "severity": ERROR,
        "message": "nothing has come for too long; its recordings may be well and our receiver deaf",
    }
    return [row.get(head, "") for head in HEADS]


def _rows(section: str, recording: Recording) -> Iterator[list[object]]:
    last = recording.last_event
    for flag in recording.flags:
        yield [
            section,
            cell(recording.provider),
            cell(recording.recording_id),
            cell(recording.group_id),
            recording.phase,
            recording.outcome or "",
            cell(" ".join(f"{region}:{state}" for region, state in recording.state.items())),
            recording.events,
            cell(last.name if last else None),
            text_of(last.received_at if last else None) or "",
            flag.code,
            flag.severity,
            cell(flag.region),
            text_of(flag.raised_at),
            "yes" if flag.acknowledged else "no",
            cell(flag.message),
        ]


def cell(text: str | None) -> str:
    """Write provider text so that no spreadsheet reads a formula in it."""
    safe = printable(text or "")
    return f"'{safe}" if _FORMULA.match(safe) else safe
