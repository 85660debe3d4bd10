"""Markdown of an audit, for a chat or an issue; provider text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from recording_tracker.grammar import counted
from recording_tracker.recording import Recording
from recording_tracker.report import remarks
from recording_tracker.report.clock import when
from recording_tracker.report.nightly import counted_flags
from recording_tracker.report.safe import printable
from recording_tracker.results import AuditReport

_SPECIAL = re.compile(
    r"""(
        [\\`*_{}\[\]<>()\#+!|~&@]
        | ^-                              # an item of a list
        # Of these some renderers make a link. https://github.github.com/gfm/#autolinks-extension-
        | (?<=www)\. | :(?=//) | (?<=mailto): | (?<=xmpp):
        | :(?=(?!\d\d:)[\w+-]+:)          # a picture, as :tada: is; no time of day
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def audit_markdown(report: AuditReport) -> Iterator[str]:
    """Write an audit as Markdown lines."""
    for provider in report.silent:
        last = report.providers[provider].last_received_at
        yield f"**Silent:** nothing has come from {cell(provider)} since {when(last, report.now) if last else 'ever'}."
        yield "Its recordings may be well and our receiver deaf; look there first."
        yield ""
    yield f"# {len(report.stuck)} stuck of {report.open} open recordings"
    yield ""
    acknowledged = f"{report.acknowledged} of them acknowledged; " if report.acknowledged else ""
    yield f"{acknowledged}{counted(report.recordings, 'recording')} in all, at {report.now:%Y-%m-%d %H:%M:%S}Z."
    yield from _table("Stuck", report.stuck, report)
    yield from _table("Flagged", report.flagged, report)
    for remark in _remarks(report):
        yield ""
        yield cell(remark)
    yield ""
    yield "| provider | recordings | open | outcomes |"
    yield "| --- | ---: | ---: | --- |"
    for name, provider_report in report.providers.items():
        outcomes = ", ".join(f"{outcome} {count}" for outcome, count in sorted(provider_report.outcomes.items()))
        yield f"| {cell(name)} | {provider_report.recordings} | {provider_report.open} | {cell(outcomes)} |"


def _remarks(report: AuditReport) -> Iterator[str]:
    if report.quarantined:
        yield f"{remarks.kept_aside(report)}."
    if report.quarantine_full:
        yield "The quarantine is full: what else cannot be attributed is refused."
    for remark in remarks.unopened(report):
        yield f"{'; '.join(remark)}."
    for provider in report.never_received:
        yield f"{'; '.join(remarks.never_sent(report, provider))}."
    if report.outdated:
        yield f"{remarks.outdated(report)}. {remarks.UPDATE[0].upper()}{remarks.UPDATE[1:]}."
    yield counted_flags(report)


def _table(title: str, recordings: Sequence[Recording], report: AuditReport) -> Iterator[str]:
    if not recordings:
        return
    yield ""
    yield f"## {title}"
    yield ""
    yield "| provider | recording | phase | flag | since | what |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for recording in recordings:
        for flag in recording.flags:
            acknowledged = " (acknowledged)" if flag.acknowledged else ""
            yield (
                f"| {cell(recording.provider)} | {cell(recording.id)} | {recording.phase} | {flag.code}{acknowledged} "
                f"| {when(flag.raised_at, report.now)} | {cell(flag.message)} |"
            )


def cell(text: str) -> str:
    """Write provider text so that Markdown makes nothing of it: no link, no image, no markup, no new row."""
    safe = printable(text)
    # Of an address and of a name after its sign something is made although the sign is escaped; not so in code.
    return _code(safe) if "@" in safe else _SPECIAL.sub(r"\\\1", safe)


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, escaped = "`" * (longest + 1), text.replace("|", r"\|")
    return f"{fence} {escaped} {fence}"
