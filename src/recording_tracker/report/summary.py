"""The summary of many deliveries: what became of them in, words whose numbers add up out."""

from __future__ import annotations

from recording_tracker.grammar import counted
from recording_tracker.results import Summary


def by_result(summary: Summary, *, briefly: bool = False) -> str:
    """Count the deliveries by what became of them, which adds up to all; *briefly* leaves out what none became."""
    told = [
        (summary.accepted, f"{summary.accepted} accepted"),
        (summary.duplicates, counted(summary.duplicates, "duplicate")),
        (summary.quarantined, f"{summary.quarantined} quarantined"),
        (summary.rejected, f"{summary.rejected} rejected"),
        (summary.ignored, f"{summary.ignored} ignored"),
        (summary.expected, f"{summary.expected} expected"),
    ]
    return ", ".join(words for number, words in told if number or not briefly)
