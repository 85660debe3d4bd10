"""Survey: an audit, and beside it what a page shows of each provider: states, times, what its callbacks did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from recording_tracker.adapters import Adapter
from recording_tracker.asking import audit
from recording_tracker.intake import QuarantineLimits
from recording_tracker.journal import Count, OpenTotal
from recording_tracker.machine import Machine
from recording_tracker.machine.sketch import People
from recording_tracker.observed import Observed, observe
from recording_tracker.readers import Readers
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


def conduct(
    readers: Readers,
    adapters: Mapping[str, Adapter],
    machines: Mapping[str, Machine],
    *,
    now_ms: int,
    since: timedelta,
    quarantine_limits: QuarantineLimits,
) -> Survey:
    """Audit as ``asking.audit`` does, and look at every provider of the report."""
    with readers.reading() as journal:
        report = audit(journal, machines, now_ms=now_ms, since=since, quarantine_limits=quarantine_limits)
        open_totals, counts = journal.open_totals(now_ms), journal.counts()
    providers = {}
    for name in report.providers:
        providers[name] = ProviderSurvey(
            machine=machines.get(name),
            open=[total for total in open_totals if total.provider == name],
            bodies=bodies(counts, name),
            observed=_observed(readers, adapters, machines, name) if name in adapters and name in machines else None,
        )
    return Survey(report, providers)


def _observed(
    readers: Readers, adapters: Mapping[str, Adapter], machines: Mapping[str, Machine], provider: str
) -> Observed | None:
    # One provider at a time, for a long read keeps the log of a writer from being cut.
    with readers.reading() as journal:
        found = observe(journal, adapters, machines, provider=provider)
    return found if found.recordings else None


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
