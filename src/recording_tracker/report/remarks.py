"""Remarks: what an audit says beside its recordings, in the words of every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from recording_tracker.grammar import counted, noun
from recording_tracker.recording import Recording
from recording_tracker.results import AuditReport

UPDATE = "check --machines or TRACKER_MACHINES first; then 'tracker replay' brings that to the one in use"
"""What to do about recordings that are outdated."""
MOST_NAMES = 3


def unattributed(report: AuditReport) -> str:
    """Say how many bodies could not be attributed."""
    return f"{counted(report.quarantined, 'body', 'bodies')} could not be attributed"


def kept_aside(report: AuditReport) -> str:
    """Say that too, and where they are."""
    return f"{unattributed(report)} and {noun(report.quarantined, 'is', 'are')} kept aside"


def never_sent(report: AuditReport, provider: str) -> tuple[str, str]:
    """Say which promised events of *provider* have never once come, and what that shows."""
    wanted = "; ".join(" or ".join(group) for group in report.never_received[provider])
    due = report.providers[provider].outcomes or any(recording.provider == provider for recording in report.stuck)
    shown = "probably the account has not subscribed to them; say so in limits.subscribed"
    return (
        f"{provider} has never sent: {wanted}",
        shown if due else "no recording of it has ended yet, so they may come",
    )


def unopened(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Say of each provider what came that nothing has opened, and what to do: it is no recording, so no list has it."""
    found: dict[str, list[Recording]] = {}
    for each in report.unopened:
        found.setdefault(each.provider, []).append(each)
    for provider, several in sorted(found.items()):
        names = Counter(each.last_event.name for each in several if each.last_event)
        told = ", ".join(f"{name} {count}" for name, count in names.most_common(MOST_NAMES))
        more = f" and {counted(len(names) - MOST_NAMES, 'other')}" if len(names) > MOST_NAMES else ""
        ids = noun(
            len(several), "is in no list, for nothing has opened it", "are in no list, for nothing has opened them"
        )
        look = f"the newest is {several[-1].id}; see what the provider says of it, for a recording may be lost there"
        yield (
            f"{provider}: {counted(len(several), 'id')} {ids}; what came last: {told}{more}",
            f"{look}; when a machine file knows it, 'tracker replay' takes it in",
        )


def outdated(report: AuditReport) -> str:
    """Say how many recordings rest on a machine that is not the one in use."""
    number = report.outdated
    rest = noun(number, "rests on another version of its machine", "rest on another version of their machine")
    return f"{counted(number, 'recording')} {rest}"
