"""Survey: an audit, and beside it what a page shows of each provider: states, times, what its callbacks did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from recording_tracker.journal import Count, OpenTotal
from recording_tracker.machine import Machine
from recording_tracker.machine.sketch import People
from recording_tracker.observed import Observed
from recording_tracker.results import AuditReport


@dataclass(frozen=True, slots=True)
class ProviderSurvey:
    """What there is to show of one provider beside what the audit says."""

    machine: Machine | None
    """None where no machine file is in use for it any more."""
    open: list[OpenTotal]
    bodies: dict[str, int]
    """Result → how many bodies have ever had it."""
    observed: Observed | None
    """None where nothing complete has been folded, or cannot be."""


@dataclass(frozen=True, slots=True)
class Survey:
    """An audit with what there is to show beside it, by provider."""

    report: AuditReport
    providers: dict[str, ProviderSurvey]


def people(totals: Iterable[OpenTotal]) -> dict[tuple[str, str], People]:
    """Count one provider's recordings in each state; a stuck one where its deadline is, or everywhere if it has all."""
    found: dict[tuple[str, str], People] = {}
    for total in totals:
        for place in total.state.items():
            known = found.get(place, People())
            stuck = total.recordings if total.overdue and total.region in (None, place[0]) else 0
            found[place] = People(known.open + total.recordings, known.stuck + stuck)
    return found


def bodies(counts: list[Count], provider: str) -> dict[str, int]:
    """Add up how many bodies of *provider* had which result, of every kind."""
    found = Counter[str]()
    for count in counts:
        if count.provider == provider:
            found[count.result] += count.bodies
    return dict(found)
